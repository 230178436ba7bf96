/** Which functions of libsodium Skein uses, and the proof that the library at hand has them and computes them right. */

import type * as declared from "libsodium-wrappers";
import { concat, equal, formatUtf8, parseHex, type Bytes } from "@skein/protocol/bytes";
import { Bug, SkeinError } from "@skein/protocol/errors";

/**
 * The library's own types declare functions that the standard build lacks, `crypto_pwhash` among them.
 * So a function counts only once it has been seen to be one.
 */
export const functionsUsed = [
  "crypto_aead_chacha20poly1305_ietf_decrypt",
  "crypto_aead_chacha20poly1305_ietf_encrypt",
  "crypto_aead_xchacha20poly1305_ietf_decrypt",
  "crypto_aead_xchacha20poly1305_ietf_encrypt",
  "crypto_box_easy",
  "crypto_box_seal_open",
  "crypto_generichash",
  "crypto_hash",
  "crypto_scalarmult",
  "crypto_scalarmult_base",
  "crypto_sign_detached",
  "crypto_sign_seed_keypair",
  "crypto_sign_verify_detached",
  "memcmp",
] as const satisfies ReadonlyArray<keyof typeof declared>;

export type Library = Pick<typeof declared, (typeof functionsUsed)[number]>;

/** The cryptography library does not work here: an old bundle, a broken browser, a wrong build. */
export class CryptoUnavailableError extends SkeinError {
  override readonly name = "CryptoUnavailableError";
  readonly code = "crypto_unavailable";
  readonly blame = "environment";
  readonly hint = "Reload the page. If that does not help, use another browser.";

  constructor(what: string) {
    super(`The cryptography library fails its self-test: ${what}`);
  }
}

/** Parses whatever was loaded into the library that it should be. Throws `CryptoUnavailableError`. */
export function judgeLibrary(loaded: unknown): Library {
  if (!hasFunctions(loaded)) throw new CryptoUnavailableError(`no ${missingFrom(loaded)}`);
  for (const [what, holds] of knownAnswers)
    if (!holds(loaded)) throw new CryptoUnavailableError(`wrong answer from ${what}`);
  return loaded;
}

function hasFunctions(loaded: unknown): loaded is Library {
  return missingFrom(loaded) === undefined;
}

function missingFrom(loaded: unknown): string | undefined {
  if (typeof loaded !== "object" || loaded === null) return "library at all";
  return functionsUsed.find((name) => typeof Reflect.get(loaded, name) !== "function");
}

type KnownAnswer = readonly [what: string, holds: (library: Library) => boolean];

const knownAnswers: ReadonlyArray<KnownAnswer> = [
  ["BLAKE2b (RFC 7693, 32 bytes)", hashes],
  ["SHA-512 (FIPS 180-4)", hashesAsSha512],
  ["Ed25519 (RFC 8032 §7.1, test 1)", signs],
  ["X25519 (RFC 7748 §6.1)", agrees],
  ["X25519 with a point of low order (RFC 7748 §6.1)", refusesLowOrder],
  ["ChaCha20-Poly1305 (RFC 8439 §2.8.2)", sealsAsChacha],
  ["XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 §A.3.1)", sealsAsXchacha],
  ["sealed boxes", boxes],
  ["memcmp", compares],
];

function hashes(library: Library): boolean {
  const answer = library.crypto_generichash(32, formatUtf8("abc"), null);
  return equal(answer, hex("bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"));
}

function hashesAsSha512(library: Library): boolean {
  const expected = hex(
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
  );
  return equal(library.crypto_hash(formatUtf8("abc")), expected);
}

function signs(library: Library): boolean {
  const pair = library.crypto_sign_seed_keypair(
    hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
  );
  const expected = hex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  );
  const signature = library.crypto_sign_detached(nothing, pair.privateKey);
  return (
    equal(signature, expected) &&
    library.crypto_sign_verify_detached(signature, nothing, pair.publicKey) &&
    !library.crypto_sign_verify_detached(signature, one, pair.publicKey)
  );
}

function agrees(library: Library): boolean {
  const shared = library.crypto_scalarmult(aliceSecret, bobPublic);
  return (
    equal(library.crypto_scalarmult_base(aliceSecret), alicePublic) &&
    equal(shared, hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"))
  );
}

function refusesLowOrder(library: Library): boolean {
  return throws(() => library.crypto_scalarmult(aliceSecret, new Uint8Array(32)));
}

function sealsAsChacha(library: Library): boolean {
  const nonce = hex("070000004041424344454647");
  const sealed = library.crypto_aead_chacha20poly1305_ietf_encrypt(sunscreen, ad, null, nonce, key);
  const open = (ciphertext: Uint8Array): Uint8Array =>
    library.crypto_aead_chacha20poly1305_ietf_decrypt(null, ciphertext, ad, nonce, key);
  return (
    equal(sealed.slice(-16), hex("1ae10b594f09e26a7e902ecbd0600691")) &&
    equal(open(sealed), sunscreen) &&
    throws(() => open(sealed.map((byte) => byte ^ 1)))
  );
}

function sealsAsXchacha(library: Library): boolean {
  const nonce = hex("404142434445464748494a4b4c4d4e4f5051525354555657");
  const sealed = library.crypto_aead_xchacha20poly1305_ietf_encrypt(
    sunscreen,
    ad,
    null,
    nonce,
    key,
  );
  const open = (ciphertext: Uint8Array): Uint8Array =>
    library.crypto_aead_xchacha20poly1305_ietf_decrypt(null, ciphertext, ad, nonce, key);
  return (
    equal(sealed.slice(-16), hex("c0875924c1c7987947deafd8780acf49")) &&
    equal(open(sealed), sunscreen) &&
    throws(() => open(sealed.map((byte) => byte ^ 1)))
  );
}

/** `crypto_box_seal` is `crypto_box_easy` under a fresh key, with BLAKE2b-192 of both public keys for a nonce. */
function boxes(library: Library): boolean {
  const bobSecret = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const nonce = library.crypto_generichash(24, concat(alicePublic, bobPublic), null);
  const sealed = library.crypto_box_easy(sunscreen, nonce, bobPublic, aliceSecret);
  const open = (box: Uint8Array): Uint8Array =>
    library.crypto_box_seal_open(box, bobPublic, bobSecret);
  return (
    equal(open(concat(alicePublic, sealed)), sunscreen) &&
    throws(() => open(concat(bobPublic, sealed)))
  );
}

function compares(library: Library): boolean {
  return library.memcmp(ad, ad.slice()) && !library.memcmp(one, new Uint8Array(1));
}

function throws(act: () => unknown): boolean {
  try {
    act();
    return false;
  } catch {
    // Whatever it threw: refusing is the right answer.
    return true;
  }
}

function hex(text: string): Bytes {
  const bytes = parseHex(text);
  if (bytes === undefined) throw new Bug("a known answer is hex");
  return bytes;
}

const nothing = new Uint8Array(0);
const one = Uint8Array.of(1);
const aliceSecret = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
const alicePublic = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
const bobPublic = hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
const key = Uint8Array.from({ length: 32 }, (_, index) => 0x80 + index);
const ad = hex("50515253c0c1c2c3c4c5c6c7");
const sunscreen = formatUtf8(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
);
