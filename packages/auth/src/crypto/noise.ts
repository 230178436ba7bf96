/** The Noise protocol framework, revision 34, for 25519_ChaChaPoly_BLAKE2b and the patterns with a line in the table below. */

import type { Bytes } from "@skein/protocol/bytes";
import { Bug } from "@skein/protocol/errors";
import type { SecretKey } from "./secret.ts";
import type { Crypto, KeyPair } from "./sodium.ts";

export type PatternName = "NN" | "XX" | "KK" | "IK" | "IKpsk2";

/** A static key whose secret half stays with its owner. */
export interface StaticKey {
  readonly publicKey: Bytes;
  readonly dh: (publicKey: Uint8Array) => Bytes | undefined;
}

export interface HandshakeOptions {
  readonly crypto: Crypto;
  readonly pattern: PatternName;
  readonly role: "initiator" | "responder";
  readonly prologue?: Uint8Array;
  readonly staticKey?: StaticKey;
  readonly remoteStatic?: Bytes;
  /** Fresh for each handshake; the handshake takes it over and wipes it. */
  readonly ephemeral: KeyPair;
  readonly psks?: ReadonlyArray<SecretKey>;
}

export interface SessionKeys extends Disposable {
  readonly send: SecretKey;
  readonly receive: SecretKey;
  /** 64 bytes, the same on both sides, different in every handshake. */
  readonly handshakeHash: Bytes;
}

export interface Handshake extends Disposable {
  /** The next message, or `undefined` if the other side's key is of low order: the handshake is then over. */
  readonly write: (payload: Uint8Array) => Bytes | undefined;
  /** The payload of the next message, or `undefined` if it is not from who it says: the handshake is then over. */
  readonly read: (message: Uint8Array) => Bytes | undefined;
  /** The other side's static key, once known. */
  readonly remoteStatic: () => Bytes | undefined;
  /** After the last message: the keys of both directions. */
  readonly split: () => SessionKeys;
}

export function openHandshake(options: HandshakeOptions): Handshake {
  throw new Bug(`written within minutes: ${options.pattern}`);
}
