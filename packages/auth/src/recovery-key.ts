/** The recovery key of an account: above every node and above the passphrase, written down once and kept away from both. */

import { concat, equal, type Bytes } from "@skein/protocol/bytes";
import type { NodeId } from "@skein/protocol/ids";
import type { Label } from "./crypto/labels.ts";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import type { Door } from "./door.ts";
import { recoveryAuthorOf } from "./identity.ts";
import { formatPassphrase, parsePassphrase, type PassphraseRefusal } from "./passphrase.ts";

export interface RecoveryKey extends Disposable {
  /** The author of what it says in the log. */
  readonly id: NodeId;
  readonly signPublic: Bytes;
  readonly sign: (label: Label, ...parts: ReadonlyArray<Uint8Array>) => Bytes;
}

/** 128 bits: what the kit's words spell. */
export function mintRecoverySecret(random: Random): SecretKey {
  return new SecretKey(random.bytes(secretBytes));
}

/** Takes nothing over: the secret stays its owner's. */
export function openRecoveryKey(crypto: Crypto, secret: SecretKey): RecoveryKey {
  using seed = crypto.deriveKey(secret, "recovery sign");
  const pair = crypto.signKeypair(seed);
  return {
    id: recoveryAuthorOf(crypto, pair.publicKey),
    signPublic: pair.publicKey,
    sign: (label, ...parts) => crypto.sign(pair.secretKey, crypto.hash(label, ...parts)),
    [Symbol.dispose]: () => pair[Symbol.dispose](),
  };
}

/** Twelve words, of the same list as a passphrase's. Their checksum is another, so that neither is taken for the other. */
export function formatRecoveryWords(crypto: Crypto, secret: SecretKey): ReadonlyArray<string> {
  return secret.reveal((bytes) => formatPassphrase(bytes, checksumOf(crypto, bytes)));
}

export type RecoveryWords =
  | { readonly ok: true; readonly secret: SecretKey }
  | PassphraseRefusal
  /** A word is wrong, or these are the words of the passphrase. */
  | { readonly ok: false; readonly why: "checksum" };

export function parseRecoveryWords(crypto: Crypto, text: string): RecoveryWords {
  const parsed = parsePassphrase(text);
  if (!parsed.ok) return parsed;
  if (checksumOf(crypto, parsed.entropy) !== parsed.checksum) return { ok: false, why: "checksum" };
  return { ok: true, secret: new SecretKey(parsed.entropy) };
}

/** For one node to keep until the kit was written down: only whoever types the passphrase opens it. Never sent. */
export function sealRecoverySecret(
  {
    crypto,
    random,
    door,
  }: { readonly crypto: Crypto; readonly random: Random; readonly door: Pick<Door, "boxPublic"> },
  secret: SecretKey,
): Bytes | undefined {
  using key = openRecoveryKey(crypto, secret);
  const plain = secret.reveal((bytes) => concat(key.signPublic, bytes));
  const sealed = crypto.boxSeal(door.boxPublic, plain, random);
  plain.fill(0);
  return sealed;
}

/** The secret, if the door opens it and it is that of this account. */
export function openRecoverySecret(
  {
    crypto,
    door,
    recovery,
  }: { readonly crypto: Crypto; readonly door: Door; readonly recovery: NodeId },
  sealed: Uint8Array,
): SecretKey | undefined {
  const plain = door.openBox(sealed);
  if (plain?.length !== 32 + secretBytes) return undefined;
  const secret = new SecretKey(plain.slice(32));
  using key = openRecoveryKey(crypto, secret);
  const isMeant = key.id === recovery && equal(plain.subarray(0, 32), key.signPublic);
  plain.fill(0);
  if (isMeant) return secret;
  secret[Symbol.dispose]();
  return undefined;
}

function checksumOf(crypto: Crypto, secret: Uint8Array): number {
  return (crypto.hash("recovery checksum", secret)[0] ?? 0) >>> 4;
}

export const secretBytes = 16;
