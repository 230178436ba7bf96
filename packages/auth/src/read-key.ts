/** The read key of an account: sealed to each node and to the door, and recognised by its commitment. */

import { equal, type Bytes } from "@skein/protocol/bytes";
import { encode, fixed, struct, tryDecode, u32 } from "@skein/protocol/codec";
import type { AccountId } from "@skein/protocol/ids";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import type { Door } from "./door.ts";
import { bytesOf, type NodeKeys } from "./identity.ts";
import type { KeyEpoch } from "./membership-keys.ts";
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
  const [key] = state.keys;
  return key && openEpochKey({ crypto, key, keys });
}

/** One of the account's read keys, if this node was given it. */
export function openEpochKey(options: {
  readonly crypto: Crypto;
  readonly key: KeyEpoch;
  readonly keys: NodeKeys;
}): SecretKey | undefined {
  const { crypto, key, keys } = options;
  for (const sealed of key.boxes.get(keys.id) ?? []) {
    const opened = readBox(keys.openBox(sealed), { crypto, key, recipient: keys.boxPublic });
    if (opened !== undefined) return opened;
  }
  return undefined;
}

/** The key before one that is known. `undefined` if whoever made that one did not know it, or lied. */
export function openKeyBefore(options: {
  readonly crypto: Crypto;
  readonly account: AccountId;
  readonly key: KeyEpoch;
  readonly readKey: SecretKey;
}): SecretKey | undefined {
  const { crypto, account, key, readKey } = options;
  const plain = crypto.open(readKey, beforePlace(crypto, account, key.epoch), key.previous);
  return plain?.length === 32 ? new SecretKey(plain) : undefined;
}

/** The key before, for whoever is given the new one: what was sealed under it stays readable. */
export function sealKeyBefore(options: {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly account: AccountId;
  readonly epoch: number;
  readonly readKey: SecretKey;
  readonly before: SecretKey;
}): Bytes {
  const { crypto, random, account, epoch, readKey, before } = options;
  const place = beforePlace(crypto, account, epoch);
  return before.reveal((bytes) => crypto.seal(readKey, place, bytes, random));
}

function beforePlace(crypto: Crypto, account: AccountId, epoch: number): Bytes {
  return crypto.hash("read key before", bytesOf(account), encode(u32, epoch));
}

/**
 * Whether this node was given what the log says that it was given. `refused`: whoever rotated the key boxed it something
 * else, which only this node can tell. It owes the account a rotation.
 */
export function judgeOwnBox(options: {
  readonly crypto: Crypto;
  readonly state: AccountState;
  readonly keys: NodeKeys;
}): "given" | "refused" | "none" {
  const [key] = options.state.keys;
  if ((key?.boxes.get(options.keys.id) ?? []).length === 0) return "none";
  using opened = openReadKey(options);
  return opened === undefined ? "refused" : "given";
}

/** The read key, for a node whose owner has just typed the passphrase. */
export function openReadKeyAtDoor(options: {
  readonly crypto: Crypto;
  readonly state: AccountState;
  readonly door: Door;
}): SecretKey | undefined {
  const { crypto, state, door } = options;
  const [key] = state.keys;
  const expected = key && { crypto, key, recipient: door.boxPublic };
  return expected && readBox(door.openBox(state.doorBox), expected);
}

function readBox(
  plain: Bytes | undefined,
  expected: { readonly crypto: Crypto; readonly key: KeyEpoch; readonly recipient: Bytes },
): SecretKey | undefined {
  const boxed = plain && tryDecode(Boxed, plain);
  plain?.fill(0);
  if (boxed === undefined) return undefined;
  const opened = new SecretKey(boxed.key);
  const { crypto, key, recipient } = expected;
  const isMeant =
    equal(boxed.recipient, recipient) &&
    boxed.epoch === key.epoch &&
    equal(boxed.commitment, key.commitment) &&
    equal(commitReadKey(crypto, opened), key.commitment);
  if (isMeant) return opened;
  opened[Symbol.dispose]();
  return undefined;
}
