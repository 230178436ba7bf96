/** Signing in where nobody answers, and where two do: what is sent, and when. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeFindings } from "./axe.ts";
import { launch } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRecordingProxy, type RecordingProxy } from "./recording-proxy.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";
import { unwrappedHome } from "./stored-bytes.ts";

let relay: RelayProcess;
let proxy: RecordingProxy;
let browser: Browser;
let bob: Device;

beforeAll(async () => {
  relay = await startRelayProcess();
  proxy = await startRecordingProxy(relay.url);
  browser = await launch();
  bob = await Device.open(await browser.newContext(), proxy.url);
});

afterAll(async () => {
  await browser.close();
  await proxy[Symbol.asyncDispose]();
  await relay.kill();
});

test("A25 a wrong word is caught before anything is sent", async () => {
  await bob.enterWords(words.replace(/about$/u, "qwertyuiop"));
  await bob.page.getByText("is not one of the words").waitFor();
  expect(await bob.page.getByTestId("node-role").count()).toBe(0);
  expect(proxy.messages).toHaveLength(0);
});

test("words that fit are sent for, and the wait for an answer is told step by step", async () => {
  await bob.page.getByRole("button", { name: "Back" }).click();
  await bob.enterWords(words);
  await bob.page.getByRole("button", { name: "Stop" }).waitFor();
  await expect.poll(() => proxy.messages.length, { timeout: 30_000 }).toBeGreaterThan(0);
  await bob.page.locator('li[aria-current="step"]').waitFor();
  expect(await axeFindings(bob.page)).toEqual([]);
  expect(bob.complaints).toEqual([]);
});

test("A6 a second account that answers to the words later stops the device, and says so", async () => {
  const open = async (): Promise<Device> =>
    Device.atHome(await browser.newContext(), proxy.url, await unwrappedHome(words.split(" ")));
  const alice = await open();
  await bob.page.getByTestId("node-role").filter({ hasText: "Read-only" }).waitFor();
  await alice.request.waitFor({ timeout: 60_000 });
  // Somebody else knows the words, and made an account of their own with them.
  const mallory = await open();
  await bob.page
    .getByText("Two different accounts answer to this passphrase")
    .waitFor({ timeout: 60_000 });
  expect(await axeFindings(bob.page)).toEqual([]);
  await bob.page.reload();
  await bob.page.getByText("Somebody else knows your words").waitFor();
  expect(await Promise.all([alice, mallory].map((device) => device.role()))).toEqual([
    "Writer",
    "Writer",
  ]);
});

test("no other page can frame the app", async () => {
  const page = await browser.newPage();
  const answer = await page.goto(relay.url);
  expect(answer?.headers()["content-security-policy"]).toContain("frame-ancestors 'none'");
  await page.goto("about:blank");
  await page.setContent(`<iframe src="${relay.url}"></iframe>`);
  // What the browser shows in the place of a page that may not be framed.
  await expect.poll(() => page.frames().at(1)?.url()).toBe("chrome-error://chromewebdata/");
});

/** Twelve words with the right checksum that are nobody's. */
const words = `${"abandon ".repeat(11)}about`;
