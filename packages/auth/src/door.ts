/** The door of an account: what only its passphrase yields. It admits replicas and co-signs; it is never write authority. */

import type { Bytes } from "@skein/protocol/bytes";
import { Bug } from "@skein/protocol/errors";
import type { Label } from "./crypto/labels.ts";
import type { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";

/** Three 32-byte secrets. `openDoor` takes them over. */
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
  throw new Bug(`written within minutes ${crypto} ${seeds}`);
}
