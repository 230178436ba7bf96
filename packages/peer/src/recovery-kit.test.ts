import { openCrypto } from "@skein/auth/crypto/sodium";
import { changePassphrase } from "@skein/auth/membership-changes";
import { makeUpAccount } from "@skein/auth/testing/account";
import { instant } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import type { StoredSafety } from "./home-vault.ts";
import { firstAuthor } from "./identity.ts";
import { RecoveryKit } from "./recovery-kit.ts";

const crypto = await openCrypto();

/** Alice's kit, as it is found when her program begins with what was stored. */
function keeping() {
  const world = makeUpAccount(crypto, 3);
  const { random, door, first, sealedRecovery } = world;
  const log = world.open();
  const { readKey } = world.change(log, first);
  if (readKey === undefined) throw new Error("she has it");
  let stored: StoredSafety = {
    sealedKit: sealedRecovery,
    kitWritten: 0,
    reminded: undefined,
    former: undefined,
    kitDoor: door.signPublic,
    nextKit: undefined,
  };
  const begin = (): RecoveryKit =>
    new RecoveryKit({
      crypto,
      random,
      clock: { now: () => instant(1_800_000_000_000), wake: () => () => undefined },
      identity: {
        keys: first,
        meeting: door.meeting,
        readKey,
        log,
        pass: undefined,
        nodeName: "alice",
        platform: "test",
        author: firstAuthor("alice"),
      },
      safety: () => stored,
      keep: async (change) => {
        stored = { ...stored, ...change };
      },
    });
  return { world, log, begin, stored: () => stored };
}

test("Alice, who is stopped while the words change, opens her kit with whichever are in force then", async () => {
  for (const wereChanged of [false, true]) {
    const { world, log, begin, stored } = keeping();
    const { door: oldDoor, first } = world;
    const newDoor = world.newDoor();
    await begin().sealBoth(oldDoor, newDoor);
    const change = { ...world.change(log, first), oldDoor, newDoor };
    if (wereChanged) for (const entry of changePassphrase(change).entries) log.add(entry);
    const kit = begin();
    expect(kit.view()).toEqual({ phase: "kept" });
    await kit.show(wereChanged ? newDoor : oldDoor);
    expect(kit.view()).toMatchObject({ phase: "shown" });
    expect(stored()).toMatchObject({ nextKit: undefined });
    const other = wereChanged ? oldDoor : newDoor;
    await expect(begin().show(other)).rejects.toThrow("not the words of this account");
  }
});

test("who types the words in force is told that the kit is under those from before, and others that they are wrong", async () => {
  const { world, log, begin } = keeping();
  const newDoor = world.newDoor();
  const change = { ...world.change(log, world.first), oldDoor: world.door, newDoor };
  const whatOf = async (door: typeof newDoor): Promise<string> =>
    begin()
      .show(door)
      .then(() => "shown", String);
  expect(await whatOf(newDoor)).toContain("not the words of this account");
  for (const entry of changePassphrase(change).entries) log.add(entry);
  expect(await whatOf(newDoor)).toContain("from before the passphrase was changed");
  expect(await whatOf(world.door)).toBe("shown");
});
