/** A node's secrets as they are stored: wrapped by the key store, and first by a passkey and the passphrase if there is a lock. */

import { concat, equal, type Bytes } from "@skein/protocol/bytes";
import {
  bytes,
  encode,
  fixed,
  optional,
  struct,
  tryDecode,
  variants,
  type Variant,
} from "@skein/protocol/codec";
import { assert } from "@skein/protocol/errors";
import type { AccountId, NodeId } from "@skein/protocol/ids";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import type { Door } from "./door.ts";
import { bytesOf } from "./identity.ts";
import type { KeyStore, Passkey } from "./key-store.ts";

/** Where a vault stands: bound into what is sealed, so that it opens nowhere else. */
export interface VaultPlace {
  readonly crypto: Crypto;
  readonly store: KeyStore;
  readonly account: AccountId;
  readonly node: NodeId;
}

/** What it takes to lock. */
export interface LockWith {
  readonly random: Random;
  /** The `boxPublic` of the account's door: whoever types the words opens the vault, passkey or not. */
  readonly door: Uint8Array;
  readonly passkey?: Passkey | undefined;
}

/** What opens a locked vault. */
export type UnlockWith = { readonly derived: SecretKey } | { readonly door: Door };

const vaultBytesMax = 64 * 1024;
const wrapped = bytes(vaultBytesMax);
const declared = {
  /** `wrapped` holds the secrets. */
  open: [0x01, struct({ wrapped })],
  /** The same secrets once or twice: `words` sealed to the door, `passkey` under what it derives. */
  locked: [
    0x02,
    struct({
      words: wrapped,
      passkey: optional(struct({ id: bytes(1_024), salt: fixed(32), wrapped })),
    }),
  ],
} as const;
type Vault = Variant<typeof declared>;
const Vault = variants(declared);

/** Wraps secrets for storage, whatever they are: the caller's encoding. */
export async function closeVault(place: VaultPlace, secrets: SecretKey): Promise<Bytes> {
  const wrapped = await place.store.wrap(purposeOf(place), secrets);
  return encode(Vault, { type: "open", wrapped });
}

/** The same behind the words, and behind a passkey too if there is one: a passkey alone could be lost. */
export async function lockVault(place: VaultPlace & LockWith, secrets: SecretKey): Promise<Bytes> {
  const { passkey } = place;
  const words = await lockWithWords(place, secrets);
  return encode(Vault, {
    type: "locked",
    words,
    passkey: passkey && {
      id: passkey.id,
      ...(await lockWithPasskey({ ...place, passkey }, secrets)),
    },
  });
}

/** After the passphrase was changed: from now on the new words open it. The passkey, if any, stays. */
export async function rewordVault(
  place: VaultPlace & Omit<LockWith, "passkey">,
  vault: Uint8Array,
  secrets: SecretKey,
): Promise<Bytes | undefined> {
  const read = tryDecode(Vault, Uint8Array.from(vault));
  if (read?.type !== "locked") return undefined;
  return encode(Vault, { ...read, words: await lockWithWords(place, secrets) });
}

/** How a vault is locked, or `undefined` if it is not: which passkey it asks for, and with what salt. */
export function lockOf(vault: Uint8Array):
  | {
      readonly passkey: { readonly id: Bytes; readonly salt: Bytes } | undefined;
    }
  | undefined {
  const read = tryDecode(Vault, Uint8Array.from(vault));
  if (read?.type !== "locked") return undefined;
  const { passkey } = read;
  return { passkey: passkey && { id: passkey.id, salt: passkey.salt } };
}

/** The secrets; `undefined` if the vault is another's, was changed, or is locked and what is given does not fit. */
export async function openVault(
  place: VaultPlace,
  vault: Uint8Array,
  by?: UnlockWith,
): Promise<SecretKey | undefined> {
  const read = tryDecode(Vault, Uint8Array.from(vault));
  if (read?.type === "open") return place.store.unwrap(purposeOf(place), read.wrapped);
  if (read === undefined || by === undefined) return undefined;
  const outer = "door" in by ? read.words : read.passkey?.wrapped;
  const inside = outer && (await place.store.unwrap(purposeOf(place), outer));
  if (inside === undefined) return undefined;
  using sealed = inside;
  return "door" in by ? openAtDoor(place, by.door, sealed) : openDerived(place, by.derived, sealed);
}

/** What a passkey is asked to derive from: its own for each node of each account. */
export function saltOf({
  crypto,
  account,
  node,
}: Pick<VaultPlace, "crypto" | "account" | "node">): Bytes {
  return crypto.hash("passkey salt", bytesOf(account), bytesOf(node));
}

async function lockWithPasskey(
  place: VaultPlace & { readonly random: Random; readonly passkey: Passkey },
  secrets: SecretKey,
): Promise<{ readonly salt: Bytes; readonly wrapped: Bytes }> {
  const { crypto, random, passkey, store } = place;
  const salt = saltOf(place);
  using key = lockKey(place, passkey.secret);
  using sealed = new SecretKey(secrets.reveal((plain) => crypto.seal(key, salt, plain, random)));
  return { salt, wrapped: await store.wrap(purposeOf(place), sealed) };
}

/** A box binds no context: what is inside says whose it is. */
async function lockWithWords(
  place: VaultPlace & Pick<LockWith, "random" | "door">,
  secrets: SecretKey,
): Promise<Bytes> {
  const { crypto, random, door, store } = place;
  using plain = new SecretKey(secrets.reveal((held) => concat(saltOf(place), held)));
  const box = plain.reveal((held) => crypto.boxSeal(door, held, random));
  assert(box !== undefined, "the door in force is of full order");
  using sealed = new SecretKey(box);
  return store.wrap(purposeOf(place), sealed);
}

function openDerived(
  place: VaultPlace,
  derived: SecretKey,
  sealed: SecretKey,
): SecretKey | undefined {
  using key = lockKey(place, derived);
  const plain = sealed.reveal((held) => place.crypto.open(key, saltOf(place), held));
  return plain && new SecretKey(plain);
}

function openAtDoor(place: VaultPlace, door: Door, sealed: SecretKey): SecretKey | undefined {
  const plain = sealed.reveal((held) => door.openBox(held));
  if (plain === undefined) return undefined;
  using _ = new SecretKey(plain);
  const salt = saltOf(place);
  return equal(plain.subarray(0, salt.length), salt)
    ? new SecretKey(plain.slice(salt.length))
    : undefined;
}

function lockKey({ crypto }: VaultPlace, derived: SecretKey): SecretKey {
  return crypto.deriveKey(derived, "passkey lock");
}

function purposeOf({ account, node }: VaultPlace): string {
  return `vault ${account} ${node}`;
}
