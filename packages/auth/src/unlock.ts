/** From twelve words to the door of an account. Slow on purpose; for a worker that ends right after. The only importer of the large libsodium. */

import * as loaded from "libsodium-wrappers-sumo";
import { concat, equal, formatUtf8, parseHex, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { framed } from "./crypto/framing.ts";
import type { Label } from "./crypto/labels.ts";
import { CryptoUnavailableError } from "./crypto/library.ts";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import type { DoorSeeds } from "./door.ts";
import { formatPassphrase, type Passphrase } from "./passphrase.ts";

export interface Unlock {
  /** A new passphrase. There is no way to choose one. */
  readonly mint: (random: Random) => ReadonlyArray<string>;
  /** Whether the twelve words belong together. Of fifteen wrong words in sixteen it says no, before anything is sent. */
  readonly checksumFits: (passphrase: Passphrase) => boolean;
  /** About a second of work and 64 MiB. Only for a passphrase whose checksum fits. */
  readonly derive: (passphrase: Passphrase) => DoorSeeds;
  /** How long `derive` will take here, in the unit of `now`: a small part of its work is measured. */
  readonly expectMillis: (now: () => number) => number;
}

/** Throws `CryptoUnavailableError` if the library lacks a function or computes one wrongly. */
export async function openUnlock(): Promise<Unlock> {
  await loaded.ready;
  // Its functions hang on the default export, of which its types know nothing.
  const library = judgeUnlockLibrary(Reflect.get(loaded, "default"));
  const checksumOf = (entropy: Uint8Array): number =>
    (library.crypto_hash_sha256(entropy)[0] ?? 0) >> 4;
  const checksumFits = ({ entropy, checksum }: Passphrase): boolean =>
    checksumOf(entropy) === checksum;
  return {
    checksumFits,
    mint: (random) => {
      const entropy = random.bytes(16);
      const words = formatPassphrase(entropy, checksumOf(entropy));
      entropy.fill(0);
      return words;
    },
    expectMillis: (now) => {
      const began = now();
      stretch(library, formatUtf8("how long it takes"), sample);
      return (now() - began) * (workOf(full) / workOf(sample));
    },
    derive: (passphrase) => {
      assert(checksumFits(passphrase), "a passphrase is checked before it is stretched");
      return derive(library, passphrase.entropy);
    },
  };
}

const functionsUsed = ["crypto_generichash", "crypto_hash_sha256", "crypto_pwhash"] as const;
type UnlockLibrary = Pick<typeof loaded, (typeof functionsUsed)[number]>;

/** Parses whatever was loaded into the library that it should be: the small build declares these functions and lacks them. */
export function judgeUnlockLibrary(candidate: unknown): UnlockLibrary {
  if (!hasFunctions(candidate)) throw new CryptoUnavailableError("no Argon2id");
  if (!equal(stretch(candidate, formatUtf8("password"), cheap), knownAnswer))
    throw new CryptoUnavailableError("wrong answer from Argon2id");
  const digest = candidate.crypto_hash_sha256(formatUtf8("abc"));
  if (!equal(digest.subarray(0, 4), Uint8Array.of(0xba, 0x78, 0x16, 0xbf)))
    throw new CryptoUnavailableError("wrong answer from SHA-256");
  return candidate;
}

function hasFunctions(candidate: unknown): candidate is UnlockLibrary {
  if (typeof candidate !== "object" || candidate === null) return false;
  return functionsUsed.every((name) => typeof Reflect.get(candidate, name) === "function");
}

function derive(library: UnlockLibrary, entropy: Uint8Array): DoorSeeds {
  const secret = concat(entropy, formatUtf8("skein passphrase 1"));
  const stretched = stretch(library, secret, full);
  secret.fill(0);
  const part = (label: Label): SecretKey =>
    new SecretKey(Uint8Array.from(library.crypto_generichash(32, framed(label, []), stretched)));
  const seeds = { sign: part("door sign"), box: part("door box"), meeting: part("meeting") };
  stretched.fill(0);
  return seeds;
}

interface Effort {
  readonly passes: number;
  readonly memoryBytes: number;
}

function workOf({ passes, memoryBytes }: Effort): number {
  return passes * memoryBytes;
}

function stretch(library: UnlockLibrary, secret: Uint8Array, effort: Effort): Bytes {
  const salt = library.crypto_generichash(16, formatUtf8("skein/1 passphrase salt"), null);
  const { passes, memoryBytes } = effort;
  return Uint8Array.from(library.crypto_pwhash(32, secret, salt, passes, memoryBytes, argon2id));
}

/** `crypto_pwhash_ALG_ARGON2ID13`: RFC 9106 with one lane. */
const argon2id = 2;
/**
 * The salt is a constant: on a device that knows nothing but the words there is nothing else to take.
 * With 128 bits of chance in the words, that gives an attacker nothing.
 */
const full: Effort = { passes: 3, memoryBytes: 64 * 1024 * 1024 };
const sample: Effort = { passes: 1, memoryBytes: 8 * 1024 * 1024 };
const cheap: Effort = { passes: 1, memoryBytes: 8 * 1024 };
/** Argon2id of "password" with the cheap effort, as a second implementation computes it. */
const knownAnswer =
  parseHex("577a27f260f04a45175f8ef13e5187a41de467270e4c2dfb30fb8f2c07369309") ?? new Uint8Array(0);
