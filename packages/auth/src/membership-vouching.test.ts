import { expect, test } from "vitest";
import { assert } from "@skein/protocol/errors";
import {
  instant,
  parseRecordHash,
  parseRepoId,
  type EntryId,
  type Instant,
  type NodeId,
} from "@skein/protocol/ids";
import { openCrypto } from "./crypto/sodium.ts";
import type { NodeKeys } from "./identity.ts";
import { proposeRotation, revokeNodes, seenSince } from "./membership-changes.ts";
import { debts } from "./membership-debts.ts";
import { proposeRename, proposeRevoke } from "./membership-proposals.ts";
import type { MembershipLog } from "./membership.ts";
import { chanceOf, makeUpAccount, type MadeUpAccount } from "./testing/account.ts";

const crypto = await openCrypto();

interface Stolen {
  readonly world: MadeUpAccount;
  readonly log: MembershipLog;
  readonly phone: NodeKeys;
  readonly tablet: NodeKeys;
  readonly friend: NodeKeys;
  readonly accomplice: NodeKeys;
  /** What the revoker first saw at a moment or later, of the phone. */
  readonly since: (moment: number) => ReadonlyArray<EntryId>;
}

/** The laptop let in the phone and a tablet, the phone a friend. Then it is stolen, lets an accomplice in and removes the friend. */
function steal(seed: number): Stolen {
  const world = makeUpAccount(crypto, seed);
  const log = world.open();
  const [phone, tablet, friend, accomplice] = [
    world.mint(),
    world.mint(),
    world.mint(),
    world.mint(),
  ];
  const seen = new Map<EntryId, Instant>();
  const see = (now: number): void => {
    for (const { id } of log.told()) if (!seen.has(id)) seen.set(id, instant(now));
  };
  log.add(world.add(log, world.first, phone));
  log.add(world.add(log, phone, tablet));
  log.add(world.add(log, phone, friend));
  see(1_000);
  log.add(world.add(log, phone, accomplice));
  log.add(proposeRevoke({ ...world.change(log, phone), target: friend.id, reason: "lost" }));
  see(3_000);
  const seenAt = (entry: EntryId): Instant | undefined => seen.get(entry);
  const since = (moment: number): ReadonlyArray<EntryId> =>
    seenSince({ log, node: phone.id, since: instant(moment), seenAt });
  return { world, log, phone, tablet, friend, accomplice, since };
}

function addAll(log: MembershipLog, entries: ReadonlyArray<Uint8Array>): void {
  for (const entry of entries) expect(log.add(entry).kind).toBe("accepted");
}

function revokePhone(
  { world, log, phone }: Stolen,
  by: NodeKeys,
  leaveOut: ReadonlyArray<EntryId>,
): void {
  const removal = {
    targets: [phone.id],
    reason: "compromised",
    door: world.door,
    leaveOut,
  } as const;
  addAll(log, revokeNodes({ ...world.change(log, by), ...removal }).entries);
}

const inThe = ({ log }: Stolen, ...nodes: ReadonlyArray<{ readonly id: NodeId }>) =>
  nodes.map(({ id }) => log.state().nodes.has(id));

test("A4: what a thief did after an instant does not count, whatever its revoker's own device signed upon it since", () => {
  for (const [seed, interlude] of ["rename", "rotation", "both"].entries()) {
    const story = steal(seed + 1);
    const { world, log, phone, tablet, friend, accomplice } = story;
    expect(inThe(story, friend, accomplice)).toEqual([false, true]);
    const { first } = world;
    if (interlude !== "rotation")
      addAll(log, [proposeRename({ ...world.change(log, first), name: "Mine" })]);
    if (interlude !== "rename") {
      expect(debts(log.state()).map(({ kind }) => kind)).toEqual(["held-by-others"]);
      addAll(log, [proposeRotation(world.change(log, first)).entry]);
    }
    revokePhone(story, first, story.since(2_000));
    expect(inThe(story, first, tablet, friend, phone, accomplice)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(debts(log.state())).toEqual([]);
    if (interlude !== "rotation") expect(log.state().nodes.get(first.id)?.name).toBe("Mine");
    addAll(log, [
      proposeRename({ ...world.change(log, first), name: "Still mine" }),
      proposeRotation(world.change(log, friend)).entry,
    ]);
    const chance = chanceOf(seed + 50);
    for (let order = 0; order < 4; order++) {
      const dealt = log.all().map((entry) => ({ entry, rank: chance() }));
      const sorted = dealt.toSorted((a, b) => a.rank - b.rank).map(({ entry }) => entry);
      expect(world.open(sorted).state()).toEqual(log.state());
    }
  }
});

test("A4: whoever the stolen node let in stays in when it revokes it as of before, and vouches for no more than that", () => {
  const story = steal(7);
  const { world, log, phone, tablet, friend, accomplice } = story;
  addAll(log, [proposeRename({ ...world.change(log, tablet), name: "Mine" })]);
  revokePhone(story, tablet, story.since(0));
  expect(inThe(story, world.first, tablet, friend, phone, accomplice)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("A4: the recovery key that has seen a thief's work and built upon it leaves it out all the same", () => {
  const story = steal(8);
  const { world, log, phone, friend, accomplice } = story;
  const recovery = { ...world.change(log, world.first), keys: world.recovery() };
  addAll(log, [proposeRotation(recovery).entry]);
  const left = { target: phone.id, reason: "lost", leaveOut: story.since(2_000) } as const;
  addAll(log, [proposeRevoke({ ...recovery, ...left })]);
  expect(inThe(story, friend, phone, accomplice)).toEqual([true, false, false]);
});

test("a node that leaves cannot take back what it said, and so bring back whom it removed", () => {
  const story = steal(9);
  const { world, log, phone, tablet, friend } = story;
  const [repo, hash] = [parseRepoId(log.account), parseRecordHash(log.account)];
  assert(repo !== undefined && hash !== undefined, "an id is as long as any other");
  const frontier = [{ repo, seq: 0, hash }];
  const leaving = { target: phone.id, reason: "retired", frontier } as const;
  addAll(log, [proposeRevoke({ ...world.change(log, phone), ...leaving })]);
  expect(inThe(story, tablet, friend, phone)).toEqual([true, false, false]);
});
