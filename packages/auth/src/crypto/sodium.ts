/** The door to libsodium: opened once, after every function used has given a known answer. Everything behind it is synchronous. */

import * as loaded from "libsodium-wrappers";
import { concat, type Bytes } from "@skein/protocol/bytes";
import { assert, Bug } from "@skein/protocol/errors";
import { framed } from "./framing.ts";
import type { Label } from "./labels.ts";
import { judgeLibrary, type Library } from "./library.ts";
import type { Random } from "./random.ts";
import { SecretKey } from "./secret.ts";

/** A key as its owner holds it, or as it came out of a derivation. */
export type Key = SecretKey | Uint8Array;

export interface KeyPair extends Disposable {
  readonly publicKey: Bytes;
  readonly secretKey: SecretKey;
}

export interface Crypto {
  /** `H`: BLAKE2b-256 of the label and the parts, each behind its length. */
  readonly hash: (label: Label, ...parts: ReadonlyArray<Uint8Array>) => Bytes;
  /** `HK`: the same under a key of at most 64 bytes. */
  readonly keyedHash: (key: Key, label: Label, ...parts: ReadonlyArray<Uint8Array>) => Bytes;
  /** As `keyedHash`, for what is itself a key. */
  readonly deriveKey: (key: Key, label: Label, ...parts: ReadonlyArray<Uint8Array>) => SecretKey;
  /** BLAKE2b of 16 to 64 bytes, unlabelled: for Noise and for other specifications only. */
  readonly blake2b: (length: number, message: Uint8Array, key?: Key) => Bytes;

  /** For other specifications only. */
  readonly sha512: (message: Uint8Array) => Bytes;

  /** Ed25519 from a 32-byte seed. */
  readonly signKeypair: (seed: Key) => KeyPair;
  readonly sign: (secretKey: SecretKey, message: Uint8Array) => Bytes;
  /** Never throws: a key or signature that is not one does not verify. */
  readonly verify: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

  /** X25519; the 32-byte seed is the secret key. */
  readonly boxKeypair: (seed: Key) => KeyPair;
  /** X25519, or `undefined` for a public key of low order or of the wrong length. */
  readonly dh: (secretKey: Key, publicKey: Uint8Array) => Bytes | undefined;
  /** What `crypto_box_seal` makes, with the ephemeral key from `random`. Binds no context: the message must. `undefined` for a public key of low order. */
  readonly boxSeal: (
    publicKey: Uint8Array,
    message: Uint8Array,
    random: Random,
  ) => Bytes | undefined;
  readonly boxSealOpen: (
    publicKey: Uint8Array,
    secretKey: SecretKey,
    sealed: Uint8Array,
  ) => Bytes | undefined;

  /** Key-committing XChaCha20-Poly1305 under a long-lived key: nonce(24) ‖ commitment(16) ‖ ciphertext. */
  readonly seal: (key: Key, ad: Uint8Array, message: Uint8Array, random: Random) => Bytes;
  readonly open: (key: Key, ad: Uint8Array, sealed: Uint8Array) => Bytes | undefined;

  /** ChaCha20-Poly1305 as Noise numbers it. `key` is used for each counter once. */
  readonly chachaEncrypt: (key: Key, counter: number, ad: Uint8Array, message: Uint8Array) => Bytes;
  readonly chachaDecrypt: (
    key: Key,
    counter: number,
    ad: Uint8Array,
    ciphertext: Uint8Array,
  ) => Bytes | undefined;

  /** Constant in time for equal lengths. */
  readonly secretsEqual: (a: Uint8Array, b: Uint8Array) => boolean;
}

/** Throws `CryptoUnavailableError` if the library lacks a function or computes one wrongly. */
export async function openCrypto(): Promise<Crypto> {
  await loaded.ready;
  // Its functions hang on the default export, of which its types know nothing.
  return cryptoOver(judgeLibrary(Reflect.get(loaded, "default")));
}

function cryptoOver(library: Library): Crypto {
  const hashing = hashingOver(library);
  return {
    ...hashing,
    ...keysOver(library),
    ...sealsOver(library, hashing),
    ...boxesOver(library, hashing),
    ...ciphersOver(library),
  };
}

type Hashing = Pick<
  Crypto,
  "hash" | "keyedHash" | "deriveKey" | "blake2b" | "sha512" | "secretsEqual"
>;
type Keys = Pick<Crypto, "signKeypair" | "sign" | "verify" | "boxKeypair" | "dh">;

function hashingOver(library: Library): Hashing {
  const blake2b = (length: number, message: Uint8Array, key?: Key): Bytes =>
    plain(
      key === undefined
        ? library.crypto_generichash(length, message, null)
        : lend(key, (bytes) => library.crypto_generichash(length, message, bytes)),
    );
  const keyedHash: Crypto["keyedHash"] = (key, label, ...parts) =>
    blake2b(32, framed(label, parts), key);
  return {
    blake2b,
    keyedHash,
    sha512: (message) => plain(library.crypto_hash(message)),
    hash: (label, ...parts) => blake2b(32, framed(label, parts)),
    deriveKey: (key, label, ...parts) => new SecretKey(keyedHash(key, label, ...parts)),
    secretsEqual: (a, b) => a.length === b.length && library.memcmp(a, b),
  };
}

function keysOver(library: Library): Keys {
  return {
    signKeypair: (seed) => {
      const pair = lend(seed, (bytes) => library.crypto_sign_seed_keypair(bytes));
      return keyPair(plain(pair.publicKey), new SecretKey(plain(pair.privateKey)));
    },
    sign: (secretKey, message) =>
      plain(secretKey.reveal((bytes) => library.crypto_sign_detached(message, bytes))),
    verify: (publicKey, message, signature) =>
      publicKey.length === 32 &&
      signature.length === 64 &&
      library.crypto_sign_verify_detached(signature, message, publicKey),
    boxKeypair: (seed) => {
      const secretKey = new SecretKey(lend(seed, (bytes) => plain(bytes.slice())));
      const publicKey = secretKey.reveal((bytes) => library.crypto_scalarmult_base(bytes));
      return keyPair(plain(publicKey), secretKey);
    },
    dh: (secretKey, publicKey) =>
      attempt(() => lend(secretKey, (bytes) => library.crypto_scalarmult(bytes, publicKey))),
  };
}

function sealsOver(library: Library, hashing: Hashing): Pick<Crypto, "seal" | "open"> {
  const committed = (key: Key, nonce: Uint8Array, ad: Uint8Array): SealKeys => ({
    key: hashing.deriveKey(key, "aead key", nonce, ad),
    commitment: hashing.keyedHash(key, "aead commitment", nonce, ad).slice(0, 16),
  });
  return {
    seal: (key, ad, message, random) => {
      const nonce = random.bytes(nonceBytes);
      const seal = committed(key, nonce, ad);
      using sealKey = seal.key;
      const ciphertext = sealKey.reveal((bytes) =>
        library.crypto_aead_xchacha20poly1305_ietf_encrypt(message, ad, null, zeroNonce, bytes),
      );
      return concat(nonce, seal.commitment, ciphertext);
    },
    open: (key, ad, sealed) => {
      if (sealed.length < sealOverheadBytes) return undefined;
      const seal = committed(key, sealed.subarray(0, nonceBytes), ad);
      using sealKey = seal.key;
      const commitment = sealed.subarray(nonceBytes, nonceBytes + 16);
      if (!library.memcmp(commitment, seal.commitment)) return undefined;
      const ciphertext = sealed.subarray(nonceBytes + 16);
      return attempt(() =>
        sealKey.reveal((bytes) =>
          library.crypto_aead_xchacha20poly1305_ietf_decrypt(
            null,
            ciphertext,
            ad,
            zeroNonce,
            bytes,
          ),
        ),
      );
    },
  };
}

function boxesOver(library: Library, hashing: Hashing): Pick<Crypto, "boxSeal" | "boxSealOpen"> {
  return {
    boxSeal: (publicKey, message, random) => {
      using ephemeral = new SecretKey(random.bytes(32));
      const own = ephemeral.reveal((bytes) => plain(library.crypto_scalarmult_base(bytes)));
      const nonce = hashing.blake2b(24, concat(own, publicKey));
      const box = attempt(() =>
        ephemeral.reveal((bytes) => library.crypto_box_easy(message, nonce, publicKey, bytes)),
      );
      return box && concat(own, box);
    },
    boxSealOpen: (publicKey, secretKey, sealed) =>
      attempt(() =>
        secretKey.reveal((bytes) => library.crypto_box_seal_open(sealed, publicKey, bytes)),
      ),
  };
}

function ciphersOver(library: Library): Pick<Crypto, "chachaEncrypt" | "chachaDecrypt"> {
  const encrypt = library.crypto_aead_chacha20poly1305_ietf_encrypt;
  const decrypt = library.crypto_aead_chacha20poly1305_ietf_decrypt;
  return {
    chachaEncrypt: (key, counter, ad, message) =>
      plain(lend(key, (bytes) => encrypt(message, ad, null, noiseNonce(counter), bytes))),
    chachaDecrypt: (key, counter, ad, ciphertext) =>
      attempt(() =>
        lend(key, (bytes) => decrypt(null, ciphertext, ad, noiseNonce(counter), bytes)),
      ),
  };
}

interface SealKeys {
  readonly key: SecretKey;
  readonly commitment: Bytes;
}

function keyPair(publicKey: Bytes, secretKey: SecretKey): KeyPair {
  return { publicKey, secretKey, [Symbol.dispose]: () => secretKey[Symbol.dispose]() };
}

function lend<T>(key: Key, use: (bytes: Uint8Array) => T): T {
  return key instanceof SecretKey ? key.reveal(use) : use(key);
}

/** Noise §12.3: four zero bytes, then the counter, little-endian. */
function noiseNonce(counter: number): Bytes {
  assert(Number.isSafeInteger(counter) && counter >= 0, "a nonce is a counter");
  const nonce = new Uint8Array(12);
  let left = counter;
  for (let index = 4; left > 0; index++) {
    nonce[index] = left % 256;
    left = Math.floor(left / 256);
  }
  return nonce;
}

/** libsodium refuses by throwing. A refusal of what came from outside is `undefined` here. */
function attempt(act: () => Uint8Array): Bytes | undefined {
  try {
    return plain(act());
  } catch (error) {
    // A broken assumption of our own is not a refusal.
    if (error instanceof Bug) throw error;
    return undefined;
  }
}

function plain(bytes: Uint8Array): Bytes {
  return isPlain(bytes) ? bytes : bytes.slice();
}

function isPlain(bytes: Uint8Array): bytes is Bytes {
  return bytes.buffer instanceof ArrayBuffer;
}

const nonceBytes = 24;
/** Every sealed message has its own key, so one nonce serves them all. */
const zeroNonce = new Uint8Array(nonceBytes);
/** What `seal` adds to a message: nonce, commitment and tag. */
export const sealOverheadBytes = nonceBytes + 16 + 16;
