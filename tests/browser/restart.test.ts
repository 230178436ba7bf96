/** Two browsers on profiles of their own, closed for good and started again. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext } from "playwright-core";
import { afterEach, expect, test } from "vitest";
import { launchProfile } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRelayProcess } from "./relay-process.ts";

const running: BrowserContext[] = [];

afterEach(async () => {
  for (const profile of running.splice(0)) await profile.close();
});

test("both browsers closed and started again, everything is there and they find each other", async () => {
  const folder = await mkdtemp(join(tmpdir(), "skein-"));
  await using relay = await startRelayProcess();
  const start = async (name: string): Promise<Device> => {
    const profile = await launchProfile(join(folder, name));
    running.push(profile);
    return Device.open(profile, relay.url);
  };
  try {
    let [alice, bob] = [await start("alice"), await start("bob")];
    const words = await alice.createAccount();
    await alice.newRepository("notes");
    await bob.signIn(words);
    await alice.authorise(bob);
    await bob.openRepository("notes");
    const tip = await bob.commitFile("from-bob.txt", "Hello.\n", "Say hello");
    await alice.waitForTip(tip);
    const known = [await alice.devices(), await bob.devices()];
    expect(known[0]).toHaveLength(2);
    expect(known[1]).toHaveLength(2);

    for (const profile of running.splice(0)) await profile.close();
    [alice, bob] = [await start("alice"), await start("bob")];
    for (const [index, device] of [alice, bob].entries()) {
      await device.waitForRole("Writer");
      expect(await device.devices()).toEqual(known[index]);
      await device.openRepository("notes");
      expect(await device.tip()).toBe(tip);
    }
    const fromAlice = await alice.commitFile("again.txt", "Again.\n", "Come back");
    await bob.waitForTip(fromAlice);
    const fromBob = await bob.commitFile("so-am-i.txt", "So am I.\n", "Come back too");
    await alice.waitForTip(fromBob);
    expect([...alice.complaints, ...bob.complaints]).toEqual([]);
  } finally {
    for (const profile of running.splice(0)) await profile.close();
    await rm(folder, { recursive: true });
  }
});
