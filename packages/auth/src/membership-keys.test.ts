/* oxlint-disable eslint/max-lines -- one account and one cast: two files would each have to introduce them. */
import { expect, test } from "vitest";
import { encode } from "@skein/protocol/codec";
import {
  instant,
  later,
  parseRecordHash,
  parseRepoId,
  type EntryId,
  type Instant,
} from "@skein/protocol/ids";
import { SecretKey } from "./crypto/secret.ts";
import { openCrypto } from "./crypto/sodium.ts";
import { bytesOf, type NodeKeys } from "./identity.ts";
import { epochMeeting, openMeeting, staysAtFormerDoor } from "./meeting.ts";
import {
  approvedBy,
  changePassphrase,
  proposeRotation,
  recoverAccount,
  revokeNodes,
  seenSince,
} from "./membership-changes.ts";
import { debts } from "./membership-debts.ts";
import { EntryBody, formatEntry, parseEntry, type AuthoredBody } from "./membership-entry.ts";
import { proposeNodeAdd, proposeRename } from "./membership-proposals.ts";
import { vouchedUpTo } from "./membership-state.ts";
import type { MembershipLog } from "./membership.ts";
import { judgePass, makePass } from "./pass.ts";
import {
  judgeOwnBox,
  openEpochKey,
  openKeyBefore,
  openReadKey,
  openReadKeyAtDoor,
} from "./read-key.ts";
import { chanceOf, makeUpAccount, type MadeUpAccount } from "./testing/account.ts";

const crypto = await openCrypto();
const at = instant(1_700_000_000_000);
const dayMillis = 24 * 60 * 60_000;

function shown(key: SecretKey | undefined): string {
  return key === undefined ? "none" : key.reveal((bytes) => bytes.join());
}

function addAll(log: MembershipLog, entries: ReadonlyArray<Uint8Array>): void {
  for (const entry of entries) expect(log.add(entry)).toMatchObject({ kind: "accepted" });
}

/** Alice's laptop let her phone and her tablet in. */
function three(seed = 1) {
  const world = makeUpAccount(crypto, seed);
  const [phone, tablet] = [world.mint(), world.mint()];
  const log = world.open();
  addAll(log, [world.add(log, world.first, phone)]);
  addAll(log, [world.add(log, world.first, tablet)]);
  return { ...world, phone, tablet, log };
}

/** Signs a body that no proposal would make. */
function forge(
  { log, keys }: { readonly log: MembershipLog; readonly keys: MadeUpAccount["first"] },
  body: AuthoredBody,
): Uint8Array {
  const raw = encode(EntryBody, body);
  const author = keys.sign("membership entry", bytesOf(log.account), raw);
  return formatEntry({ body: raw, author, door: undefined });
}

function bodyOf(entry: Uint8Array): EntryBody {
  const body = parseEntry(entry)?.body;
  if (body === undefined) throw new Error("it is an entry");
  return body;
}

test("A20: a removed node is given no new read key, the others are, and what was sealed before stays readable", () => {
  const { log, door, first, phone, tablet, change } = three();
  const before = shown(openReadKey({ crypto, state: log.state(), keys: phone }));
  const removed = revokeNodes({
    ...change(log, phone),
    targets: [first.id],
    reason: "compromised",
    door,
  });
  expect(removed.refused).toEqual([]);
  addAll(log, removed.entries);
  const state = log.state();
  expect([...state.nodes.keys()].toSorted()).toEqual([phone.id, tablet.id].toSorted());
  expect(state.epoch).toBe(1);
  const after = shown(removed.readKey);
  expect(after).not.toBe(before);
  for (const keys of [phone, tablet])
    expect(shown(openReadKey({ crypto, state, keys }))).toBe(after);
  expect(shown(openReadKeyAtDoor({ crypto, state, door }))).toBe(after);
  expect(openReadKey({ crypto, state, keys: first })).toBeUndefined();
  expect(debts(state)).toEqual([]);
  const [key] = state.keys;
  if (key === undefined || removed.readKey === undefined) throw new Error("there is a key");
  const { account } = state;
  expect(shown(openKeyBefore({ crypto, account, key, readKey: removed.readKey }))).toBe(before);
  const wrong = openKeyBefore({
    crypto,
    account,
    key: { ...key, epoch: 2 },
    readKey: removed.readKey,
  });
  expect(wrong).toBeUndefined();
});

test("A20: nodes meet elsewhere once the key was renewed, and a removed one does not know where", () => {
  const { log, first, phone, change, door } = three();
  const old = openReadKey({ crypto, state: log.state(), keys: first });
  const reason = "lost";
  addAll(log, revokeNodes({ ...change(log, phone), targets: [first.id], reason, door }).entries);
  const now = openReadKey({ crypto, state: log.state(), keys: phone });
  if (old === undefined || now === undefined) throw new Error("both had a key");
  expect(shown(epochMeeting(crypto, now))).not.toBe(shown(epochMeeting(crypto, old)));
});

test("A20: a member listens at the door before until the others have heard of the new words, and for thirty days at most", () => {
  const { log, first, phone, tablet } = three();
  const state = log.state();
  const stays = (met: ReadonlyArray<readonly [typeof first.id, number]>, days = 1): boolean =>
    staysAtFormerDoor({
      state,
      self: phone.id,
      changedAt: at,
      lastMet: (node) => {
        const day = new Map(met).get(node);
        return day === undefined ? undefined : later(at, day * dayMillis);
      },
      now: later(at, days * dayMillis),
    });
  expect(stays([])).toBe(true);
  expect(stays([[tablet.id, 0.5]])).toBe(true);
  expect(
    stays([
      [tablet.id, -1],
      [first.id, 0.5],
    ]),
  ).toBe(true);
  expect(
    stays([
      [tablet.id, 0.5],
      [first.id, 0.5],
    ]),
  ).toBe(false);
  expect(stays([], 29)).toBe(true);
  expect(stays([], 30)).toBe(false);
});

test("A20: after two revocations at once, each boxed to the other's target, a rotation is owed, and one pays it", () => {
  const { log, door, first, phone, tablet, change, open, add, mint } = three();
  const desk = mint();
  addAll(log, [add(log, first, desk)]);
  const [one, two] = [open(log.all()), open(log.all())];
  const reason = "lost";
  addAll(one, revokeNodes({ ...change(one, first), targets: [phone.id], reason, door }).entries);
  addAll(two, revokeNodes({ ...change(two, tablet), targets: [desk.id], reason, door }).entries);
  for (const entry of [...two.all(), ...one.all()]) log.add(entry);
  expect([...log.state().nodes.keys()].toSorted()).toEqual([first.id, tablet.id].toSorted());
  const [debt] = debts(log.state());
  expect(debt?.kind).toBe("held-by-others");
  addAll(log, [proposeRotation(change(log, tablet)).entry]);
  expect(debts(log.state())).toEqual([]);
  expect(log.state().epoch).toBe(2);
  for (const keys of [first, tablet])
    expect(openReadKey({ crypto, state: log.state(), keys })).toBeDefined();
});

test("a node that was let in while the key was renewed elsewhere is owed the new one", () => {
  const { log, first, phone, change, open, add, mint } = three();
  const late = mint();
  const apart = open(log.all());
  addAll(apart, [add(apart, phone, late)]);
  addAll(log, [proposeRotation(change(log, first)).entry]);
  for (const entry of apart.all()) log.add(entry);
  expect(debts(log.state())).toEqual([{ kind: "not-given", nodes: [late.id] }]);
  expect(openReadKey({ crypto, state: log.state(), keys: late })).toBeUndefined();
  addAll(log, [proposeRotation(change(log, first)).entry]);
  expect(openReadKey({ crypto, state: log.state(), keys: late })).toBeDefined();
});

test("two rotations at once: everybody seals with the same one, and opens what either sealed", () => {
  const { log, first, phone, tablet, change, open } = three();
  const [one, two] = [
    proposeRotation(change(open(log.all()), first)),
    proposeRotation(change(open(log.all()), phone)),
  ];
  const orders = [
    [one.entry, two.entry],
    [two.entry, one.entry],
  ].map((order) => open([...log.all(), ...order]).state());
  const chosen = orders.map((state) => shown(openReadKey({ crypto, state, keys: tablet })));
  expect(chosen[0]).toBe(chosen[1]);
  const [state] = orders;
  const opened = state?.keys.map((key) => shown(openEpochKey({ crypto, key, keys: tablet })));
  expect(opened).toEqual(expect.arrayContaining([shown(one.readKey), shown(two.readKey)]));
});

test("A21: a rotation that leaves a member out, or names somebody else, has no effect, and that it was tried is told", () => {
  const { log, first, phone, tablet, change, mint } = three();
  const body = bodyOf(proposeRotation(change(log, phone)).entry);
  if (body.type !== "key.rotate") throw new Error("it rotates");
  const boxes = body.boxes.filter(({ node }) => node !== tablet.id);
  const silent = forge({ log, keys: phone }, { ...body, boxes });
  expect(log.add(silent)).toMatchObject({ kind: "inert", reason: "wrong-recipients" });
  expect(log.state().epoch).toBe(0);
  expect(log.state().exclusions).toMatchObject([{ author: phone.id, leftOut: [tablet.id] }]);
  const more = bodyOf(proposeRotation(change(log, first)).entry);
  if (more.type !== "key.rotate") throw new Error("it rotates");
  const stranger = { node: mint().id, box: new Uint8Array(148) };
  const all = [...more.boxes, stranger].toSorted((a, b) => (a.node < b.node ? -1 : 1));
  expect(log.add(forge({ log, keys: first }, { ...more, boxes: all }))).toMatchObject({
    reason: "wrong-recipients",
  });
});

test("A21: a member that was boxed another key than the log names can tell, and rotates anew", () => {
  const { log, phone, tablet, change } = three();
  const body = bodyOf(proposeRotation(change(log, phone)).entry);
  if (body.type !== "key.rotate") throw new Error("it rotates");
  const boxes = body.boxes.map(({ node, box }) => ({
    node,
    box: node === tablet.id ? box.toReversed() : box,
  }));
  addAll(log, [forge({ log, keys: phone }, { ...body, boxes })]);
  expect(judgeOwnBox({ crypto, state: log.state(), keys: phone })).toBe("given");
  expect(judgeOwnBox({ crypto, state: log.state(), keys: tablet })).toBe("refused");
  addAll(log, [proposeRotation(change(log, tablet)).entry]);
  expect(judgeOwnBox({ crypto, state: log.state(), keys: tablet })).toBe("given");
});

test("a rotation that skips an epoch or repeats one has no effect", () => {
  const { log, first, change } = three();
  for (const epoch of [0, 2, 4_294_967_295]) {
    const body = bodyOf(proposeRotation(change(log, first)).entry);
    if (body.type !== "key.rotate") throw new Error("it rotates");
    expect(log.add(forge({ log, keys: first }, { ...body, epoch }))).toMatchObject({
      reason: "wrong-epoch",
    });
  }
});

test("after new words, the old ones sign nothing, open no new key, and their passes count for nothing", () => {
  const { log, door, first, phone, change, add, mint, newDoor } = three();
  const renewed = newDoor();
  const changed = changePassphrase({ ...change(log, phone), oldDoor: door, newDoor: renewed });
  expect(changed.refused).toEqual([]);
  addAll(log, changed.entries);
  const state = log.state();
  expect(state.door.sign).toEqual(renewed.signPublic);
  expect(openReadKeyAtDoor({ crypto, state, door })).toBeUndefined();
  expect(openReadKeyAtDoor({ crypto, state, door: renewed })).toBeDefined();
  const keys = mint();
  const stale = makePass({ door, keys, name: "Mine", platform: "Linux", at });
  expect(judgePass(crypto, state.door.sign, stale)).toBeUndefined();
  expect(log.add(add(log, first, mint(), door))).toMatchObject({ reason: "no-pass" });
  addAll(log, [add(log, first, mint(), renewed)]);
  const [entry] = revokeNodes({
    ...change(log, phone),
    targets: [first.id],
    reason: "lost",
    door,
  }).entries;
  expect(entry).toBeUndefined();
  const again = changePassphrase({ ...change(log, phone), oldDoor: door, newDoor: newDoor() });
  expect(again.refused).toContainEqual({ kind: "rejected", reason: "bad-signature" });
});

test("members learn where the new door meets without the new words, and nobody else does", () => {
  const { log, door, phone, tablet, change, mint, newDoor } = three();
  const renewed = newDoor();
  const { entries } = changePassphrase({ ...change(log, phone), oldDoor: door, newDoor: renewed });
  addAll(log, entries);
  const state = log.state();
  expect(shown(openMeeting({ state, keys: tablet }))).toBe(shown(renewed.meeting));
  expect(openMeeting({ state, keys: mint() })).toBeUndefined();
});

test("A2: no node changes the words alone, nor with a door that it has no words for", () => {
  const { log, door, first, change, newDoor } = three();
  const alone = changePassphrase({ ...change(log, first), oldDoor: undefined, newDoor: newDoor() });
  expect(alone.refused).toContainEqual(expect.objectContaining({ reason: "not-allowed" }));
  const borrowed = { ...newDoor(), signPublic: newDoor().signPublic };
  const unproven = changePassphrase({ ...change(log, first), oldDoor: door, newDoor: borrowed });
  expect(unproven.refused).toContainEqual(expect.objectContaining({ reason: "no-proof" }));
  expect(log.state().door.sign).toEqual(door.signPublic);
});

test("of two changes of the words at once one counts, the same one for everybody, and the key is owed to its door", () => {
  for (let seed = 40; seed < 48; seed++) {
    const { log, door, phone, tablet, change, open, newDoor } = three(seed);
    const [one, two] = [phone, tablet].map((keys) => {
      const apart = open(log.all());
      return changePassphrase({ ...change(apart, keys), oldDoor: door, newDoor: newDoor() })
        .entries;
    });
    if (one === undefined || two === undefined) throw new Error("both change the words");
    const states = [
      [...one, ...two],
      [...two, ...one],
    ].map((order) => open([...log.all(), ...order]).state());
    expect(states[0]?.door.sign).toEqual(states[1]?.door.sign);
    expect(states[0]?.epoch).toBe(1);
    const owed = debts(states[0] ?? log.state()).map(({ kind }) => kind);
    expect([[], ["door-replaced"]]).toContainEqual(owed);
  }
});

test("A4: a thief with laptop and words loses to the recovery kit, whatever it backdates, and new words keep it out", () => {
  const { log, door, first, phone, change, recovery, newDoor, mint, random, open } = three();
  const thief = open(log.all());
  const stolen = { ...change(thief, first), oldDoor: door, newDoor: newDoor() };
  addAll(thief, changePassphrase(stolen).entries);
  const targets = [phone.id];
  const door_ = stolen.newDoor;
  addAll(
    thief,
    revokeNodes({ ...change(thief, first), targets, reason: "lost", door: door_ }).entries,
  );
  expect(thief.state().nodes.has(phone.id)).toBe(false);
  const found = mint();
  const renewed = newDoor();
  using key = recovery();
  const saved = recoverAccount({
    crypto,
    random,
    log,
    recovery: key,
    door: renewed,
    keys: found,
    name: "New laptop",
    platform: "Linux",
    at,
    remove: [first.id],
  });
  expect(saved.refused).toEqual([]);
  for (const entry of [...thief.all(), ...saved.entries]) log.add(entry);
  const state = log.state();
  expect(state.door.sign).toEqual(renewed.signPublic);
  expect(state.revoked.has(first.id)).toBe(true);
  expect(state.nodes.has(found.id)).toBe(true);
  // The thief revoked the phone unseen by the one who removed the thief: that is void.
  expect(state.nodes.has(phone.id)).toBe(true);
});

test("when every node is lost, the kit lets a new one in, and the old ones learn nothing new", () => {
  const { log, first, phone, tablet, recovery, newDoor, mint, random } = three();
  const found = mint();
  using key = recovery();
  const saved = recoverAccount({
    crypto,
    random,
    log,
    recovery: key,
    door: newDoor(),
    keys: found,
    name: "New",
    platform: "Linux",
    at,
    remove: [first.id, phone.id, tablet.id],
  });
  expect(saved.refused).toEqual([]);
  addAll(log, saved.entries);
  expect([...log.state().nodes.keys()]).toEqual([found.id]);
  expect(shown(openReadKey({ crypto, state: log.state(), keys: found }))).toBe(
    shown(saved.readKey),
  );
  expect(openReadKey({ crypto, state: log.state(), keys: phone })).toBeUndefined();
  expect(debts(log.state())).toEqual([]);
});

test("A1: nobody but the recovery key speaks for it", () => {
  const { log, first, recovery } = three();
  using key = recovery();
  const said = proposeRename({ log, keys: { ...first, id: key.id }, at, name: "Me" });
  expect(log.add(said)).toEqual({ kind: "rejected", reason: "bad-signature" });
  expect(log.add(proposeRename({ log, keys: key, at, name: "Me" }))).toMatchObject({
    kind: "inert",
  });
});

test("a node is removed with everything it approved, and with what those approved", () => {
  const { log, door, first, phone, tablet, change, add, mint } = three();
  const [guest, guests] = [mint(), mint()];
  addAll(log, [add(log, phone, guest)]);
  addAll(log, [add(log, guest, guests)]);
  const approved = approvedBy(log, phone.id);
  expect([...approved].toSorted()).toEqual([guest.id, guests.id].toSorted());
  const targets = [phone.id, ...approved];
  const reason = "compromised";
  addAll(log, revokeNodes({ ...change(log, tablet), targets, reason, door }).entries);
  expect([...log.state().nodes.keys()].toSorted()).toEqual([first.id, tablet.id].toSorted());
  expect(debts(log.state())).toEqual([]);
});

test("A4: what a thief did after an instant is not vouched for, however it dates it, and what was seen before is", () => {
  const { log, door, phone, tablet, change, add, mint } = three();
  const [friend, accomplice, unseen] = [mint(), mint(), mint()];
  const seen = new Map<EntryId, Instant>();
  const see = (now: number): void => {
    for (const { id } of log.told()) if (!seen.has(id)) seen.set(id, instant(now));
  };
  addAll(log, [add(log, phone, friend)]);
  see(1_000);
  // The thief has set its clock back to before the account began.
  const letIn = (target: NodeKeys): Uint8Array => {
    const pass = makePass({ door, keys: target, name: "Tablet", platform: "Android", at });
    const dated = { ...change(log, phone), at: instant(1), pass, requestHash: new Uint8Array(32) };
    return proposeNodeAdd(dated) ?? new Uint8Array(0);
  };
  addAll(log, [letIn(accomplice)]);
  see(3_000);
  addAll(log, [letIn(unseen)]);
  const since = instant(2_000);
  const seenAt = (entry: EntryId): Instant | undefined => seen.get(entry);
  const leaveOut = seenSince({ log, node: phone.id, since, seenAt });
  expect(leaveOut).toHaveLength(2);
  const removal = { targets: [phone.id], reason: "compromised", door, leaveOut } as const;
  addAll(log, revokeNodes({ ...change(log, tablet), ...removal }).entries);
  const { nodes } = log.state();
  expect([friend, accomplice, unseen].map(({ id }) => nodes.has(id))).toEqual([true, false, false]);
  expect(debts(log.state())).toEqual([]);
});

test("A4: a revocation says how far its target's refs are vouched for, and not at all where it says nothing", () => {
  const { log, door, phone, tablet, change } = three();
  const [seen, unseen] = ["1", "2"].map((digit) => parseRepoId(digit.repeat(64)));
  const hash = parseRecordHash("3".repeat(64));
  if (seen === undefined || unseen === undefined || hash === undefined) throw new Error("ids");
  expect(vouchedUpTo(log.state(), phone.id, seen)).toBeUndefined();
  const frontierOf = () => [{ repo: seen, seq: 7, hash }];
  const removal = { targets: [phone.id], door, frontierOf };
  const lost = log.fork();
  addAll(lost, revokeNodes({ ...change(log, tablet), ...removal, reason: "lost" }).entries);
  expect(vouchedUpTo(lost.state(), phone.id, seen)).toEqual({ seq: 7 });
  expect(vouchedUpTo(lost.state(), phone.id, unseen)).toEqual({ seq: 0 });
  addAll(log, revokeNodes({ ...change(log, tablet), ...removal, reason: "retired" }).entries);
  expect(vouchedUpTo(log.state(), phone.id, unseen)).toBeUndefined();
});

test("A3: rotations, new doors and recoveries are the same whatever the order in which they come", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const { log, door, first, phone, tablet, change, open, newDoor, add, mint } = three(seed);
    const chance = chanceOf(seed + 500);
    const views = [open(log.all()), open(log.all()), open(log.all())];
    const [a = log, b = log, c = log] = views;
    addAll(a, changePassphrase({ ...change(a, phone), oldDoor: door, newDoor: newDoor() }).entries);
    addAll(
      b,
      revokeNodes({ ...change(b, tablet), targets: [phone.id], reason: "lost", door }).entries,
    );
    addAll(c, [proposeRotation(change(c, first)).entry, add(c, first, mint())].slice(0, 1));
    addAll(c, [add(c, first, mint())]);
    const entries = views.flatMap((view) => view.all());
    const told = Array.from({ length: 4 }, () => {
      const order = entries.map((entry) => ({ entry, rank: chance() }));
      const state = open(
        order.toSorted((one, two) => one.rank - two.rank).map(({ entry }) => entry),
      ).state();
      const { nodes, keys, boxes, meetingBoxes, keyHolders, revoked, frontiers, ...rest } = state;
      return JSON.stringify([
        rest,
        [...nodes],
        [...boxes],
        [...meetingBoxes],
        [...keyHolders],
        [...revoked],
        [...frontiers],
        keys.map((key) => [key, Array.from(key.boxes)]),
      ]);
    });
    expect(new Set(told).size, `seed ${seed}`).toBe(1);
  }
});
