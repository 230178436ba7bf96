/** A node's own keys: made by chance in one browser profile, never leaving it, and named by their hash. */

import type { Bytes } from "@skein/protocol/bytes";
import { Bug } from "@skein/protocol/errors";
import type { AccountId, NodeId } from "@skein/protocol/ids";
import type { Label } from "./crypto/labels.ts";
import type { Random } from "./crypto/random.ts";
import type { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";

export interface NodeSeeds {
  readonly signSeed: SecretKey;
  readonly boxSeed: SecretKey;
}

export interface NodeKeys extends Disposable {
  readonly id: NodeId;
  readonly signPublic: Bytes;
  readonly boxPublic: Bytes;
  /** Signs `hash(label, …parts)`. */
  readonly sign: (label: Label, ...parts: ReadonlyArray<Uint8Array>) => Bytes;
  readonly dh: (publicKey: Uint8Array) => Bytes | undefined;
  /** Opens what `crypto.boxSeal` sealed to `boxPublic`. */
  readonly openBox: (sealed: Uint8Array) => Bytes | undefined;
  /** Copies, for the key store. The caller disposes of them. */
  readonly exportSeeds: () => NodeSeeds;
}

export function mintNodeKeys(crypto: Crypto, random: Random): NodeKeys {
  throw new Bug(`written within minutes ${crypto} ${random}`);
}

/** Takes the seeds over. */
export function openNodeKeys(crypto: Crypto, seeds: NodeSeeds): NodeKeys {
  throw new Bug(`written within minutes ${crypto} ${seeds}`);
}

export function nodeIdOf(crypto: Crypto, signPublic: Uint8Array, boxPublic: Uint8Array): NodeId {
  throw new Bug(`written within minutes ${crypto} ${signPublic} ${boxPublic}`);
}

/** What a person reads out loud to tell two nodes apart, such as `7Q4F-M2KD`. Not proof of anything. */
export function fingerprint(crypto: Crypto, node: NodeId): string {
  throw new Bug(`written within minutes ${crypto} ${node}`);
}

/** Short text by which a person sees that this is the account they meant. */
export function accountMark(crypto: Crypto, account: AccountId): string {
  throw new Bug(`written within minutes ${crypto} ${account}`);
}
