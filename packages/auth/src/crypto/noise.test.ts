import { expect, test } from "vitest";
import { formatUtf8 } from "@skein/protocol/bytes";
import { Bug } from "@skein/protocol/errors";
import { openHandshake, type Handshake, type StaticKey } from "./noise.ts";
import { SecretKey } from "./secret.ts";
import { openCrypto, type KeyPair } from "./sodium.ts";

const crypto = await openCrypto();
const psk = (fill: number): SecretKey => new SecretKey(new Uint8Array(32).fill(fill));
const pairOf = (fill: number): KeyPair => crypto.boxKeypair(new Uint8Array(32).fill(fill));
const alice = staticKey(pairOf(1));
const bob = staticKey(pairOf(2));
const hello = formatUtf8("hello");

test("Alice and Bob agree on keys for each direction and on one handshake hash", () => {
  const [initiator, responder] = meet();
  expect(responder.read(sent(initiator.write(hello)))).toEqual(hello);
  expect(responder.remoteStatic()).toEqual(alice.publicKey);
  expect(initiator.read(sent(responder.write(hello)))).toEqual(hello);
  const own = initiator.split();
  const theirs = responder.split();
  expect(own.handshakeHash).toEqual(theirs.handshakeHash);
  expect(bytesOf(own.send)).toEqual(bytesOf(theirs.receive));
  expect(bytesOf(own.receive)).toEqual(bytesOf(theirs.send));
});

test("A17: a message sent back to its sender, or across directions, does not open", () => {
  const [initiator, responder] = meet();
  responder.read(sent(initiator.write(hello)));
  initiator.read(sent(responder.write(hello)));
  const own = initiator.split();
  const theirs = responder.split();
  const packet = crypto.chachaEncrypt(own.send, 0, new Uint8Array(0), hello);
  expect(crypto.chachaDecrypt(theirs.receive, 0, new Uint8Array(0), packet)).toEqual(hello);
  expect(crypto.chachaDecrypt(own.receive, 0, new Uint8Array(0), packet)).toBeUndefined();
  expect(crypto.chachaDecrypt(theirs.send, 0, new Uint8Array(0), packet)).toBeUndefined();
});

test("A17: a message of one handshake does not fit into another", () => {
  const [first, responder] = meet();
  const [second] = meet({ ephemeral: 9 });
  responder.read(sent(first.write(hello)));
  second.write(hello);
  expect(second.read(sent(responder.write(hello)))).toBeUndefined();
});

test("a handshake with any byte changed, cut short or under another psk ends", () => {
  const [initiator] = meet();
  const first = sent(initiator.write(hello));
  for (let index = 0; index < first.length; index++) {
    const changed = first.slice();
    changed[index] = (changed[index] ?? 0) ^ 0x20;
    expect(meet()[1].read(changed)).toBeUndefined();
    expect(meet()[1].read(first.subarray(0, index))).toBeUndefined();
  }
  const [alone, stranger] = meet({ psk: 8 });
  stranger.read(sent(alone.write(hello)));
  const second = sent(stranger.write(hello));
  expect(initiator.read(second)).toBeUndefined();
  expect(() => initiator.split()).toThrow(Bug);
});

test("A18: a static or an ephemeral key of low order ends the handshake", () => {
  const [initiator] = meet({ remoteStatic: new Uint8Array(32) });
  expect(initiator.write(hello)).toBeUndefined();
  const [honest, responder] = meet();
  const first = sent(honest.write(hello));
  first.fill(0, 0, 32);
  expect(responder.read(first)).toBeUndefined();
});

interface Twist {
  readonly psk?: number;
  readonly ephemeral?: number;
  readonly remoteStatic?: Uint8Array<ArrayBuffer>;
}

function meet(twist: Twist = {}): readonly [initiator: Handshake, responder: Handshake] {
  const shared = { crypto, pattern: "IKpsk2" } as const;
  return [
    openHandshake({
      ...shared,
      role: "initiator",
      staticKey: alice,
      remoteStatic: twist.remoteStatic ?? bob.publicKey,
      ephemeral: pairOf(twist.ephemeral ?? 3),
      psks: [psk(twist.psk ?? 5)],
    }),
    openHandshake({
      ...shared,
      role: "responder",
      staticKey: bob,
      ephemeral: pairOf(4),
      psks: [psk(twist.psk ?? 5)],
    }),
  ];
}

function staticKey(pair: KeyPair): StaticKey {
  return { publicKey: pair.publicKey, dh: (theirs) => crypto.dh(pair.secretKey, theirs) };
}

function sent(message: Uint8Array<ArrayBuffer> | undefined): Uint8Array<ArrayBuffer> {
  if (message === undefined) throw new Error("expected a message");
  return message;
}

function bytesOf(key: SecretKey): Uint8Array {
  return key.reveal((bytes) => bytes.slice());
}
