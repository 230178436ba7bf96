/** More members than an account admits, as additions that cross and removals that are left out can make them. */

import type { EntryId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import { expect, test } from "vitest";
import { openCrypto } from "./crypto/sodium.ts";
import type { NodeKeys } from "./identity.ts";
import {
  changePassphrase,
  hasBoxForEach,
  proposeRotation,
  recoverAccount,
  revokeNodes,
} from "./membership-changes.ts";
import { debts } from "./membership-debts.ts";
import type { MembershipLog } from "./membership.ts";
import { openReadKey } from "./read-key.ts";
import { makeUpAccount } from "./testing/account.ts";

const crypto = await openCrypto();

test("an account at its limit gives every member a new key, in one entry that has room", () => {
  const { log, change, first, members } = fullAccount(71);
  expect(log.state().nodes.size).toBe(nodesPerAccountMax);
  expect(log.add(proposeRotation(change(log, first)).entry).kind).toBe("accepted");
  for (const keys of members)
    expect(openReadKey({ crypto, state: log.state(), keys })).toBeDefined();
});

test("A4: an account that a thief's removals, left out, made too large throws nothing, and has a new key once some were removed", () => {
  const { log, world, thief, extra } = crowdedAccount(72);
  const { door, first, change, newDoor } = world;
  expect(log.state().nodes.size).toBe(nodesPerAccountMax + 4);
  expect(hasBoxForEach(log.state())).toBe(false);
  expect(log.state().nodes.has(thief.id)).toBe(false);
  expect(debts(log.state())).not.toEqual([]);
  const changed = changePassphrase({ ...change(log, first), oldDoor: door, newDoor: newDoor() });
  expect(changed).toEqual({
    entries: [],
    readKey: undefined,
    refused: [{ kind: "unsaid", reason: "account-full" }],
  });
  const removal = { reason: "retired" as const, door };
  const some = extra.slice(0, 2).map(({ id }) => id);
  const less = revokeNodes({ ...change(log, first), ...removal, targets: some });
  expect(less).toMatchObject({ refused: [], readKey: undefined });
  for (const entry of less.entries) expect(log.add(entry).kind).toBe("accepted");
  expect(hasBoxForEach(log.state())).toBe(false);
  const rest = extra.slice(2, 4).map(({ id }) => id);
  const paid = revokeNodes({ ...change(log, first), ...removal, targets: rest });
  expect(paid.readKey).toBeDefined();
  for (const entry of paid.entries) expect(log.add(entry).kind).toBe("accepted");
  expect(log.state().nodes.size).toBe(nodesPerAccountMax);
  expect(debts(log.state())).toEqual([]);
});

test("A4: the recovery kit that keeps too many is refused without a throw, and one that keeps fewer has the account again", () => {
  const { log, world, extra } = crowdedAccount(73);
  using recovery = world.recovery();
  const recover = (remove: ReadonlyArray<NodeKeys>) =>
    recoverAccount({
      crypto,
      random: world.random,
      log,
      at: world.change(log, world.first).at,
      recovery,
      door: world.newDoor(),
      keys: world.mint(),
      name: "New laptop",
      platform: "Linux",
      remove: remove.map(({ id }) => id),
    });
  const refused = recover([]);
  expect(refused.entries).toEqual([]);
  expect(refused.refused).toMatchObject([{ kind: "inert" }]);
  const saved = recover(extra);
  expect(saved.refused).toEqual([]);
  expect(saved.readKey).toBeDefined();
});

/** As many members as an account admits. */
function fullAccount(seed: number) {
  const world = makeUpAccount(crypto, seed);
  const log = world.open();
  const members = [world.first];
  const admit = (): NodeKeys => {
    const keys = world.mint();
    expect(log.add(world.add(log, world.first, keys)).kind).toBe("accepted");
    members.push(keys);
    return keys;
  };
  while (log.state().nodes.size < nodesPerAccountMax) admit();
  return { ...world, log, members, admit };
}

/** A thief with a node and the words removed five, whose places were taken; then its removals were left out. */
function crowdedAccount(seed: number) {
  const { log, members, admit, ...world } = fullAccount(seed);
  const [, thief, ...others] = members;
  if (thief === undefined) throw new Error("there is a second");
  const { door, first, change } = world;
  const stolen: EntryId[] = [];
  for (const { id: target } of others.slice(0, 5)) {
    const [entry] = revokeNodes({
      ...change(log, thief),
      targets: [target],
      reason: "lost",
      door,
    }).entries;
    const verdict = entry && log.add(entry);
    if (verdict?.kind !== "accepted") throw new Error("the thief has the words");
    stolen.push(verdict.id);
  }
  rotate(log, change(log, first));
  const extra = Array.from({ length: 5 }, () => admit());
  const removal = { targets: [thief.id], reason: "compromised" as const, door };
  const made = revokeNodes({ ...change(log, first), ...removal, leaveOut: stolen });
  expect(made.refused).toEqual([]);
  for (const entry of made.entries) expect(log.add(entry).kind).toBe("accepted");
  return { log, world: { ...world, newDoor: world.newDoor }, thief, extra };
}

function rotate(log: MembershipLog, change: Parameters<typeof proposeRotation>[0]): void {
  expect(log.add(proposeRotation(change).entry).kind).toBe("accepted");
}
