/** The handshake of a session: Noise IKpsk2 with what each side says of itself in its payload, and the answer to a HELLO that is not newer. */

import { formatHex, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { encode, fixed, optional, struct, tryDecode, u48, u8 } from "@skein/protocol/codec";
import { Bug } from "@skein/protocol/errors";
import type { NodeId } from "@skein/protocol/ids";
import { SessionPacket } from "@skein/protocol/session-packet";
import { Pass } from "@skein/protocol/topic-messages/pass";
import { openHandshake, type Handshake, type SessionKeys } from "./crypto/noise.ts";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import { nodeIdOf, type NodeKeys } from "./identity.ts";

/** Who is on the other side, as proven by the handshake; `pass` is what it shows, and still to be judged. */
export interface Introduction {
  readonly node: NodeId;
  readonly sign: Bytes;
  readonly box: Bytes;
  readonly pass: Pass | undefined;
}

/** What every handshake of one node has in common. */
export interface Self {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly keys: NodeKeys;
  /** What the other side has to know too, the likeliest for this path first: nodes may be behind by a change of it. Never empty. */
  readonly psks: (path: string | undefined) => ReadonlyArray<SecretKey>;
  /** Tells this run of the program from the ones before, which knew what this one forgot. */
  readonly run: Bytes;
  readonly pass: () => Pass | undefined;
}

export interface Opened {
  readonly keys: SessionKeys;
  readonly theirIndex: Bytes;
  readonly introduction: Introduction;
  readonly run: string;
}

/** A HELLO of ours, and what may come of it. */
export interface Greeting extends Disposable {
  readonly packet: Bytes;
  readonly digest: Bytes;
  /** The session, if this is the other side's answer. A forged answer changes nothing. */
  readonly finish: (welcome: {
    readonly index: Bytes;
    readonly noise: Uint8Array;
  }) => Opened | undefined;
}

/** A HELLO of theirs: proven to come from who it says, not yet to be new. */
export interface ReadHello extends Disposable {
  readonly introduction: Introduction;
  readonly stamp: number;
  readonly run: string;
  readonly digest: Bytes;
  /** `turn` chooses among the psks: the other side does not say which it knows. */
  readonly answer: (
    index: Bytes,
    turn: number,
  ) => { readonly packet: Bytes; readonly opened: Opened } | undefined;
}

const version = 1;
const HelloPayload = struct({
  version: u8,
  stamp: u48,
  run: fixed(8),
  sign: fixed(32),
  pass: optional(Pass),
});
const WelcomePayload = struct({
  version: u8,
  run: fixed(8),
  sign: fixed(32),
  pass: optional(Pass),
});
const StalePayload = struct({ seen: u48 });

const pattern = "IKpsk2";
const prologue = formatUtf8("skein session 1");

/** `undefined` if the other side's key is none. */
export function openGreeting(
  self: Self,
  peer: { readonly node: NodeId; readonly box: Bytes },
  { index, stamp }: { readonly index: Bytes; readonly stamp: number },
): Greeting | undefined {
  const { crypto, keys, run } = self;
  const sign = keys.signPublic;
  const payload = encode(HelloPayload, { version, stamp, run, sign, pass: self.pass() });
  const seed = new SecretKey(self.random.bytes(32));
  const begin = (psk: SecretKey): readonly [Handshake, Bytes | undefined] => {
    const handshake = openHandshake({
      crypto,
      pattern,
      role: "initiator",
      prologue,
      staticKey: staticKeyOf(keys),
      remoteStatic: peer.box,
      ephemeral: crypto.boxKeypair(seed),
      psks: [psk],
    });
    return [handshake, handshake.write(payload)];
  };
  // The psk is mixed in by the answer: until then all of them begin alike.
  const [first = noPsk()] = self.psks(undefined);
  const [handshake, noise] = begin(first);
  /** The one that is begun already, for the first try. */
  let begun: Handshake | undefined = handshake;
  if (noise === undefined) {
    seed[Symbol.dispose]();
    return undefined;
  }
  const digest = crypto.hash("session hello", index, noise);
  return {
    packet: encode(SessionPacket, { type: "hello", index, noise }),
    digest,
    finish: (welcome) => {
      // A failed read ends a handshake. The same one is begun anew for each try, so that only its true answer can end it.
      for (const psk of self.psks(undefined)) {
        const again = psk === first && begun !== undefined ? begun : begin(psk)[0];
        if (again === begun) begun = undefined;
        const opened = finishGreeting(crypto, again, { ...welcome, peer });
        if (opened !== undefined) return opened;
        again[Symbol.dispose]();
      }
      return undefined;
    },
    [Symbol.dispose]: () => {
      begun?.[Symbol.dispose]();
      seed[Symbol.dispose]();
    },
  };
}

function finishGreeting(
  crypto: Crypto,
  handshake: Handshake,
  welcome: {
    readonly index: Bytes;
    readonly noise: Uint8Array;
    readonly peer: { readonly node: NodeId; readonly box: Bytes };
  },
): Opened | undefined {
  const plain = handshake.read(welcome.noise);
  const said = plain && tryDecode(WelcomePayload, plain);
  if (said?.version !== version) return undefined;
  const { node, box } = welcome.peer;
  if (nodeIdOf(crypto, said.sign, box) !== node) return undefined;
  return {
    keys: handshake.split(),
    theirIndex: welcome.index,
    introduction: { node, sign: said.sign, box, pass: said.pass },
    run: formatHex(said.run),
  };
}

export function readHello(
  self: Self,
  hello: { readonly index: Bytes; readonly noise: Uint8Array },
  path: string,
): ReadHello | undefined {
  const { crypto, keys } = self;
  const seed = new SecretKey(self.random.bytes(32));
  const begin = (psk: SecretKey): readonly [Handshake, Bytes | undefined] => {
    const handshake = openHandshake({
      crypto,
      pattern,
      role: "responder",
      prologue,
      staticKey: staticKeyOf(keys),
      ephemeral: crypto.boxKeypair(seed),
      psks: [psk],
    });
    return [handshake, handshake.read(hello.noise)];
  };
  const psks = self.psks(path);
  const [first = noPsk()] = psks;
  const [handshake, plain] = begin(first);
  const box = handshake.remoteStatic();
  const said = plain && tryDecode(HelloPayload, plain);
  if (box === undefined || said?.version !== version) {
    handshake[Symbol.dispose]();
    seed[Symbol.dispose]();
    return undefined;
  }
  const introduction = {
    node: nodeIdOf(crypto, said.sign, box),
    sign: said.sign,
    box,
    pass: said.pass,
  };
  const run = formatHex(said.run);
  return {
    introduction,
    stamp: said.stamp,
    run,
    digest: crypto.hash("session hello", hello.index, hello.noise),
    answer: (index, turn) => {
      const psk = psks[turn % psks.length] ?? first;
      const again = psk === first ? handshake : begin(psk)[0];
      return answerHello(self, again, { index, to: hello.index, introduction, run });
    },
    [Symbol.dispose]: () => {
      handshake[Symbol.dispose]();
      seed[Symbol.dispose]();
    },
  };
}

function answerHello(
  { keys, run: own, pass }: Self,
  handshake: Handshake,
  reply: {
    readonly index: Bytes;
    readonly to: Bytes;
    readonly introduction: Introduction;
    readonly run: string;
  },
): { readonly packet: Bytes; readonly opened: Opened } | undefined {
  const { index, to, introduction, run } = reply;
  const sign = keys.signPublic;
  const payload = encode(WelcomePayload, { version, run: own, sign, pass: pass() });
  const noise = handshake.write(payload);
  if (noise === undefined) return undefined;
  const opened = { keys: handshake.split(), theirIndex: to, introduction, run };
  return { packet: encode(SessionPacket, { type: "welcome", to, index, noise }), opened };
}

function noPsk(): never {
  throw new Bug("there is always a psk");
}

/** Answers a HELLO whose stamp is not newer: only its sender can read the answer, and only its true recipient can give it. */
export function sealStale(
  { crypto, keys, random }: Self,
  { introduction, digest }: ReadHello,
  { to, seen }: { readonly to: Bytes; readonly seen: number },
): Bytes | undefined {
  using key = staleKey({ crypto, keys, box: introduction.box, digest });
  if (key === undefined) return undefined;
  const sealed = crypto.seal(key, digest, encode(StalePayload, { seen }), random);
  return encode(SessionPacket, { type: "stale", to, sealed });
}

/** The stamp that the other side has seen, if this answers the HELLO with that digest. */
export function readStale(
  { crypto, keys }: Self,
  box: Bytes,
  { digest, sealed }: { readonly digest: Bytes; readonly sealed: Uint8Array },
): number | undefined {
  using key = staleKey({ crypto, keys, box, digest });
  const plain = key && crypto.open(key, digest, sealed);
  return plain && tryDecode(StalePayload, plain)?.seen;
}

function staleKey(options: {
  readonly crypto: Crypto;
  readonly keys: NodeKeys;
  readonly box: Bytes;
  readonly digest: Bytes;
}): SecretKey | undefined {
  const agreed = options.keys.dh(options.box);
  if (agreed === undefined) return undefined;
  using secret = new SecretKey(agreed);
  return options.crypto.deriveKey(secret, "session stale", options.digest);
}

function staticKeyOf(keys: NodeKeys): { readonly publicKey: Bytes; readonly dh: NodeKeys["dh"] } {
  return { publicKey: keys.boxPublic, dh: (publicKey) => keys.dh(publicKey) };
}
