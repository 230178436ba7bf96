/** Logs that somebody floods with forks: whatever order they come in, everybody keeps the same of them. */

import { formatHex } from "@skein/protocol/bytes";
import { instant, parseEntryId, type EntryId } from "@skein/protocol/ids";
import { membershipPlacesPerAuthor } from "@skein/protocol/limits";
import { expect, test } from "vitest";
import { openCrypto, type Crypto } from "@skein/auth/crypto/sodium";
import type { NodeKeys } from "@skein/auth/identity";
import { recoverAccount, revokeNodes } from "@skein/auth/membership-changes";
import { membershipVersion } from "@skein/auth/membership-entry";
import { proposeRename, sign } from "@skein/auth/membership-proposals";
import type { MembershipLog } from "@skein/auth/membership";
import { chanceOf, makeUpAccount, type MadeUpAccount } from "@skein/auth/testing/account";

const sodium = await openCrypto();
/** The same signatures are looked at at every node: each is worked out once. */
const verified = new Map<string, boolean>();
const crypto: Crypto = {
  ...sodium,
  verify: (publicKey, message, signature) => {
    const key = formatHex(signature) + formatHex(message);
    const answer = verified.get(key) ?? sodium.verify(publicKey, message, signature);
    verified.set(key, answer);
    return answer;
  },
};
const at = instant(1_700_000_000_000);
const flood = membershipPlacesPerAuthor + 600;

interface Flooded {
  readonly world: MadeUpAccount;
  readonly phone: NodeKeys;
  readonly tablet: NodeKeys;
  /** What the phone and the tablet know: one of the forks too, on which the tablet built before it knew. */
  readonly honest: MembershipLog;
  /** All that was ever said, without the genesis. */
  readonly said: ReadonlyArray<Uint8Array>;
}

/** Mallory has the laptop, the account's first node, and says thousands of things in a few places of its chain. */
function floodOf(seed: number): Flooded {
  const world = makeUpAccount(crypto, seed);
  const { first: laptop, mint, add, change } = world;
  const honest = world.open();
  const [phone, tablet] = [mint(), mint()];
  const [genesis] = honest.heads();
  if (genesis === undefined) throw new Error("a log begins with its genesis");
  honest.add(add(honest, laptop, phone));
  honest.add(add(honest, phone, tablet));
  const fork = rename(honest, laptop, { sequence: 2, parents: honest.heads(), name: "Seen" });
  honest.add(fork);
  honest.add(proposeRename({ ...change(honest, tablet), name: "Built upon it" }));
  const chance = chanceOf(seed);
  const places = [{ sequence: 1, parents: [genesis] }];
  const forks: Uint8Array[] = [];
  while (forks.length < flood) {
    const { sequence, parents } = places[Math.floor(chance() * places.length)] ?? {
      sequence: 1,
      parents: [genesis],
    };
    const entry = rename(honest, laptop, { sequence, parents, name: `${forks.length}` });
    forks.push(entry);
    // Some go on from forks, so that there are branches, and not one fan.
    if (forks.length % 100 === 0) places.push({ sequence: sequence + 1, parents: [idOf(entry)] });
  }
  return { world, phone, tablet, honest, said: [...honest.all().slice(1), ...forks] };
}

function idOf(entry: Uint8Array): EntryId {
  const id = parseEntryId(formatHex(crypto.hash("entry", entry)));
  if (id === undefined) throw new Error("a hash is an entry id");
  return id;
}

function rename(
  log: MembershipLog,
  keys: NodeKeys,
  said: {
    readonly sequence: number;
    readonly parents: ReadonlyArray<EntryId>;
    readonly name: string;
  },
): Uint8Array {
  const common = { version: membershipVersion, log: log.account, author: keys.id, at } as const;
  return sign({ log, keys, at }, { type: "node.rename", ...common, ...said });
}

function shuffle<T>(items: ReadonlyArray<T>, chance: () => number): ReadonlyArray<T> {
  return items
    .map((item) => ({ item, rank: chance() }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

/** Gives each other what is lacking until nobody has news, as nodes that meet do. */
function meet(one: MembershipLog, other: MembershipLog): void {
  for (let round = 0; round < 20 && tell(one) !== tell(other); round++) {
    for (const entry of one.entriesAfter(other.heads())) other.add(entry, "one");
    for (const entry of other.entriesAfter(one.heads())) one.add(entry, "other");
  }
}

function tell(log: MembershipLog): string {
  const { nodes, revoked, equivocations, epoch, door } = log.state();
  const who = [[...nodes.keys()].toSorted(), [...revoked].toSorted()];
  const kept = log.all().map(idOf).toSorted();
  return JSON.stringify([who, equivocations.length, epoch, formatHex(door.sign), kept]);
}

/** With few `SEEDS`, as where mistakes are planted, one of them. */
const floods =
  Number(process.env["SEEDS"] ?? 4_000) < 1_000 ? [floodOf(1)] : [floodOf(1), floodOf(2)];

test("A3, A5: of a flood of forks everybody keeps the same, whatever the order and however it was split, and no more than there are places", () => {
  for (const { world, honest, said } of floods) {
    const { chance } = world;
    const whole = world.open(said);
    const kept = new Set(whole.all().map(idOf));
    expect(kept.size).toBeLessThan(said.length);
    expect(kept.size).toBeLessThanOrEqual(3 * 2 * membershipPlacesPerAuthor);
    // What others said stays, and what they built upon.
    expect(honest.all().filter((entry) => !kept.has(idOf(entry)))).toEqual([]);
    for (let way = 0; way < 2; way++) {
      const shuffled = world.open(shuffle(said, chance));
      meet(shuffled, whole);
      expect(tell(shuffled)).toBe(tell(whole));
      const [left, right] = [world.open(), world.open()];
      for (const entry of shuffle(said, chance)) (chance() < 0.5 ? left : right).add(entry);
      meet(left, right);
      expect(tell(left)).toBe(tell(whole));
      expect(tell(right)).toBe(tell(whole));
    }
  }
});

test("A4, A5: whoever floods a log with forks is thrown out with the passphrase, and with the recovery kit, also by one that saw the flood", () => {
  for (const { world, phone, tablet, honest, said } of floods) {
    const { random, door, first, mint, newDoor } = world;
    const flooded = world.open(said);
    for (const log of [honest, flooded]) {
      const change = { crypto, random, log, at };
      const targets = [first.id];
      const gone = revokeNodes({
        ...change,
        readKey: undefined,
        keys: phone,
        targets,
        reason: "compromised",
        door,
      });
      expect(gone.refused).toEqual([]);
      const after = world.open(said);
      for (const entry of gone.entries) expect(after.add(entry).kind).toBe("accepted");
      expect([...after.state().nodes.keys()].toSorted()).toEqual([phone.id, tablet.id].toSorted());
      using recovery = world.recovery();
      const found = { keys: mint(), name: "Found", platform: "Linux" };
      const saved = recoverAccount({
        ...change,
        recovery,
        door: newDoor(),
        remove: targets,
        ...found,
      });
      expect(saved.refused).toEqual([]);
      for (const entry of saved.entries) expect(after.add(entry).kind).toBe("accepted");
      expect(after.state().nodes.has(found.keys.id)).toBe(true);
      expect(after.state().nodes.has(first.id)).toBe(false);
    }
  }
});
