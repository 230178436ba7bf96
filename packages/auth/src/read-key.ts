/** The read key of an account: sealed to each node and to the door, and recognised by its commitment. */

import { equal, type Bytes } from "@skein/protocol/bytes";
import { encode, fixed, struct, tryDecode, u32 } from "@skein/protocol/codec";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import type { Door } from "./door.ts";
import type { NodeKeys } from "./identity.ts";
import type { AccountState } from "./membership-state.ts";

/** A sealed box binds nothing by itself, so its content says whose and which it is. */
const Boxed = struct({ recipient: fixed(32), commitment: fixed(32), epoch: u32, key: fixed(32) });

/** What a log says of a read key, so that whoever opens one knows that it is the one meant. */
export function commitReadKey(crypto: Crypto, readKey: SecretKey): Bytes {
  return readKey.reveal((bytes) => crypto.hash("read key commitment", bytes));
}

/** `undefined` if the recipient's key is of low order. */
export function sealReadKey(options: {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly readKey: SecretKey;
  readonly recipient: Bytes;
  readonly epoch: number;
}): Bytes | undefined {
  const { crypto, random, readKey, recipient, epoch } = options;
  const commitment = commitReadKey(crypto, readKey);
  const plain = readKey.reveal((key) => encode(Boxed, { recipient, commitment, epoch, key }));
  const sealed = crypto.boxSeal(recipient, plain, random);
  plain.fill(0);
  return sealed;
}

/** The read key, if this node was given it. */
export function openReadKey(options: {
  readonly crypto: Crypto;
  readonly state: AccountState;
  readonly keys: NodeKeys;
}): SecretKey | undefined {
  const { crypto, state, keys } = options;
  for (const sealed of state.boxes.get(keys.id) ?? []) {
    const key = readBox(keys.openBox(sealed), { crypto, state, recipient: keys.boxPublic });
    if (key !== undefined) return key;
  }
  return undefined;
}

/** The read key, for a node whose owner has just typed the passphrase. */
export function openReadKeyAtDoor(options: {
  readonly crypto: Crypto;
  readonly state: AccountState;
  readonly door: Door;
}): SecretKey | undefined {
  const { crypto, state, door } = options;
  return readBox(door.openBox(state.doorBox), { crypto, state, recipient: door.boxPublic });
}

function readBox(
  plain: Bytes | undefined,
  expected: { readonly crypto: Crypto; readonly state: AccountState; readonly recipient: Bytes },
): SecretKey | undefined {
  const boxed = plain && tryDecode(Boxed, plain);
  plain?.fill(0);
  if (boxed === undefined) return undefined;
  const key = new SecretKey(boxed.key);
  const { crypto, state, recipient } = expected;
  const isMeant =
    equal(boxed.recipient, recipient) &&
    boxed.epoch === state.epoch &&
    equal(commitReadKey(crypto, key), state.readKeyCommitment);
  if (isMeant) return key;
  key[Symbol.dispose]();
  return undefined;
}
