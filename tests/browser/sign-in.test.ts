/** Signing in where nobody answers: what is sent, and when. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeFindings } from "./axe.ts";
import { launch } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRecordingProxy, type RecordingProxy } from "./recording-proxy.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";

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

test("a wrong word is caught before anything is sent", async () => {
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

/** Twelve words with the right checksum that are nobody's. */
const words = `${"abandon ".repeat(11)}about`;
