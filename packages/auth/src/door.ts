/** The door of an account: what only its passphrase yields. It admits replicas and co-signs; it is never write authority. */

import type { Bytes } from "@skein/protocol/bytes";
import type { Label } from "./crypto/labels.ts";
import type { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";

/** Three secrets of 32 bytes. `openDoor` takes them over. */
export interface DoorSeeds {
  readonly sign: SecretKey;
  readonly box: SecretKey;
  readonly meeting: SecretKey;
}

export interface Door extends Disposable {
  readonly signPublic: Bytes;
  readonly boxPublic: Bytes;
  /** The only part a node keeps: `copy()` it before the door is closed. */
  readonly meeting: SecretKey;
  /** Signs `hash(label, …parts)`. */
  readonly sign: (label: Label, ...parts: ReadonlyArray<Uint8Array>) => Bytes;
  /** Opens what was sealed to `boxPublic`, such as the account's read key. */
  readonly openBox: (sealed: Uint8Array) => Bytes | undefined;
}

export function openDoor(crypto: Crypto, seeds: DoorSeeds): Door {
  const sign = crypto.signKeypair(seeds.sign);
  const box = crypto.boxKeypair(seeds.box);
  const { meeting } = seeds;
  seeds.sign[Symbol.dispose]();
  seeds.box[Symbol.dispose]();
  return {
    signPublic: sign.publicKey,
    boxPublic: box.publicKey,
    meeting,
    sign: (label, ...parts) => crypto.sign(sign.secretKey, crypto.hash(label, ...parts)),
    openBox: (sealed) => crypto.boxSealOpen(box.publicKey, box.secretKey, sealed),
    [Symbol.dispose]: () => {
      for (const secret of [sign, box, meeting]) secret[Symbol.dispose]();
    },
  };
}

/** What both sides of a session between nodes of one account know beforehand: no stranger even starts one. */
export function sessionPsk(crypto: Crypto, meeting: SecretKey): SecretKey {
  return crypto.deriveKey(meeting, "session psk");
}
