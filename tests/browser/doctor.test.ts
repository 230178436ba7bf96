/** The relay's doctor page in a real Chromium: what an operator sees of a sound relay, and of one that is not. */

import { instant } from "@skein/protocol/ids";
import { startRelay, type RelayOptions } from "@skein/relay/relay";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { axeFindings } from "./axe.ts";
import { connect } from "../interop/relay-scene.ts";
import { launch } from "./chromium.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
}, 60_000);
afterAll(() => browser.close());

interface Looked {
  readonly findings: ReadonlyArray<string>;
  readonly end: string;
  readonly complaints: ReadonlyArray<string>;
  readonly axe: ReadonlyArray<string>;
}

/** The relay shares this process and its lateness, for which it would let nobody in. */
const patient = { lagMillisMax: 60_000 };

async function look(options: RelayOptions): Promise<Looked> {
  await using rita = await startRelay({ ...options, limits: patient });
  return await lookAt(rita.port);
}

/** Opens the page and lets its minute of waiting pass. */
async function lookAt(
  port: number,
  meanwhile: (page: Page) => Promise<void> = () => Promise.resolve(),
): Promise<Looked> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.clock.install();
  await page.goto(`http://127.0.0.1:${port}/doctor`);
  await meanwhile(page);
  const end = page.locator("#end");
  await expect.poll(() => end.textContent(), { timeout: 20_000 }).toMatch(/minute|bad/u);
  if (/minute/u.test((await end.textContent()) ?? "")) await pass(page);
  await expect.poll(() => end.textContent(), { timeout: 20_000 }).toMatch(/\d bad/u);
  const findings = await page
    .locator("#findings li")
    .evaluateAll((items) => items.map((item) => `${item.dataset["verdict"]}: ${item.textContent}`));
  const axe = await axeFindings(page);
  const text = (await end.textContent()) ?? "";
  expect(await page.locator("main").textContent()).toContain("--no-app --origin");
  await context.close();
  return { findings, end: text, complaints, axe };
}

async function pass(page: Page): Promise<void> {
  await page.clock.fastForward(71_000);
}

test("of a sound relay the doctor finds nothing bad, with nothing for axe or the page's policy to complain of", async () => {
  const { findings, end, complaints, axe } = await look({});
  expect(complaints).toEqual([]);
  expect(axe).toEqual([]);
  expect(findings).toEqual([
    "good: The page is secure: the app may keep and seal things.",
    "good: The relay takes you for 127.0.0.1.",
    "good: WebSockets pass, and the relay speaks version 1.",
    "good: The relay's clock and yours agree.",
    expect.stringMatching(/^good: 256 bytes went through in \d+ ms\.$/u),
    expect.stringMatching(/^good: 65536 bytes went through in \d+ ms\.$/u),
    expect.stringMatching(/^note: The relay names no STUN or TURN servers\./u),
    "good: A connection that says nothing stays for over a minute.",
  ]);
  expect(end).toBe("7 good, 1 to note, 0 bad.");
}, 60_000);

test("of a relay whose clock is a decade late and whose TURN server is not there the doctor says both", async () => {
  const now = instant(Math.floor(performance.timeOrigin + performance.now()));
  const { findings } = await look({
    clock: {
      monotonicMillis: () => Math.floor(performance.now()),
      wallMillis: () => now - 10 * 365 * 86_400_000,
    },
    iceServers: ["turn:127.0.0.1:9"],
    turnSecret: "between the relay and coturn",
  });
  const bad = findings.filter((finding) => finding.startsWith("bad"));
  expect(bad).toEqual([
    expect.stringMatching(/^bad: The relay's clock is -\d+ s off yours/u),
    "bad: TURN did not answer, or did not take the relay's words.",
  ]);
}, 60_000);

test("of a relay that is full the doctor says so, waits, and goes on once Alice has left", async () => {
  await using rita = await startRelay({ limits: { ...patient, connectionsMax: 2 } });
  const alice = await connect(rita.port);
  const { findings, end } = await lookAt(rita.port, async (page) => {
    const note = page.getByText("The relay lets nobody new in now, it is full.");
    await note.waitFor({ timeout: 20_000 });
    alice.webSocket.terminate();
  });
  expect(findings).toContain(
    "note: The relay lets nobody new in now, it is full. This page waits for up to half a minute.",
  );
  expect(end).toBe("7 good, 2 to note, 0 bad.");
}, 60_000);
