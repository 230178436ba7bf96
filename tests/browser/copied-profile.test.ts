/** The profile of an account's only device, copied while its browser was closed, and both copies started. */

import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explainFile } from "@skein/auth/explain";
import type { BrowserContext } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchProfile } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";

let folder: string;
let relay: RelayProcess;
let words: string;
const running = new Map<string, BrowserContext>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skein-copied-"));
  relay = await startRelayProcess();
  words = await (await start("first")).createAccount();
  await close("first");
  await cp(join(folder, "first"), join(folder, "second"), { recursive: true });
});
afterAll(async () => {
  for (const name of running.keys()) await close(name);
  await relay[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, maxRetries: 5 });
});

test("A15: two browsers on copies of one profile both stop signing until a person chose, and no other device is needed for it", async () => {
  const first = await start("first");
  await first.waitForRole("Writer");
  expect(await first.page.getByText(notice).count()).toBe(0);
  const second = await start("second");
  for (const { page } of [first, second]) {
    await page.getByText(notice).waitFor();
    expect(await page.getByTestId("node-role").textContent()).toBe("Not signing");
  }
  // It is said until it is answered, also after the page was loaded again.
  await first.page.reload();
  await first.page.getByText(notice).waitFor();
  for (const { page } of [first, second]) {
    await page.getByRole("button", { name: "Go on here" }).click();
    await page.getByText(notice).waitFor({ state: "hidden" });
  }
  await rename(first, "Alice");
  await rename(second, "Also Alice");
  expect([...first.complaints, ...second.complaints]).toEqual([]);
});

test("A15: whoever hears both copies has proof that their keys are in two places, and saves it as a file", async () => {
  await close("first");
  const bob = await start("bob");
  await bob.signIn(words);
  await bob.goTo("Devices");
  await bob.page.getByText("Also Alice").first().waitFor();
  await close("second");
  await start("first");
  const { page } = bob;
  const proofs = page.getByTestId("proofs").getByRole("listitem");
  const look = async (): Promise<number> => {
    await bob.goTo("Network");
    await bob.goTo("Devices");
    await page.getByRole("heading", { name: "Safety" }).waitFor();
    return proofs.count();
  };
  await expect.poll(look, { timeout: 40_000, interval: 500 }).toBe(1);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: /^Save the proof/u }).click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/Alice-\d+\.proof$/u);
  const told = await explainFile(await readFile(await file.path()));
  expect(told?.join("\n")).toMatch(/^Proof: [^]*Its keys are in two places\.$/mu);
  expect(bob.complaints).toEqual([]);
});

async function start(name: string): Promise<Device> {
  const profile = await launchProfile(join(folder, name));
  running.set(name, profile);
  return Device.open(profile, relay.url);
}

async function close(name: string): Promise<void> {
  await running.get(name)?.close();
  running.delete(name);
}

async function rename(device: Device, name: string): Promise<void> {
  const { page } = device;
  await device.goTo("Devices");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Save", exact: true }).first().click();
  await page.locator(".node-list").first().getByText(name).waitFor();
}

const notice = "This device runs in two places";
