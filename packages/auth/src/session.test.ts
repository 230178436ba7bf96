import { expect, test } from "vitest";
import { encode, tryDecode } from "@skein/protocol/codec";
import { formatUtf8, parseUtf8, type Bytes } from "@skein/protocol/bytes";
import { instant, later, type Instant } from "@skein/protocol/ids";
import { SessionPacket } from "@skein/protocol/session-packet";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import { SecretKey } from "./crypto/secret.ts";
import { openCrypto } from "./crypto/sodium.ts";
import { openDoor } from "./door.ts";
import { mintNodeKeys, type NodeKeys } from "./identity.ts";
import { judgePass, makePass } from "./pass.ts";
import {
  openSessions,
  type Introduction,
  type SessionOutput,
  type Sessions,
  type SessionsOptions,
} from "./session.ts";

const crypto = await openCrypto();
const random = { bytes: (length: number): Bytes => Uint8Array.from({ length }, chanceByte) };
let state = 1;
const start = instant(1_700_000_000_000);
const secret = (): SecretKey => new SecretKey(random.bytes(32));
const psk = secret();

function chanceByte(): number {
  state = (state * 48_271) % 2_147_483_647;
  return (state >> 8) & 0xff;
}

interface Options {
  readonly pass?: Pass;
  readonly psk?: SecretKey;
  readonly otherPsks?: ReadonlyArray<SecretKey>;
  readonly maxSkew?: NonNullable<SessionsOptions["maxSkew"]>;
  readonly mayConnect?: (introduction: Introduction) => boolean;
  readonly acquaintances?: ReadonlyArray<NodeKeys>;
}

function open(keys: NodeKeys, options: Options = {}): Sessions {
  return openSessions({
    crypto,
    keys,
    psks: () => [options.psk ?? psk, ...(options.otherPsks ?? [])],
    ...(options.maxSkew === undefined ? {} : { maxSkew: options.maxSkew }),
    pass: () => options.pass,
    mayConnect: options.mayConnect ?? (() => true),
    acquaintances: () => (options.acquaintances ?? []).map(peerOf),
    random,
  });
}

function peerOf(keys: NodeKeys): { readonly node: NodeKeys["id"]; readonly box: Bytes } {
  return { node: keys.id, box: keys.boxPublic };
}

/** Two nodes and what is on the wire between them. */
interface Pair {
  readonly alice: { readonly keys: NodeKeys; readonly sessions: Sessions };
  readonly bob: { readonly keys: NodeKeys; readonly sessions: Sessions };
  /** Hands packets over until nobody has anything to send. Answers with all other outputs but by which path, by name. */
  readonly settle: (outputs: ReadonlyArray<SessionOutput>, from: Name, now?: Instant) => Told[];
  readonly wire: { readonly to: Name; readonly packet: Bytes }[];
}

type Name = "alice" | "bob";
type Told = SessionOutput & { readonly at: Name };

function meet(options: { readonly alice?: Options; readonly bob?: Options } = {}): Pair {
  const keys = { alice: mintNodeKeys(crypto, random), bob: mintNodeKeys(crypto, random) };
  const alice = { keys: keys.alice, sessions: open(keys.alice, options.alice) };
  const bob = { keys: keys.bob, sessions: open(keys.bob, options.bob) };
  const wire: { readonly to: Name; readonly packet: Bytes }[] = [];
  const settle: Pair["settle"] = (outputs, from, now = start) => {
    const told: Told[] = [];
    const waiting = outputs.map((output) => ({ at: from, output }));
    for (const { at, output } of waiting) {
      if (output.type === "heard") continue;
      if (output.type !== "packet") told.push({ ...output, at });
      else {
        const to = at === "alice" ? "bob" : "alice";
        wire.push({ to, packet: output.packet });
        const sessions = to === "alice" ? alice.sessions : bob.sessions;
        for (const more of sessions.receive(output.packet, "relay", now))
          waiting.push({ at: to, output: more });
      }
    }
    return told;
  };
  return { alice, bob, settle, wire };
}

function connect(pair: Pair, now = start): Told[] {
  return pair.settle(pair.alice.sessions.connect(peerOf(pair.bob.keys), now), "alice", now);
}

function textsAt(told: ReadonlyArray<Told>, name: Name): ReadonlyArray<string | undefined> {
  return told
    .filter((output) => output.at === name && output.type === "message")
    .map((output) => (output.type === "message" ? parseUtf8(output.message) : undefined));
}

const hello = formatUtf8("hello");

test("Alice and Bob come up once each, know each other, and agree on the handshake", () => {
  const pair = meet();
  const told = connect(pair);
  expect(told.map(({ at, type }) => `${at} ${type}`)).toEqual(["alice up", "bob up"]);
  const [atAlice, atBob] = told;
  expect(atAlice).toMatchObject({
    introduction: { node: pair.bob.keys.id, sign: pair.bob.keys.signPublic },
  });
  expect(atBob).toMatchObject({
    introduction: { node: pair.alice.keys.id, box: pair.alice.keys.boxPublic },
  });
  expect(pair.alice.sessions.handshakes(pair.bob.keys.id)).toEqual(
    pair.bob.sessions.handshakes(pair.alice.keys.id),
  );
  expect(pair.alice.sessions.handshakes(pair.bob.keys.id)).toHaveLength(1);
});

test("it is told by which path a node is heard, once, and again when that is another one", () => {
  const pair = meet();
  connect(pair);
  const heard: string[] = [];
  for (const path of ["relay", "rtc", "rtc", "relay"])
    for (const output of pair.alice.sessions.send(pair.bob.keys.id, hello, start))
      if (output.type === "packet")
        for (const told of pair.bob.sessions.receive(output.packet, path, start))
          if (told.type === "heard") heard.push(told.path);
  expect(heard).toEqual(["rtc", "relay"]);
});

test("what was said before the session was up is said once it is, and both directions carry", () => {
  const pair = meet();
  const outputs = [
    ...pair.alice.sessions.connect(peerOf(pair.bob.keys), start),
    ...pair.alice.sessions.send(pair.bob.keys.id, hello, start),
  ];
  expect(textsAt(pair.settle(outputs, "alice"), "bob")).toEqual(["hello"]);
  const back = pair.bob.sessions.send(pair.alice.keys.id, formatUtf8("and you"), start, "rtc");
  expect(back).toMatchObject([{ type: "packet", path: "rtc", bulk: false }]);
  expect(textsAt(pair.settle(back, "bob"), "alice")).toEqual(["and you"]);
});

test("a message of four kibibytes is bulk, and waits behind what is not", () => {
  const pair = meet();
  connect(pair);
  const outputs = pair.alice.sessions.send(pair.bob.keys.id, new Uint8Array(4_096), start);
  expect(outputs).toMatchObject([{ type: "packet", bulk: true }]);
});

test("a queue holds sixty-four messages; what finds no room comes back", () => {
  const pair = meet();
  pair.alice.sessions.connect(peerOf(pair.bob.keys), start);
  const send = (length: number): SessionOutput[] =>
    pair.alice.sessions.send(pair.bob.keys.id, new Uint8Array(length), start);
  for (let count = 0; count < 64; count++) expect(send(10)).toEqual([]);
  expect(send(10)).toMatchObject([{ type: "refused", node: pair.bob.keys.id }]);
  const stranger = mintNodeKeys(crypto, random).id;
  expect(pair.alice.sessions.send(stranger, hello, start)).toMatchObject([{ type: "refused" }]);
});

test("a node that may not connect is not answered, and one with another secret never comes up", () => {
  const strict = meet({ bob: { mayConnect: () => false } });
  expect(connect(strict)).toEqual([]);
  expect(strict.wire.filter(({ to }) => to === "alice")).toEqual([]);
  const strangers = meet({ bob: { psk: secret() } });
  expect(connect(strangers)).toEqual([]);
});

test("a replica shows its pass, whichever side greets", () => {
  const door = openDoor(crypto, { sign: secret(), box: secret(), meeting: secret() });
  const carol = mintNodeKeys(crypto, random);
  const pass = makePass({ door, keys: carol, name: "Tablet", platform: "iPad", at: start });
  for (const side of ["alice", "bob"] as const) {
    const told = connect(meet({ [side]: { pass } }));
    const seen = told.find((output) => output.at !== side && output.type === "up");
    if (seen?.type !== "up" || seen.introduction.pass === undefined) throw new Error("shown");
    expect(judgePass(crypto, door.signPublic, seen.introduction.pass)).toBe(carol.id);
  }
});

test("A13: two greetings that cross make one session", () => {
  const pair = meet();
  const fromAlice = pair.alice.sessions.connect(peerOf(pair.bob.keys), start);
  const fromBob = pair.bob.sessions.connect(peerOf(pair.alice.keys), start);
  const told = [...pair.settle(fromAlice, "alice"), ...pair.settle(fromBob, "bob")];
  expect(told.filter(({ type }) => type === "up")).toHaveLength(2);
  expect(pair.alice.sessions.handshakes(pair.bob.keys.id)).toEqual(
    pair.bob.sessions.handshakes(pair.alice.keys.id),
  );
});

test("A13: a node that forgot everything answers a packet of its old life with a greeting", () => {
  const pair = meet();
  connect(pair);
  const reborn = open(pair.bob.keys, { acquaintances: [pair.alice.keys] });
  const now = later(start, 20_000);
  const [packet] = pair.alice.sessions.send(pair.bob.keys.id, hello, now);
  if (packet?.type !== "packet") throw new Error("Alice still believes in the session");
  const [greeting] = reborn.receive(packet.packet, "relay", now);
  expect(greeting).toMatchObject({ type: "packet", node: pair.alice.keys.id });
  expect(reborn.receive(packet.packet, "relay", later(now, 1_000))).toEqual([]);
  if (greeting?.type !== "packet") throw new Error("Bob greets");
  const [welcome] = pair.alice.sessions.receive(greeting.packet, "relay", now);
  if (welcome?.type !== "packet") throw new Error("Alice answers");
  const answers = reborn.receive(welcome.packet, "relay", now);
  const told = answers.flatMap((output) =>
    output.type === "packet" ? pair.alice.sessions.receive(output.packet, "relay", now) : [],
  );
  expect(told.map((output) => output.type).filter((type) => type !== "packet")).toEqual([
    "down",
    "up",
  ]);
  expect(told).toContainEqual({ type: "down", node: pair.bob.keys.id, why: "restarted" });
});

test("A13: a node whose clock went back by years is told so, and gets through", () => {
  const pair = meet();
  connect(pair);
  const reborn = open(pair.alice.keys);
  const past = instant(1_000_000_000_000);
  const [greeting] = reborn.connect(peerOf(pair.bob.keys), past);
  if (greeting?.type !== "packet") throw new Error("Alice greets");
  const [stale] = pair.bob.sessions.receive(greeting.packet, "relay", start);
  if (stale?.type !== "packet") throw new Error("Bob says that it is stale");
  const [again] = reborn.receive(stale.packet, "relay", past);
  if (again?.type !== "packet") throw new Error("Alice greets again");
  const [welcome] = pair.bob.sessions.receive(again.packet, "relay", start);
  if (welcome?.type !== "packet") throw new Error("Bob answers");
  expect(reborn.receive(welcome.packet, "relay", past)).toMatchObject([
    { type: "heard" },
    { type: "up" },
    { type: "packet" },
  ]);
});

test("a node that stays silent is let go a minute after it was last greeted in vain", () => {
  const pair = meet();
  pair.alice.sessions.connect(peerOf(pair.bob.keys), start);
  const down: SessionOutput[] = [];
  let now = start;
  for (let wake = pair.alice.sessions.nextWake(); wake !== undefined;) {
    expect(wake).toBeGreaterThanOrEqual(now);
    now = wake;
    down.push(...pair.alice.sessions.tick(now).filter(({ type }) => type === "down"));
    wake = pair.alice.sessions.nextWake();
  }
  expect(down).toEqual([{ type: "down", node: pair.bob.keys.id, why: "silent" }]);
  expect(now - start).toBeGreaterThanOrEqual(60_000);
  expect(now - start).toBeLessThan(90_000);
});

test("keys are renewed after two minutes, without anybody coming up again", () => {
  const pair = meet();
  connect(pair);
  const now = later(start, 120_001);
  expect(pair.settle(pair.alice.sessions.tick(now), "alice", now)).toEqual([]);
  const hashes = pair.alice.sessions.handshakes(pair.bob.keys.id);
  expect(hashes).toHaveLength(2);
  expect(pair.bob.sessions.handshakes(pair.alice.keys.id)).toEqual(hashes);
  const sent = pair.bob.sessions.send(pair.alice.keys.id, hello, now);
  expect(textsAt(pair.settle(sent, "bob", now), "alice")).toEqual(["hello"]);
});

test("A14: no packet ever recorded changes anything when it is replayed", () => {
  const pair = meet();
  connect(pair);
  pair.settle(pair.alice.sessions.send(pair.bob.keys.id, hello, start), "alice");
  const recorded = [...pair.wire];
  for (const { to, packet } of [...recorded, ...recorded]) {
    const told = pair[to].sessions.receive(packet, "relay", later(start, 1_500));
    expect(told.filter(({ type }) => type !== "packet")).toEqual([]);
  }
  const sent = pair.bob.sessions.send(pair.alice.keys.id, hello, start);
  expect(textsAt(pair.settle(sent, "bob"), "alice")).toEqual(["hello"]);
});

test("A14: a forged answer to a greeting does not keep the true one from being heard", () => {
  const pair = meet();
  const [greeting] = pair.alice.sessions.connect(peerOf(pair.bob.keys), start);
  if (greeting?.type !== "packet") throw new Error("Alice greets");
  const sent = tryDecode(SessionPacket, greeting.packet);
  if (sent?.type !== "hello") throw new Error("it is a HELLO");
  const to = sent.index;
  for (const forged of [
    { type: "welcome", to, index: random.bytes(8), noise: random.bytes(90) },
    { type: "welcome", to, index: random.bytes(8), noise: random.bytes(3) },
    { type: "stale", to, sealed: random.bytes(62) },
  ] as const)
    expect(pair.alice.sessions.receive(encode(SessionPacket, forged), "relay", start)).toEqual([]);
  expect(pair.settle([greeting], "alice").map(({ type }) => type)).toEqual(["up", "up"]);
});

test("A15: a node that meets itself says so and answers nothing", () => {
  const pair = meet();
  const twin = open(pair.alice.keys);
  expect(pair.alice.sessions.connect(peerOf(pair.alice.keys), start)).toEqual([{ type: "self" }]);
  const bobAsAlice = { node: pair.bob.keys.id, box: pair.alice.keys.boxPublic };
  const [greeting] = pair.alice.sessions.connect(bobAsAlice, start);
  if (greeting?.type !== "packet") throw new Error("Alice is deceived");
  expect(twin.receive(greeting.packet, "relay", start)).toEqual([{ type: "self" }]);
});

test("A15: Bob's keys do not make him Carol, whoever says that they are hers", () => {
  const pair = meet();
  const carol = mintNodeKeys(crypto, random);
  const asCarol = { node: carol.id, box: pair.bob.keys.boxPublic };
  const told = pair.settle(pair.alice.sessions.connect(asCarol, start), "alice");
  expect(told.filter(({ type }) => type === "up")).toEqual([]);
});

test("A16: no bytes make a session throw, or end it", () => {
  const pair = meet();
  connect(pair);
  pair.settle(pair.alice.sessions.send(pair.bob.keys.id, hello, start), "alice");
  for (const { to, packet } of pair.wire.slice())
    for (let round = 0; round < 60; round++) {
      const bent = packet.slice(0, 1 + Math.floor((chanceByte() / 255) * packet.length));
      bent[chanceByte() % bent.length] = chanceByte();
      const told = pair[to].sessions.receive(bent, "relay", start);
      expect(told.every(({ type }) => type === "packet")).toBe(true);
    }
  expect(pair.alice.sessions.receive(new Uint8Array(70_000), "relay", start)).toEqual([]);
});

test("A16: a counter of 2^48 - 1 that is forged does not move the window", () => {
  const pair = meet();
  connect(pair);
  const [packet] = pair.alice.sessions.send(pair.bob.keys.id, hello, start);
  if (packet?.type !== "packet") throw new Error("Alice sends");
  const data = tryDecode(SessionPacket, packet.packet);
  if (data?.type !== "data") throw new Error("it is DATA");
  const forged = encode(SessionPacket, { ...data, counter: 2 ** 48 - 1 });
  expect(pair.bob.sessions.receive(forged, "relay", start)).toEqual([]);
  expect(pair.bob.sessions.receive(packet.packet, "relay", start)).toMatchObject([
    { type: "message" },
  ]);
});

test("A17: a packet that is sent back, or into another session, is not heard", () => {
  const pair = meet();
  connect(pair);
  const other = meet();
  connect(other);
  const [packet] = pair.alice.sessions.send(pair.bob.keys.id, hello, start);
  const [theirs] = pair.bob.sessions.send(pair.alice.keys.id, hello, start);
  if (packet?.type !== "packet" || theirs?.type !== "packet") throw new Error("both send");
  const mine = tryDecode(SessionPacket, packet.packet);
  const back = tryDecode(SessionPacket, theirs.packet);
  if (mine?.type !== "data" || back?.type !== "data") throw new Error("both are DATA");
  const reflected = encode(SessionPacket, { ...mine, to: back.to });
  expect(pair.alice.sessions.receive(reflected, "relay", start)).toEqual([]);
  expect(other.bob.sessions.receive(packet.packet, "relay", start)).toEqual([]);
});

test("a dropped node is forgotten, and its packets with it", () => {
  const pair = meet();
  connect(pair);
  const [packet] = pair.bob.sessions.send(pair.alice.keys.id, hello, start);
  expect(pair.alice.sessions.drop(pair.bob.keys.id)).toEqual([
    { type: "down", node: pair.bob.keys.id, why: "dropped" },
  ]);
  if (packet?.type !== "packet") throw new Error("Bob sends");
  expect(pair.alice.sessions.receive(packet.packet, "relay", start)).toEqual([]);
  expect(pair.alice.sessions.nextWake()).toBeUndefined();
});

test("a node that has not heard of the newest secret and one that has come up all the same, whoever greets", () => {
  for (const isAliceAhead of [true, false]) {
    const [old, renewed] = [secret(), secret()];
    const ahead = { psk: renewed, otherPsks: [old] };
    const behind = { psk: old };
    const pair = meet(isAliceAhead ? { alice: ahead, bob: behind } : { alice: behind, bob: ahead });
    const told = connect(pair);
    for (let seconds = 1; seconds <= 20; seconds++) {
      const now = later(start, seconds * 1_000);
      told.push(...pair.settle(pair.alice.sessions.tick(now), "alice", now));
    }
    expect(told.map(({ at, type }) => `${at} ${type}`)).toEqual(["alice up", "bob up"]);
  }
});

test("two nodes that share no secret, old or new, never come up", () => {
  const pair = meet({
    alice: { psk: secret(), otherPsks: [secret()] },
    bob: { psk: secret(), otherPsks: [secret()] },
  });
  const told = connect(pair);
  for (let seconds = 1; seconds <= 50; seconds++) {
    const now = later(start, seconds * 1_000);
    told.push(...pair.settle(pair.alice.sessions.tick(now), "alice", now));
  }
  expect(told.filter(({ type }) => type === "up")).toEqual([]);
});

test("where clocks may differ by an hour at most, a greeting from another day is refused by name, and no other", () => {
  const refused: unknown[] = [];
  const tooFar = (node: string, theirs: number) => refused.push({ node, theirs });
  const pair = meet({ bob: { maxSkew: { millis: 3_600_000, tooFar } } });
  const yesterday = later(start, -86_400_000);
  const [hello_] = pair.alice.sessions.connect(peerOf(pair.bob.keys), yesterday);
  if (hello_?.type !== "packet") throw new Error("it greets");
  expect(pair.bob.sessions.receive(hello_.packet, "relay", start)).toEqual([]);
  expect(refused).toEqual([{ node: pair.alice.keys.id, theirs: yesterday }]);
  pair.bob.sessions.receive(hello_.packet, "relay", start);
  expect(refused).toHaveLength(1);
  const timely = meet({ bob: { maxSkew: { millis: 3_600_000, tooFar } } });
  expect(connect(timely).map(({ type }) => type)).toEqual(["up", "up"]);
});

test("Rita, who shows yesterday's greeting again, makes nobody doubt a clock that is right", () => {
  const tooFar = (): never => expect.unreachable("it is no news");
  const pair = meet({ bob: { maxSkew: { millis: 3_600_000, tooFar } } });
  const [greeting] = pair.alice.sessions.connect(peerOf(pair.bob.keys), start);
  if (greeting?.type !== "packet") throw new Error("it greets");
  pair.settle([greeting], "alice", start);
  const tomorrow = later(start, 86_400_000);
  expect(pair.bob.sessions.receive(greeting.packet, "relay", tomorrow)).toEqual([]);
});

test("A12: a packet is heard though Rita sent its like, with the same index and counter, before it", () => {
  const pair = meet();
  connect(pair);
  const now = later(start, 1_000);
  const [output] = pair.alice.sessions.send(pair.bob.keys.id, hello, now);
  if (output?.type !== "packet") throw new Error("it sends");
  const { packet } = output;
  const like = packet.map((byte, index) => (index === packet.length - 1 ? byte ^ 1 : byte));
  expect(pair.bob.sessions.receive(like, "relay", now)).toEqual([]);
  const heard = pair.bob.sessions.receive(packet, "relay", now);
  expect(heard.map(({ type }) => type)).toEqual(["message"]);
  expect(pair.bob.sessions.receive(packet, "relay", now)).toEqual([]);
});
