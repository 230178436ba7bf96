/** A node's secrets as they are stored: wrapped by the key store, and first by a passkey if there is a lock. */

import type { Bytes } from "@skein/protocol/bytes";
import {
  bytes,
  encode,
  fixed,
  struct,
  tryDecode,
  variants,
  type Variant,
} from "@skein/protocol/codec";
import type { AccountId, NodeId } from "@skein/protocol/ids";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import { bytesOf } from "./identity.ts";
import type { KeyStore, Passkey } from "./key-store.ts";

/** Where a vault stands: bound into what is sealed, so that it opens nowhere else. */
export interface VaultPlace {
  readonly crypto: Crypto;
  readonly store: KeyStore;
  readonly account: AccountId;
  readonly node: NodeId;
}

const vaultBytesMax = 64 * 1024;
const declared = {
  /** `wrapped` holds the secrets. */
  open: [0x01, struct({ wrapped: bytes(vaultBytesMax) })],
  /** `wrapped` holds the secrets sealed under what the passkey derives. */
  locked: [0x02, struct({ passkey: bytes(1_024), salt: fixed(32), wrapped: bytes(vaultBytesMax) })],
} as const;
type Vault = Variant<typeof declared>;
const Vault = variants(declared);

/** Wraps secrets for storage, whatever they are: the caller's encoding. */
export async function closeVault(place: VaultPlace, secrets: SecretKey): Promise<Bytes> {
  const wrapped = await place.store.wrap(purposeOf(place), secrets);
  return encode(Vault, { type: "open", wrapped });
}

/** The same behind a passkey. It is never the only way back: whoever loses it signs in anew with the words. */
export async function lockVault(
  place: VaultPlace & { readonly random: Random; readonly passkey: Passkey },
  secrets: SecretKey,
): Promise<Bytes> {
  const { crypto, random, passkey } = place;
  using key = lockKey(place, passkey.secret);
  using sealed = new SecretKey(
    secrets.reveal((plain) => crypto.seal(key, saltOf(place), plain, random)),
  );
  const wrapped = await place.store.wrap(purposeOf(place), sealed);
  return encode(Vault, { type: "locked", passkey: passkey.id, salt: saltOf(place), wrapped });
}

/** Which passkey a locked vault asks for, and with what salt; `undefined` if it is not locked. */
export function passkeyOf(
  vault: Uint8Array,
): { readonly id: Bytes; readonly salt: Bytes } | undefined {
  const read = tryDecode(Vault, Uint8Array.from(vault));
  return read?.type === "locked" ? { id: read.passkey, salt: read.salt } : undefined;
}

/** The secrets; `undefined` if the vault is another's, was changed, or is locked and `derived` does not fit. */
export async function openVault(
  place: VaultPlace,
  vault: Uint8Array,
  derived?: SecretKey,
): Promise<SecretKey | undefined> {
  const read = tryDecode(Vault, Uint8Array.from(vault));
  const inside = read && (await place.store.unwrap(purposeOf(place), read.wrapped));
  if (read?.type !== "locked" || inside === undefined) return inside;
  using sealed = inside;
  if (derived === undefined) return undefined;
  using key = lockKey(place, derived);
  const plain = sealed.reveal((held) => place.crypto.open(key, saltOf(place), held));
  return plain && new SecretKey(plain);
}

/** What a passkey is asked to derive from: its own for each node of each account. */
export function saltOf({
  crypto,
  account,
  node,
}: Pick<VaultPlace, "crypto" | "account" | "node">): Bytes {
  return crypto.hash("passkey salt", bytesOf(account), bytesOf(node));
}

function lockKey({ crypto }: VaultPlace, derived: SecretKey): SecretKey {
  return crypto.deriveKey(derived, "passkey lock");
}

function purposeOf({ account, node }: VaultPlace): string {
  return `vault ${account} ${node}`;
}
