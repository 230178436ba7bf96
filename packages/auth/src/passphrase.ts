/** Passphrases as people type them: twelve words of BIP 39, of which the first four letters suffice. */

import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { words as wordlist } from "./wordlist.ts";

/** Twelve known words. Whether they belong together is for the checksum, which `unlock.ts` computes. */
export interface Passphrase {
  readonly ok: true;
  readonly words: ReadonlyArray<string>;
  /** 128 bits. */
  readonly entropy: Bytes;
  /** The last four bits. */
  readonly checksum: number;
}

export type PassphraseRefusal =
  | { readonly ok: false; readonly why: "count"; readonly count: number }
  /** `position` counts from 0; `word` is what was typed. */
  | { readonly ok: false; readonly why: "word"; readonly position: number; readonly word: string };

/** Reads what was typed or pasted: any case, any space or punctuation between the words, numbers in front of them. */
export function parsePassphrase(text: string): Passphrase | PassphraseRefusal {
  const typed = text
    .normalize("NFKD")
    .toLowerCase()
    .split(/[^\p{L}\p{M}]+/u)
    .filter((word) => word !== "");
  const found = typed.map((word) => wordOf(word));
  const position = found.indexOf(undefined);
  if (position >= 0) return { ok: false, why: "word", position, word: typed[position] ?? "" };
  if (typed.length !== wordsPerPassphrase) return { ok: false, why: "count", count: typed.length };
  const words = found.filter((word) => word !== undefined);
  return { ok: true, words, ...bitsOf(words) };
}

/** The one word that is meant by it, or by its first four letters or more. */
export function wordOf(typed: string): string | undefined {
  if (known.has(typed)) return typed;
  return typed.length >= prefixLength ? wordlist.find((word) => word.startsWith(typed)) : undefined;
}

/** The words that stand for 128 bits and their checksum of four. */
export function formatPassphrase(entropy: Uint8Array, checksum: number): ReadonlyArray<string> {
  assert(entropy.length === entropyBytes && checksum < 16, "a passphrase has 128 bits and 4");
  let bits = BigInt(checksum);
  for (const [index, byte] of entropy.entries())
    bits |= BigInt(byte) << BigInt(8 * (entropyBytes - 1 - index) + checksumBits);
  return Array.from({ length: wordsPerPassphrase }, (_, index) => {
    const shift = BigInt(bitsPerWord * (wordsPerPassphrase - 1 - index));
    return wordlist[Number((bits >> shift) & 0x7ffn)] ?? "";
  });
}

function bitsOf(words: ReadonlyArray<string>): Pick<Passphrase, "entropy" | "checksum"> {
  let bits = 0n;
  for (const word of words) bits = (bits << BigInt(bitsPerWord)) | BigInt(known.get(word) ?? 0);
  const entropy = Uint8Array.from({ length: entropyBytes }, (_, index) =>
    Number((bits >> BigInt(8 * (entropyBytes - 1 - index) + checksumBits)) & 0xffn),
  );
  return { entropy, checksum: Number(bits & 0xfn) };
}

const wordsPerPassphrase = 12;
const prefixLength = 4;
const bitsPerWord = 11;
const entropyBytes = 16;
const checksumBits = 4;
const known: ReadonlyMap<string, number> = new Map(wordlist.map((word, index) => [word, index]));
