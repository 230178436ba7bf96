/** A node's own keys: made by chance in one browser profile, never leaving it, and named by their hash. */

import { formatHex, formatUtf8, parseHex, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { parseNodeId, type AccountId, type NodeId } from "@skein/protocol/ids";
import type { Label } from "./crypto/labels.ts";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
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
  /**
   * Signs for SSH's own verifiers (`ssh-signature.ts`). What we sign otherwise is always 32 bytes, and this never is: so
   * neither signature is one of the other kind.
   */
  readonly signSsh: (signed: Uint8Array) => Bytes;
  readonly dh: (publicKey: Uint8Array) => Bytes | undefined;
  /** Opens what `crypto.boxSeal` sealed to `boxPublic`. */
  readonly openBox: (sealed: Uint8Array) => Bytes | undefined;
  /** Copies, for the key store. The caller disposes of them. */
  readonly exportSeeds: () => NodeSeeds;
}

export function mintNodeKeys(crypto: Crypto, random: Random): NodeKeys {
  return openNodeKeys(crypto, {
    signSeed: new SecretKey(random.bytes(32)),
    boxSeed: new SecretKey(random.bytes(32)),
  });
}

/** Takes the seeds over. */
export function openNodeKeys(crypto: Crypto, { signSeed, boxSeed }: NodeSeeds): NodeKeys {
  const sign = crypto.signKeypair(signSeed);
  const box = crypto.boxKeypair(boxSeed);
  return {
    id: nodeIdOf(crypto, sign.publicKey, box.publicKey),
    signPublic: sign.publicKey,
    boxPublic: box.publicKey,
    sign: (label, ...parts) => crypto.sign(sign.secretKey, crypto.hash(label, ...parts)),
    signSsh: (signed) => {
      assert(isSshSigned(signed), "only what SSH's verifiers read is signed without a label");
      return crypto.sign(sign.secretKey, signed);
    },
    dh: (publicKey) => crypto.dh(box.secretKey, publicKey),
    openBox: (sealed) => crypto.boxSealOpen(box.publicKey, box.secretKey, sealed),
    exportSeeds: () => ({ signSeed: signSeed.copy(), boxSeed: boxSeed.copy() }),
    [Symbol.dispose]: () => {
      for (const secret of [sign, box, signSeed, boxSeed]) secret[Symbol.dispose]();
    },
  };
}

export function nodeIdOf(crypto: Crypto, signPublic: Uint8Array, boxPublic: Uint8Array): NodeId {
  const id = parseNodeId(formatHex(crypto.hash("node", signPublic, boxPublic)));
  assert(id !== undefined, "a hash of 32 bytes is a node id");
  return id;
}

/** What a person reads out loud to tell two nodes apart, such as `7Q4F-M2KD`. Not proof of anything. */
export function fingerprint(crypto: Crypto, node: NodeId): string {
  const symbols = formatSymbols(crypto.hash("fingerprint", bytesOf(node)), 8);
  return `${symbols.slice(0, 4)}-${symbols.slice(4)}`;
}

/** Short text by which a person sees that this is the account they meant, such as `7Q4-FM2`. Not proof of anything. */
export function accountMark(account: AccountId): string {
  const symbols = formatSymbols(bytesOf(account), 6);
  return `${symbols.slice(0, 3)}-${symbols.slice(3)}`;
}

/** Five bits a symbol, of Crockford's alphabet: none of them looks or sounds like another. */
function formatSymbols(bytes: Uint8Array, count: number): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  const top = BigInt(bytes.length * 8);
  return Array.from({ length: count }, (_, index) =>
    alphabet.charAt(Number((bits >> (top - BigInt(5 * (index + 1)))) & 31n)),
  ).join("");
}

/** Begins as PROTOCOL.sshsig has it, and is longer than a hash. */
function isSshSigned(signed: Uint8Array): boolean {
  const begins = formatUtf8("SSHSIG");
  return signed.length > 64 && begins.every((byte, index) => signed[index] === byte);
}

/** The author that stands for an account's recovery key in its log. It is no node, and never becomes a member. */
export function recoveryAuthorOf(crypto: Crypto, recoveryPublic: Uint8Array): NodeId {
  const id = parseNodeId(formatHex(crypto.hash("recovery", recoveryPublic)));
  assert(id !== undefined, "a hash of 32 bytes has the form of a node id");
  return id;
}

/** An id as it is hashed and signed. */
export function bytesOf(id: NodeId | AccountId): Bytes {
  const bytes = parseHex(id);
  assert(bytes !== undefined, "an id is hex");
  return bytes;
}

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
