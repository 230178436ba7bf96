/* oxlint-disable eslint/max-lines -- one account and one cast: two files would each have to introduce them. */
import { expect, test } from "vitest";
import { encode } from "@skein/protocol/codec";
import { instant, type EntryId, type NodeId } from "@skein/protocol/ids";
import { SecretKey } from "./crypto/secret.ts";
import { openCrypto } from "./crypto/sodium.ts";
import { openDoor } from "./door.ts";
import { bytesOf, mintNodeKeys, type NodeKeys } from "./identity.ts";
import {
  EntryBody,
  formatEntry,
  membershipVersion,
  parseEntry,
  type AuthoredBody,
} from "./membership-entry.ts";
import {
  createAccount,
  proposeNodeAdd,
  proposeRename,
  proposeRevoke,
} from "./membership-proposals.ts";
import { isWriter, type AccountState } from "./membership-state.ts";
import { openLog, type MembershipLog, type Verdict } from "./membership.ts";
import { makePass } from "./pass.ts";
import { openReadKey, openReadKeyAtDoor } from "./read-key.ts";

const crypto = await openCrypto();

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

function bytesFrom(chance: () => number) {
  return {
    bytes: (length: number) => Uint8Array.from({ length }, () => Math.floor(chance() * 256)),
  };
}

interface World {
  readonly chance: () => number;
  readonly random: ReturnType<typeof bytesFrom>;
  readonly door: ReturnType<typeof openDoor>;
  readonly first: NodeKeys;
  readonly genesis: Uint8Array<ArrayBuffer>;
  readonly readKey: SecretKey;
  readonly mint: () => NodeKeys;
  readonly open: (entries?: ReadonlyArray<Uint8Array>) => MembershipLog;
  readonly pass: (keys: NodeKeys, name?: string) => ReturnType<typeof makePass>;
}

const at = instant(1_700_000_000_000);

function begin(seed = 1): World {
  const chance = chanceOf(seed);
  const random = bytesFrom(chance);
  const secret = () => new SecretKey(random.bytes(32));
  const door = openDoor(crypto, { sign: secret(), box: secret(), meeting: secret() });
  const first = mintNodeKeys(crypto, random);
  const made = createAccount({
    crypto,
    random,
    door,
    keys: first,
    name: "Laptop",
    platform: "Linux",
    at,
  });
  const open = (entries: ReadonlyArray<Uint8Array> = []): MembershipLog => {
    const log = openLog({ crypto, genesis: made.genesis });
    if (log === undefined) throw new Error("the genesis opens");
    for (const entry of entries) log.add(entry);
    return log;
  };
  return {
    chance,
    random,
    door,
    first,
    genesis: made.genesis,
    readKey: made.readKey,
    mint: () => mintNodeKeys(crypto, random),
    open,
    pass: (keys, name = "Phone") => makePass({ door, keys, name, platform: "Android", at }),
  };
}

function addNode(world: World, log: MembershipLog, author: NodeKeys, target: NodeKeys): Uint8Array {
  const entry = proposeNodeAdd({
    crypto,
    random: world.random,
    log,
    keys: author,
    readKey: world.readKey,
    pass: world.pass(target),
    requestHash: new Uint8Array(32),
    at,
  });
  if (entry === undefined) throw new Error("sound keys are boxed to");
  return entry;
}

/** Everything that must not depend on the order of arrival. */
function tell(state: AccountState): string {
  return JSON.stringify({
    ...state,
    nodes: [...state.nodes],
    revoked: [...state.revoked],
    boxes: [...state.boxes],
  });
}

/** Signs a body that no proposal would make. */
function forge(
  keys: NodeKeys,
  log: MembershipLog,
  body: AuthoredBody,
  door?: World["door"],
): Uint8Array {
  const raw = encode(EntryBody, body);
  return formatEntry({
    body: raw,
    author: keys.sign("membership entry", bytesOf(log.account), raw),
    door: door?.sign("membership entry door", bytesOf(log.account), raw),
  });
}

function idOf(verdict: Verdict): EntryId {
  if (!("id" in verdict)) throw new Error(JSON.stringify(verdict));
  return verdict.id;
}

test("an account begins with one node, which can open its read key; so can the door", () => {
  const world = begin();
  const state = world.open().state();
  expect([...state.nodes.keys()]).toEqual([world.first.id]);
  expect(state.nodes.get(world.first.id)?.name).toBe("Laptop");
  const secret = world.readKey.reveal((bytes) => bytes.slice());
  const opened = openReadKey({ crypto, state, keys: world.first });
  expect(opened?.reveal((bytes) => bytes.slice())).toEqual(secret);
  const atDoor = openReadKeyAtDoor({ crypto, state, door: world.door });
  expect(atDoor?.reveal((bytes) => bytes.slice())).toEqual(secret);
  expect(openReadKey({ crypto, state, keys: world.mint() })).toBeUndefined();
});

test("a node that was let in writes, reads, and carries the name it gives itself", () => {
  const world = begin();
  const phone = world.mint();
  const log = world.open();
  expect(log.add(addNode(world, log, world.first, phone)).kind).toBe("accepted");
  expect(log.add(proposeRename({ log, keys: phone, at, name: "Pocket\u202Emoob" })).kind).toBe(
    "accepted",
  );
  const member = log.state().nodes.get(phone.id);
  expect(member).toMatchObject({
    name: "Pocketmoob",
    platform: "Android",
    addedBy: world.first.id,
  });
  expect(isWriter(log.state(), phone.id)).toBe(true);
  expect(openReadKey({ crypto, state: log.state(), keys: phone })).toBeDefined();
});

test("a log with one entry twice says so, and gives what another log lacks, parents first", () => {
  const world = begin();
  const log = world.open();
  const entry = addNode(world, log, world.first, world.mint());
  expect(log.add(entry).kind).toBe("accepted");
  expect(log.add(entry).kind).toBe("duplicate");
  const before = log.heads();
  const rename = proposeRename({ log, keys: world.first, at, name: "Desk" });
  log.add(rename);
  expect(log.entriesAfter(before)).toEqual([rename]);
  expect(log.entriesAfter([])).toEqual(log.all());
  expect(log.all()[0]).toEqual(world.genesis);
  expect(tell(world.open(log.all().toReversed()).state())).toBe(tell(log.state()));
});

test("A1: an entry signed by Mallory in Alice's name is refused", () => {
  const world = begin();
  const mallory = world.mint();
  const log = world.open();
  const place = log.nextPlace(world.first.id);
  const said = {
    version: membershipVersion,
    log: log.account,
    author: world.first.id,
    ...place,
    at,
  } as const;
  const forged = forge(mallory, log, { type: "node.rename", ...said, name: "Mine" });
  expect(log.add(forged)).toEqual({ kind: "rejected", reason: "bad-signature" });
});

test("A1: an entry of one account says nothing in another, and a second genesis nothing at all", () => {
  const world = begin(1);
  const other = begin(2);
  const log = world.open();
  const theirs = other.open();
  expect(log.add(addNode(other, theirs, other.first, other.mint()))).toEqual({
    kind: "rejected",
    reason: "wrong-account",
  });
  expect(log.add(other.genesis)).toEqual({ kind: "rejected", reason: "second-genesis" });
  const entry = parseEntry(world.genesis);
  if (entry === undefined) throw new Error("the genesis parses");
  const unproven = formatEntry({ ...entry.signed, door: entry.signed.author });
  expect(openLog({ crypto, genesis: unproven })).toBeUndefined();
});

test("A2: who may do what", () => {
  const world = begin();
  const [phone, tablet, stranger] = [world.mint(), world.mint(), world.mint()];
  const log = world.open();
  log.add(addNode(world, log, world.first, phone));
  log.add(addNode(world, log, world.first, tablet));
  const revoke = (keys: NodeKeys, target: NodeId, door?: World["door"]): Verdict =>
    world
      .open(log.all())
      .add(proposeRevoke({ log, keys, at, target, reason: "lost", ...(door && { door }) }));
  const accepted = { kind: "accepted" };
  const notAllowed = { kind: "inert", reason: "not-allowed" };
  expect(revoke(world.first, phone.id)).toMatchObject(accepted);
  expect(revoke(phone, phone.id)).toMatchObject(accepted);
  expect(revoke(phone, tablet.id)).toMatchObject(notAllowed);
  expect(revoke(phone, world.first.id)).toMatchObject(notAllowed);
  expect(revoke(phone, tablet.id, world.door)).toMatchObject(accepted);
  expect(revoke(phone, world.first.id, world.door)).toMatchObject(accepted);
  expect(revoke(phone, stranger.id, world.door)).toMatchObject({ reason: "unknown-target" });
  expect(revoke(stranger, phone.id, world.door)).toMatchObject({ reason: "unknown-author" });
  expect(revoke(phone, tablet.id, begin(9).door)).toMatchObject({ reason: "bad-signature" });
});

test("A2: the passphrase alone lets nobody in, and neither does a member without it", () => {
  const world = begin();
  const [phone, stranger] = [world.mint(), world.mint()];
  const log = world.open();
  expect(log.add(addNode(world, log, stranger, stranger))).toMatchObject({
    reason: "unknown-author",
  });
  log.add(addNode(world, log, world.first, phone));
  const unproven = { ...world.pass(stranger), signature: new Uint8Array(64) };
  const place = log.nextPlace(phone.id);
  const body: AuthoredBody = {
    type: "node.add",
    version: membershipVersion,
    log: log.account,
    author: phone.id,
    ...place,
    at,
    pass: unproven,
    requestHash: new Uint8Array(32),
    epoch: 0,
    readKeyBox: new Uint8Array(0),
  };
  expect(log.add(forge(phone, log, body))).toMatchObject({ kind: "inert", reason: "no-pass" });
  expect(isWriter(log.state(), stranger.id)).toBe(false);
});

test("A10: an approval of a key that was revoked is of no use to it, whenever it comes", () => {
  const world = begin();
  const phone = world.mint();
  const log = world.open();
  const add = addNode(world, log, world.first, phone);
  log.add(add);
  log.add(proposeRevoke({ log, keys: world.first, at, target: phone.id, reason: "lost" }));
  expect(log.add(add).kind).toBe("duplicate");
  expect(log.add(addNode(world, log, world.first, phone))).toMatchObject({
    reason: "target-revoked",
  });
  expect(isWriter(log.state(), phone.id)).toBe(false);
  expect(log.explain(phone.id).join("\n")).toMatch(/it was revoked/u);
});

test("one of two entries in the same place of a chain convicts its author, whichever came first", () => {
  const world = begin();
  const log = world.open();
  const one = proposeRename({ log, keys: world.first, at, name: "One" });
  const two = proposeRename({ log, keys: world.first, at, name: "Two" });
  for (const order of [
    [one, two],
    [two, one],
  ]) {
    const [proof] = world.open(order).state().equivocations;
    expect(proof).toMatchObject({ node: world.first.id, sequence: 1 });
  }
  expect(tell(world.open([one, two]).state())).toBe(tell(world.open([two, one]).state()));
});

test("an entry that skips a place in its author's chain, or takes one that it has seen, is refused", () => {
  const world = begin();
  const log = world.open();
  log.add(proposeRename({ log, keys: world.first, at, name: "One" }));
  const { parents } = log.nextPlace(world.first.id);
  for (const sequence of [0, 1, 3]) {
    const said = {
      version: membershipVersion,
      log: log.account,
      author: world.first.id,
      parents,
      sequence,
      at,
    } as const;
    const entry = forge(world.first, log, { type: "node.rename", ...said, name: "Two" });
    expect(log.add(entry)).toEqual({ kind: "rejected", reason: "broken-chain" });
  }
});

test("a phone with the passphrase removes a stolen laptop that began the account and struck first", () => {
  const world = begin();
  const phone = world.mint();
  const before = world.open();
  before.add(addNode(world, before, world.first, phone));
  const thief = world.open(before.all());
  const strike = idOf(
    thief.add(
      proposeRevoke({ log: thief, keys: world.first, at, target: phone.id, reason: "lost" }),
    ),
  );
  const owner = world.open(thief.all());
  expect(isWriter(owner.state(), phone.id)).toBe(false);
  const answer = proposeRevoke({
    log: owner,
    keys: phone,
    at,
    target: world.first.id,
    reason: "compromised",
    door: world.door,
    leaveOut: [strike],
  });
  expect(owner.add(answer).kind).toBe("accepted");
  expect([...owner.state().nodes.keys()]).toEqual([phone.id]);
});

test("a thief cannot claim for its own, and so remove, a node that somebody else let in", () => {
  const world = begin();
  const [phone, tablet] = [world.mint(), world.mint()];
  const log = world.open();
  log.add(addNode(world, log, world.first, phone));
  const early = world.open(log.all());
  log.add(addNode(world, log, world.first, tablet));
  // The phone is stolen. It says, as of before, that it let the tablet in, and removes it.
  early.add(addNode(world, early, phone, tablet));
  early.add(proposeRevoke({ log: early, keys: phone, at, target: tablet.id, reason: "lost" }));
  const all = world.open([...log.all(), ...early.all()]);
  expect(isWriter(all.state(), tablet.id)).toBe(true);
});

test("parked entries are bounded, and a log that was given all of it backwards is whole", () => {
  const world = begin();
  const log = world.open();
  for (let count = 0; count < 40; count++)
    log.add(proposeRename({ log, keys: world.first, at, name: `Name ${count}` }));
  const late = world.open();
  const backwards = log.all().slice(1).toReversed();
  for (const entry of backwards.slice(0, -1)) expect(late.add(entry).kind).toBe("parked");
  expect(late.add(backwards.at(-1) ?? new Uint8Array()).kind).toBe("accepted");
  expect(late.size()).toBe(log.size());
  expect(tell(late.state())).toBe(tell(log.state()));
});

test("a log of two hundred entries is judged as it grows without anybody noticing", () => {
  const world = begin();
  const log = world.open();
  const members = [world.first];
  for (let count = 0; log.size() < 200; count++) {
    const author = members[count % members.length] ?? world.first;
    if (count % 8 === 0 && members.length < 30) {
      const joined = world.mint();
      members.push(joined);
      log.add(addNode(world, log, author, joined));
    } else log.add(proposeRename({ log, keys: author, at, name: `Name ${count}` }));
  }
  expect(log.state().nodes.size).toBe(members.length);
  expect(tell(world.open(log.all().toReversed()).state())).toBe(tell(log.state()));
});

test("A5: no bytes make the log throw, whatever they are", () => {
  const world = begin(5);
  const log = world.open();
  const entry = addNode(world, log, world.first, world.mint());
  const before = tell(log.state());
  for (let round = 0; round < 2_000; round++) {
    const length = Math.floor(world.chance() * entry.length * 1.2);
    const bent = new Uint8Array(length);
    bent.set(entry.subarray(0, length));
    const changes = Math.floor(world.chance() * 6);
    for (let change = 0; change <= changes; change++)
      bent[Math.floor(world.chance() * length)] = Math.floor(world.chance() * 256);
    const verdict = log.add(bent);
    expect(["rejected", "parked"], `round ${round}`).toContain(verdict.kind);
  }
  expect(log.add(new Uint8Array(100_000))).toEqual({ kind: "rejected", reason: "malformed" });
  expect(tell(log.state())).toBe(before);
});

test("of two nodes that revoke each other with the passphrase, one stays, and everybody agrees which", () => {
  for (let seed = 20; seed < 32; seed++) {
    const world = begin(seed);
    const [phone, tablet] = [world.mint(), world.mint()];
    const log = world.open();
    log.add(addNode(world, log, world.first, phone));
    log.add(addNode(world, log, world.first, tablet));
    const [one, two] = [[phone, tablet] as const, [tablet, phone] as const].map(([keys, target]) =>
      proposeRevoke({ log, keys, at, target: target.id, reason: "lost", door: world.door }),
    );
    if (one === undefined || two === undefined) throw new Error("both revoke");
    const orders = [
      [one, two],
      [two, one],
    ].map((order) => world.open([...log.all(), ...order]));
    const left = orders.map((each) => Array.from(each.state().nodes.keys()));
    expect(left[0], `seed ${seed}`).toEqual(left[1]);
    expect(left[0], `seed ${seed}`).toHaveLength(2);
  }
});

test("who was let in by a node that had been revoked is out, even if it revoked somebody with the passphrase", () => {
  const world = begin();
  const [phone, tablet, old] = [world.mint(), world.mint(), world.mint()];
  const log = world.open();
  log.add(addNode(world, log, world.first, old));
  log.add(addNode(world, log, world.first, phone));
  const apart = world.open(log.all());
  log.add(addNode(world, log, phone, tablet));
  const { door } = world;
  log.add(proposeRevoke({ log, keys: tablet, at, target: old.id, reason: "retired", door }));
  log.add(proposeRevoke({ log: apart, keys: world.first, at, target: phone.id, reason: "lost" }));
  expect([...log.state().nodes.keys()]).toEqual([world.first.id]);
});
