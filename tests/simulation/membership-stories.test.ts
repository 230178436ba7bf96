import { expect, test } from "vitest";
import { formatHex } from "@skein/protocol/bytes";
import { instant, type EntryId, type NodeId } from "@skein/protocol/ids";
import { SecretKey } from "@skein/auth/crypto/secret";
import { openCrypto, type Crypto } from "@skein/auth/crypto/sodium";
import { openDoor } from "@skein/auth/door";
import { mintNodeKeys, type NodeKeys } from "@skein/auth/identity";
import {
  createAccount,
  proposeNodeAdd,
  proposeRename,
  proposeRevoke,
} from "@skein/auth/membership-proposals";
import { openLog, type MembershipLog } from "@skein/auth/membership";
import { makePass } from "@skein/auth/pass";

const sodium = await openCrypto();
/** The same signatures are looked at in every shuffle of a story: each is worked out once. */
const verified = new Map<string, boolean>();
const crypto: Crypto = {
  ...sodium,
  verify: (publicKey, message, signature) => {
    const key = formatHex(publicKey) + formatHex(message) + formatHex(signature);
    const answer = verified.get(key) ?? sodium.verify(publicKey, message, signature);
    verified.set(key, answer);
    return answer;
  },
};

/** `SEEDS=20000 pnpm exec vitest run tests/simulation/membership-stories.test.ts` tells as many. */
const stories = Number(process.env["SEEDS"] ?? 4_000);
const at = instant(1_700_000_000_000);
const chanceOfKeys = chanceOf(77);
const random = {
  bytes: (length: number) => Uint8Array.from({ length }, () => Math.floor(chanceOfKeys() * 256)),
};
const secret = (): SecretKey => new SecretKey(random.bytes(32));
const door = openDoor(crypto, { sign: secret(), box: secret(), meeting: secret() });
const keys = Array.from({ length: 14 }, () => mintNodeKeys(crypto, random));
/** Mallory's four nodes: Mallory is given passes for them, which takes the passphrase, so that nothing else holds them back. */
const mallorys = keys.slice(10);
const passes = new Map(
  keys.map((one) => [one.id, makePass({ door, keys: one, name: "Node", platform: "Test", at })]),
);
const [first = mintNodeKeys(crypto, random)] = keys;
const { genesis, readKey } = createAccount({
  crypto,
  random,
  door,
  keys: first,
  name: "First",
  platform: "Test",
  at,
});

/** mulberry32: the same seed always tells the same story. */
function chanceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function open(entries: ReadonlyArray<Uint8Array>): MembershipLog {
  const log = openLog({ crypto, genesis });
  if (log === undefined) throw new Error("the genesis opens");
  for (const entry of entries) log.add(entry);
  return log;
}

interface Evil {
  readonly id: EntryId;
  readonly does: "add" | "revoke";
  readonly target: NodeId;
}

interface Story {
  readonly log: MembershipLog;
  readonly thief: NodeKeys;
  readonly owner: NodeKeys;
  readonly honest: ReadonlyArray<NodeId>;
  readonly evil: ReadonlyArray<Evil>;
  /** Entries that the owner's revocation vouches for. */
  readonly vouched: ReadonlySet<EntryId>;
  /** The owner signed something upon the harm, and distrusts it later. */
  readonly isLate: boolean;
}

/** An account grows; one of its nodes is stolen and does harm, before and after its owner revokes it with the passphrase. */
function tellStory(seed: number): Story | undefined {
  const chance = chanceOf(seed);
  const pick = <T>(from: ReadonlyArray<T>): T => {
    const one = from[Math.floor(chance() * from.length)];
    if (one === undefined) throw new Error("there is something to pick from");
    return one;
  };
  const entries = new Map<EntryId, Uint8Array>();
  const log = open([]);
  /** What somebody sees who has only one of the heads, or only some old entry, and all before it. */
  const viewOf = (id: EntryId): MembershipLog => {
    const later = new Set(log.entriesAfter([id]).map((bytes) => formatHex(bytes)));
    return open(log.all().filter((bytes) => !later.has(formatHex(bytes))));
  };
  const say = (bytes: Uint8Array | undefined): EntryId | undefined => {
    if (bytes === undefined) return undefined;
    const verdict = log.add(bytes);
    if (!("id" in verdict)) return undefined;
    entries.set(verdict.id, bytes);
    return verdict.id;
  };
  const anyEntry = (): EntryId => pick([...entries.keys(), ...log.heads()]);
  const add = (view: MembershipLog, author: NodeKeys, target: NodeKeys): EntryId | undefined => {
    const pass = passes.get(target.id);
    if (pass === undefined) throw new Error("every node has a pass");
    const requestHash = random.bytes(32);
    return say(
      proposeNodeAdd({ crypto, random, log: view, keys: author, readKey, pass, requestHash, at }),
    );
  };

  const joining = keys.slice(1, 4 + Math.floor(chance() * 6));
  for (const node of joining) {
    const view = chance() < 0.6 ? log.fork() : viewOf(anyEntry());
    const members = keys.filter(({ id }) => view.state().nodes.has(id));
    if (members.length > 0) add(view, pick(members), node);
  }
  const honest = [...log.state().nodes.keys()];
  const live = keys.filter(({ id }) => honest.includes(id));
  if (live.length < 2) return undefined;
  const thief = pick(live);
  const owner = pick(live.filter((one) => one !== thief));
  const clean = log.all();

  const evil: Evil[] = [];
  const doHarm = (): void => {
    const view = chance() < 0.5 ? log.fork() : viewOf(anyEntry());
    const author = pick([thief, thief, ...mallorys]);
    if (chance() < 0.45) {
      const target = pick([...mallorys, ...live]);
      const id = add(view, author, target);
      if (id) evil.push({ id, does: "add", target: target.id });
    } else {
      const target = pick([...live, ...mallorys]).id;
      const id = say(proposeRevoke({ log: view, keys: author, at, target, reason: "lost" }));
      if (id) evil.push({ id, does: "revoke", target });
    }
  };
  for (let count = chance() * 6; count > 0; count--) doHarm();
  const seen = log.fork();
  const isFooled = chance() < 0.4 && seen.state().nodes.has(owner.id);
  const view = isFooled ? seen : open(clean);
  const isLate = isFooled && chance() < 0.5;
  const known = isLate ? open(clean) : view;
  const vouched = new Set([...entries.keys()].filter((id) => known.has(id)));
  const revoke = (): void => {
    if (isLate) {
      const rename = proposeRename({ log: view, keys: owner, at, name: "Mine" });
      view.add(rename);
      say(rename);
    }
    const leaveOut = isLate ? evil.map(({ id }) => id) : [];
    const revocation = { target: thief.id, reason: "compromised", door, leaveOut } as const;
    say(proposeRevoke({ log: view, keys: owner, at, ...revocation }));
  };
  revoke();
  for (let count = chance() * 8; count > 0; count--) doHarm();
  return { log, thief, owner, honest, evil, vouched, isLate };
}

function shuffle<T>(items: ReadonlyArray<T>, chance: () => number): ReadonlyArray<T> {
  return items
    .map((item) => ({ item, rank: chance() }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

/** Gives each other what the other lacks, until nobody has news. What waits for a parent is not passed on. */
function meet(left: MembershipLog, right: MembershipLog): void {
  for (let before = -1; before < left.size() + right.size();) {
    before = left.size() + right.size();
    for (const entry of left.entriesAfter(right.heads())) right.add(entry);
    for (const entry of right.entriesAfter(left.heads())) left.add(entry);
  }
}

function tell(log: MembershipLog): string {
  const state = log.state();
  return JSON.stringify([
    [...state.nodes],
    [...state.revoked],
    [...state.boxes],
    state.equivocations,
    log.heads(),
  ]);
}

const told = new Map<number, Story>();
for (let seed = 1; seed <= stories; seed++) {
  const story = tellStory(seed);
  if (story !== undefined) told.set(seed, story);
}

function failingSeeds(
  isBroken: (story: Story, chance: () => number) => boolean,
): ReadonlyArray<number> {
  return [...told]
    .filter(([seed, story]) => isBroken(story, chanceOf(1_000_000 + seed)))
    .map(([seed]) => seed);
}

test("stories have thieves that get something done, or they would prove nothing", () => {
  const all = [...told.values()];
  const harmed = all.filter(({ evil }) => evil.length > 0).length;
  const repelled = all.filter(({ evil }) => evil.some(({ does }) => does === "add")).length;
  expect(all.length).toBeGreaterThanOrEqual(stories * 0.9);
  expect(harmed).toBeGreaterThan(stories * 0.45);
  expect(repelled).toBeGreaterThan(stories * 0.2);
  const late = all.filter(({ isLate, evil }) => isLate && evil.length > 0).length;
  expect(late).toBeGreaterThan(stories * 0.05);
});

test("A3: a log is the same whatever the order in which its entries come", () => {
  expect(
    failingSeeds(({ log }, chance) => {
      const whole = tell(log);
      const orders = Array.from({ length: 4 }, () => shuffle(log.all(), chance));
      return orders.some((order) => tell(open(order)) !== whole);
    }),
  ).toEqual([]);
});

test("A3: two halves of a log that meet are the whole, however it was split, and saving and loading it changes nothing", () => {
  expect(
    failingSeeds(({ log }, chance) => {
      const whole = tell(log);
      return (
        [0.5, 0.5, 0.2, 0.8].some((share) => {
          const [left, right] = [open([]), open([])];
          for (const entry of shuffle(log.all(), chance))
            (chance() < share ? left : right).add(entry);
          meet(left, right);
          return tell(left) !== whole || tell(right) !== whole;
        }) || tell(open(log.all())) !== whole
      );
    }),
  ).toEqual([]);
});

test("halves that meet have both something the other lacks, and something that waits for it", () => {
  const some = [...told.values()].slice(0, 200);
  const split = some.filter(({ log }) => {
    const [left, right] = [open([]), open([])];
    for (const [index, entry] of log.all().entries()) (index % 2 === 0 ? left : right).add(entry);
    return left.size() + right.size() < log.size() && tell(left) !== tell(log);
  });
  expect(split.length).toBeGreaterThan(some.length * 0.9);
});

test("A4: a thief that was revoked with the passphrase is out, whatever it backdates", () => {
  expect(failingSeeds(({ log, thief }) => log.state().nodes.has(thief.id))).toEqual([]);
});

test("A4: whoever revoked the thief is never locked out by it", () => {
  expect(failingSeeds(({ log, owner }) => !log.state().nodes.has(owner.id))).toEqual([]);
});

test("A4: what a thief lets in is out, unless its owner vouched for it", () => {
  expect(
    failingSeeds(({ log, evil, vouched }) => {
      const { nodes } = log.state();
      const wasVouchedFor = mallorys.some(({ id }) =>
        evil.some((one) => one.does === "add" && one.target === id && vouched.has(one.id)),
      );
      return !wasVouchedFor && mallorys.some(({ id }) => nodes.has(id));
    }),
  ).toEqual([]);
});

test("A4: the thief's innocent neighbours stay, unless the owner vouched for their removal", () => {
  expect(
    failingSeeds(({ log, honest, thief, evil, vouched }) => {
      const { nodes } = log.state();
      const lost = honest.filter((node) => node !== thief.id && !nodes.has(node));
      if (lost.length === 0) return false;
      const excused = new Set(
        honest.filter((node) =>
          evil.some((one) => one.does === "revoke" && one.target === node && vouched.has(one.id)),
        ),
      );
      // Whoever is in only through somebody whose removal was vouched for may go with it.
      const harm = new Set(evil.map(({ id }) => id));
      const additions = log.told().filter(({ id, type }) => type === "node.add" && !harm.has(id));
      for (const _ of honest)
        for (const node of honest) {
          const by = additions.filter(({ target, author }) => target === node && author !== node);
          if (by.length > 0 && by.every(({ author }) => excused.has(author))) excused.add(node);
        }
      return lost.some((node) => !excused.has(node));
    }),
  ).toEqual([]);
});

test("A5: no prefix of a shuffled log makes it throw, and every node can be explained", () => {
  expect(
    failingSeeds(({ log }, chance) => {
      const partial = open([]);
      for (const entry of shuffle(log.all(), chance)) {
        partial.add(entry);
        partial.state();
      }
      return keys.some(({ id }) => partial.explain(id).length === 0);
    }),
  ).toEqual([]);
});
