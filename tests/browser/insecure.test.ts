/** The app over plain http on a network, where browsers have no WebCrypto, locks, caches or service workers for it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext } from "playwright-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { launchProfile } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRelayProcess, type RelayProcess } from "./relay-process.ts";

/** A name that only this browser knows, and that it does not trust as it would `localhost`. */
const machine = "machine.test";

let folder: string;
let relay: RelayProcess;
let address: string;
const running: BrowserContext[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "skein-insecure-"));
  relay = await startRelayProcess();
  address = relay.url.replace("localhost", machine);
});
afterEach(async () => {
  await close();
  await relay[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, maxRetries: 5 });
});

test("over plain http Alice makes an account and a commit, and both are there the next time", async () => {
  const alice = await open();
  expect(await alice.page.evaluate(() => [isSecureContext, "caches" in globalThis])).toEqual([
    false,
    false,
  ]);
  await alice.createAccount();
  await alice.newRepository("notes");
  const tip = await alice.commitFile("hello.txt", "Hello.\n", "Say hello");
  await close();
  const again = await open();
  await again.waitForRole("Writer");
  await again.openRepository("notes");
  expect(await again.tip()).toBe(tip);
  // The browser says of one header that it is for secure places only.
  const complaints = [...alice.complaints, ...again.complaints];
  expect(complaints.filter((text) => !text.includes("Cross-Origin-Opener-Policy"))).toEqual([]);
});

async function open(): Promise<Device> {
  const profile = await launchProfile(folder, {
    args: [`--host-resolver-rules=MAP ${machine} 127.0.0.1`],
  });
  running.push(profile);
  return await Device.open(profile, address);
}

async function close(): Promise<void> {
  for (const profile of running.splice(0)) await profile.close();
}
