/** Every packet of a session with every one of its bits turned, before it comes as it is. */

import { formatUtf8, parseUtf8, type Bytes } from "@skein/protocol/bytes";
import { tryDecode } from "@skein/protocol/codec";
import { instant, later, type Instant } from "@skein/protocol/ids";
import { SessionPacket } from "@skein/protocol/session-packet";
import { expect, test } from "vitest";
import { SecretKey } from "./crypto/secret.ts";
import { openCrypto } from "./crypto/sodium.ts";
import { mintNodeKeys, type NodeKeys } from "./identity.ts";
import { openSessions, type SessionOutput, type Sessions } from "./session.ts";
import { chanceOf, randomOf } from "./testing/account.ts";

const crypto = await openCrypto();
const random = randomOf(chanceOf(11));
const start = instant(1_700_000_000_000);

test("A1: a packet of any kind with any bit turned, but for where it is to be answered, does nothing, and the true one does what it does", () => {
  const pair = new Pair();
  pair.run("alice", pair.sessions.alice.connect(peerOf(pair.keys.bob), start), start);
  expect(pair.told).toEqual(["alice up", "bob up"]);
  const outputs = pair.sessions.alice.send(pair.keys.bob.id, formatUtf8("hello"), start);
  pair.run("alice", outputs, start);
  expect(pair.told.at(-1)).toBe("bob hears hello");
  // Alice's program is another one, and its clock went back.
  pair.sessions.alice = open(pair.keys.alice);
  const before = later(start, -60_000);
  pair.run("alice", pair.sessions.alice.connect(peerOf(pair.keys.bob), before), before);
  expect(pair.told.slice(3)).toEqual(["alice up", "bob down", "bob up"]);
  expect([...pair.kinds].toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    "data",
    "hello",
    "stale",
    "welcome",
  ]);
}, 60_000);

test("A14: where the index of a first greeting or its answer was bent, both hear each other within a minute", () => {
  for (const bentKind of ["hello", "welcome"]) {
    const keys = { alice: mintNodeKeys(crypto, random), bob: mintNodeKeys(crypto, random) };
    const sessions = { alice: open(keys.alice), bob: open(keys.bob) };
    let isBent = false;
    const heard = new Set<Name>();
    const carry = (from: Name, outputs: ReadonlyArray<SessionOutput>, now: Instant): void => {
      const to = from === "alice" ? "bob" : "alice";
      for (const output of outputs) {
        if (output.type === "message") heard.add(from);
        if (output.type !== "packet") continue;
        const kind = tryDecode(SessionPacket, output.packet)?.type ?? "nothing";
        const packet = Uint8Array.from(output.packet);
        const at = ownIndexAt.get(kind) ?? 0;
        if (kind === bentKind && !isBent) packet[at] = (packet[at] ?? 0) ^ 1;
        isBent ||= kind === bentKind;
        carry(to, sessions[to].receive(packet, "relay", now), now);
      }
    };
    carry("alice", sessions.alice.connect(peerOf(keys.bob), start), start);
    for (let second = 1; second <= 60; second++) {
      const now = later(start, second * 1_000);
      for (const name of ["alice", "bob"] as const) {
        carry(name, sessions[name].tick(now), now);
        const other = name === "alice" ? keys.bob : keys.alice;
        carry(name, sessions[name].send(other.id, formatUtf8("hello"), now), now);
      }
    }
    expect([isBent, heard]).toEqual([true, new Set(["alice", "bob"])]);
  }
});

type Name = "alice" | "bob";

/** Two nodes, between whom everything comes bent before it comes. */
class Pair {
  readonly keys = { alice: mintNodeKeys(crypto, random), bob: mintNodeKeys(crypto, random) };
  readonly sessions = { alice: open(this.keys.alice), bob: open(this.keys.bob) };
  readonly kinds = new Set<string>();
  readonly told: string[] = [];

  run(from: Name, outputs: ReadonlyArray<SessionOutput>, now: Instant): void {
    const waiting = outputs.map((output) => ({ at: from, output }));
    for (const { at, output } of waiting) {
      if (output.type === "message") this.told.push(`${at} hears ${parseUtf8(output.message)}`);
      if (output.type === "up" || output.type === "down") this.told.push(`${at} ${output.type}`);
      if (output.type !== "packet") continue;
      const { packet } = output;
      const to = at === "alice" ? "bob" : "alice";
      this.#bend(to, packet, now);
      for (const more of this.sessions[to].receive(packet, "relay", now))
        waiting.push({ at: to, output: more });
    }
  }

  #bend(to: Name, packet: Bytes, now: Instant): void {
    const kind = tryDecode(SessionPacket, packet)?.type ?? "nothing";
    this.kinds.add(kind);
    const told = new Set<string>();
    const from = ownIndexAt.get(kind) ?? packet.length;
    for (let bit = 0; bit < packet.length * 8; bit++) {
      const byte = bit >> 3;
      if (byte >= from && byte < from + indexBytes) continue;
      const bent = Uint8Array.from(packet);
      bent[byte] = (bent[byte] ?? 0) ^ (1 << (bit & 7));
      for (const { type } of this.sessions[to].receive(bent, "relay", now))
        told.add(`${kind} with bit ${bit} turned: ${type}`);
    }
    expect([...told]).toEqual([]);
  }
}

function open(keys: NodeKeys): Sessions {
  return openSessions({
    crypto,
    keys,
    psks: () => [psk],
    pass: () => undefined,
    mayConnect: () => true,
    acquaintances: () => [],
    random,
  });
}

function peerOf(keys: NodeKeys): { readonly node: NodeKeys["id"]; readonly box: Bytes } {
  return { node: keys.id, box: keys.boxPublic };
}

/**
 * Where a packet says how its sender wants to be addressed. Only what seals the packet for its topic or path covers that: who
 * can open and make such seals can have answers go astray until the next greeting.
 */
const ownIndexAt: ReadonlyMap<string, number> = new Map([
  ["hello", 1],
  ["welcome", 9],
]);
const indexBytes = 8;
const psk = new SecretKey(random.bytes(32));
