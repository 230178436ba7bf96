import * as module from "libsodium-wrappers";
import { expect, test } from "vitest";
import { concat, equal, formatHex, formatUtf8, parseHex } from "@skein/protocol/bytes";
import { CryptoUnavailableError, functionsUsed, judgeLibrary } from "./library.ts";
import type { Random } from "./random.ts";
import { SecretKey } from "./secret.ts";
import { openCrypto, sealOverheadBytes } from "./sodium.ts";
import { webcryptoRandom } from "../webcrypto-random.ts";

await module.ready;
const library: object = Reflect.get(module, "default");
const crypto = await openCrypto();
const hello = formatUtf8("Hello, Bob");
const ad = formatUtf8("for Bob");
const key = new Uint8Array(32).fill(7);

test("A29: a library that lacks a function is refused by that function's name", () => {
  for (const name of functionsUsed)
    expect(() => judgeLibrary({ ...library, [name]: undefined })).toThrow(`no ${name}`);
  expect(() => judgeLibrary(undefined)).toThrow(CryptoUnavailableError);
});

test("A29: a library that computes one thing wrongly is refused", () => {
  const wrong = {
    crypto_generichash: zeros(32),
    crypto_sign_detached: zeros(64),
    memcmp: () => true,
  };
  for (const [name, answer] of Object.entries(wrong))
    expect(() => judgeLibrary({ ...library, [name]: answer })).toThrow(CryptoUnavailableError);
  const agreeable = { ...library, crypto_sign_verify_detached: (): boolean => true };
  expect(() => judgeLibrary(agreeable)).toThrow("Ed25519");
});

test("A29: the standard build declares Argon2id and does not have it", () => {
  expect("crypto_pwhash" satisfies keyof typeof module).toBeTruthy();
  expect(Reflect.get(library, "crypto_pwhash")).toBeUndefined();
});

test("two lists of parts never hash alike, nor two labels, nor two keys", () => {
  const a = formatUtf8("a");
  const b = formatUtf8("b");
  const digests = [
    crypto.hash("node", a, b),
    crypto.hash("node", concat(a, b)),
    crypto.hash("node", a, b, new Uint8Array(0)),
    crypto.hash("record", a, b),
    crypto.keyedHash(key, "node", a, b),
    crypto.keyedHash(new Uint8Array(32), "node", a, b),
  ].map((digest) => formatHex(digest));
  expect(new Set(digests).size).toBe(digests.length);
});

test("what Alice seals opens with her key and her associated data only", () => {
  const sealed = crypto.seal(key, ad, hello, counting());
  expect(sealed.length).toBe(hello.length + sealOverheadBytes);
  expect(crypto.open(key, ad, sealed)).toEqual(hello);
  expect(crypto.open(key, hello, sealed)).toBeUndefined();
  expect(crypto.open(new Uint8Array(32), ad, sealed)).toBeUndefined();
});

test("what is sealed again under the same key, by a program that was restored too, has a nonce of its own", () => {
  const sealOnce = (): string => {
    const sealed = crypto.seal(key, ad, hello, webcryptoRandom);
    return formatHex(sealed.subarray(0, 24));
  };
  expect(new Set(Array.from({ length: 8 }, sealOnce)).size).toBe(8);
});

test("a sealed message opens neither with any bit turned nor cut short", () => {
  const sealed = crypto.seal(key, ad, hello, counting());
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const turned = sealed.slice();
    turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(crypto.open(key, ad, turned)).toBeUndefined();
  }
  for (let length = 0; length < sealed.length; length++)
    expect(crypto.open(key, ad, sealed.subarray(0, length))).toBeUndefined();
});

test("a sealed message commits to its key: the commitment of another key does not open it", () => {
  const mine = crypto.seal(key, ad, hello, counting());
  const theirs = crypto.seal(new Uint8Array(32), ad, hello, counting());
  const mixed = concat(mine.subarray(0, 24), theirs.subarray(24, 40), mine.subarray(40));
  expect(crypto.open(key, ad, mixed)).toBeUndefined();
  expect(equal(mine.subarray(24, 40), theirs.subarray(24, 40))).toBe(false);
});

test("A18: a public key of low order is refused everywhere", () => {
  const random = counting();
  const secret = new SecretKey(random.bytes(32));
  for (const point of lowOrderPoints) {
    expect(crypto.dh(secret, point)).toBeUndefined();
    expect(crypto.boxSeal(point, hello, random)).toBeUndefined();
  }
  expect(crypto.dh(secret, new Uint8Array(31))).toBeUndefined();
});

test("A18: a signature under a key of low order, with a larger S or of another length does not verify", () => {
  using pair = crypto.signKeypair(key);
  const signature = crypto.sign(pair.secretKey, hello);
  expect(crypto.verify(pair.publicKey, hello, signature)).toBe(true);
  expect(crypto.verify(pair.publicKey, hello, withLargerS(signature))).toBe(false);
  expect(crypto.verify(pair.publicKey, hello, signature.subarray(0, 63))).toBe(false);
  expect(crypto.verify(pair.publicKey.subarray(1), hello, signature)).toBe(false);
  const identity = Uint8Array.of(1, ...new Uint8Array(31));
  expect(crypto.verify(identity, hello, concat(identity, new Uint8Array(32)))).toBe(false);
});

test("a box opens for the one it is sealed to, and for nobody else", () => {
  using bob = crypto.boxKeypair(key);
  using mallory = crypto.boxKeypair(new Uint8Array(32).fill(9));
  const box = crypto.boxSeal(bob.publicKey, hello, counting());
  if (box === undefined) throw new Error("expected a box");
  expect(crypto.boxSealOpen(bob.publicKey, bob.secretKey, box)).toEqual(hello);
  expect(crypto.boxSealOpen(mallory.publicKey, mallory.secretKey, box)).toBeUndefined();
  expect(crypto.boxSealOpen(bob.publicKey, bob.secretKey, box.subarray(0, 40))).toBeUndefined();
});

test("a counter above 32 bits gives a nonce of its own", () => {
  const sealed = crypto.chachaEncrypt(key, 2 ** 40 + 1, ad, hello);
  expect(crypto.chachaDecrypt(key, 2 ** 40 + 1, ad, sealed)).toEqual(hello);
  expect(crypto.chachaDecrypt(key, 1, ad, sealed)).toBeUndefined();
});

function counting(): Random {
  let next = 0;
  return { bytes: (length) => Uint8Array.from({ length }, () => next++) };
}

function zeros(length: number): () => Uint8Array {
  return () => new Uint8Array(length);
}

/** S + L: the same signature to a verifier that forgets RFC 8032 §5.1.7's bound. */
function withLargerS(signature: Uint8Array): Uint8Array {
  const order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  const larger = signature.slice();
  let carry = 0;
  for (let index = 0; index < 32; index++) {
    carry += (larger[32 + index] ?? 0) + (order[index] ?? 0);
    larger[32 + index] = carry & 0xff;
    carry >>= 8;
  }
  return larger;
}

function hex(text: string): Uint8Array {
  const bytes = parseHex(text);
  if (bytes === undefined) throw new Error("expected hex");
  return bytes;
}

/** The points of small order of Curve25519, canonical and not. */
const lowOrderPoints = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map((point) => hex(point));
