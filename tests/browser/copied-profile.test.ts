/** The profile of an account's only device, copied while its browser was closed, and both copies started. */

import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { launchProfile } from "./chromium.ts";
import { Device } from "./device.ts";
import { startRelayProcess } from "./relay-process.ts";

test("A15: two browsers on copies of one profile are both told, and no other device is needed for it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "skein-copied-"));
  const [first, second] = [join(folder, "first"), join(folder, "second")];
  try {
    await using relay = await startRelayProcess();
    await (async () => {
      await using profile = await launchProfile(first);
      await (await Device.open(profile, relay.url)).createAccount();
    })();
    await cp(first, second, { recursive: true });
    await using mine = await launchProfile(first);
    const alice = await Device.open(mine, relay.url);
    await alice.waitForRole("Writer");
    expect(await alice.page.getByText(notice).count()).toBe(0);
    await using copied = await launchProfile(second);
    const copy = await Device.open(copied, relay.url);
    for (const { page } of [alice, copy]) await page.getByText(notice).waitFor();
    expect([...alice.complaints, ...copy.complaints]).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, maxRetries: 5 });
  }
});

const notice = "Another copy of this browser profile is connected to your account.";
