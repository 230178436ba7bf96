/** The Noise protocol framework, revision 34, for 25519_ChaChaPoly_BLAKE2b and the patterns in the table at the foot. */

import { concat, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { SecretKey } from "./secret.ts";
import type { Crypto, KeyPair } from "./sodium.ts";

export type PatternName = keyof typeof patterns;

/** A static key whose secret half stays with its owner. */
export interface StaticKey {
  readonly publicKey: Bytes;
  readonly dh: (publicKey: Uint8Array) => Bytes | undefined;
}

export interface HandshakeOptions {
  readonly crypto: Crypto;
  readonly pattern: PatternName;
  readonly role: "initiator" | "responder";
  readonly prologue?: Uint8Array;
  readonly staticKey?: StaticKey;
  readonly remoteStatic?: Bytes;
  /** Fresh for each handshake, which takes it over and wipes it. */
  readonly ephemeral: KeyPair;
  /** In the order of their use. They stay the caller's. */
  readonly psks?: ReadonlyArray<SecretKey>;
}

export interface SessionKeys extends Disposable {
  readonly send: SecretKey;
  readonly receive: SecretKey;
  /** 64 bytes, the same on both sides, different in every handshake. */
  readonly handshakeHash: Bytes;
}

export interface Handshake extends Disposable {
  /** The next message, or `undefined` if the other side's key is of low order: the handshake is then over. */
  readonly write: (payload: Uint8Array) => Bytes | undefined;
  /** The payload of the next message, or `undefined` if it is not from who it says: the handshake is then over. */
  readonly read: (message: Uint8Array) => Bytes | undefined;
  /** The other side's static key, once known. */
  readonly remoteStatic: () => Bytes | undefined;
  /** After the last message: the keys of both directions. */
  readonly split: () => SessionKeys;
}

export function openHandshake(options: HandshakeOptions): Handshake {
  const { crypto, pattern, role, ephemeral } = options;
  const { premessages, messages }: Pattern = patterns[pattern];
  const symmetric = new Symmetric(crypto, `Noise_${pattern}_25519_ChaChaPoly_BLAKE2b`);
  const party: Party = {
    crypto,
    initiates: role === "initiator",
    ephemeral,
    staticKey: options.staticKey,
    remoteStatic: options.remoteStatic,
    remoteEphemeral: undefined,
    psks: [...(options.psks ?? [])],
    /** A pattern with psks mixes public ephemerals into the key, too (§9.2). */
    mixesEphemeral: messages.some((tokens) => tokens.includes("psk")),
  };
  symmetric.mixHash(options.prologue ?? new Uint8Array(0));
  mixPremessages(symmetric, party, premessages);

  let turn = 0;
  let over = false;
  const tokensOfTurn = (writes: boolean): ReadonlyArray<Token> => {
    assert(!over, "a handshake that is over is not continued");
    assert(
      (turn % 2 === 0) === (party.initiates === writes),
      "the sides of a handshake take turns",
    );
    const tokens = messages[turn];
    assert(tokens !== undefined, "a handshake has no more messages than its pattern");
    turn += 1;
    return tokens;
  };
  const end = (): void => {
    over = true;
    ephemeral[Symbol.dispose]();
    symmetric[Symbol.dispose]();
  };
  const endUnless = (message: Bytes | undefined): Bytes | undefined => {
    if (message === undefined) end();
    return message;
  };
  return {
    write: (payload) => endUnless(writeMessage(symmetric, party, tokensOfTurn(true), payload)),
    read: (message) => endUnless(readMessage(symmetric, party, tokensOfTurn(false), message)),
    remoteStatic: () => party.remoteStatic,
    split: () => {
      assert(
        !over && turn === messages.length,
        "a handshake is split once, after its last message",
      );
      const keys = symmetric.split(party.initiates);
      end();
      return keys;
    },
    [Symbol.dispose]: end,
  };
}

type Token = "e" | "s" | "ee" | "es" | "se" | "ss" | "psk";

interface Party {
  readonly crypto: Crypto;
  readonly initiates: boolean;
  readonly ephemeral: KeyPair;
  readonly staticKey: StaticKey | undefined;
  readonly psks: SecretKey[];
  readonly mixesEphemeral: boolean;
  remoteStatic: Bytes | undefined;
  remoteEphemeral: Bytes | undefined;
}

function mixPremessages(symmetric: Symmetric, party: Party, known: Premessages): void {
  for (const side of known) {
    const key =
      (side === "initiator") === party.initiates ? party.staticKey?.publicKey : party.remoteStatic;
    assert(key !== undefined, "a static key that the pattern presumes is given");
    symmetric.mixHash(key);
  }
}

function writeMessage(
  symmetric: Symmetric,
  party: Party,
  tokens: ReadonlyArray<Token>,
  payload: Uint8Array,
): Bytes | undefined {
  const parts: Bytes[] = [];
  for (const token of tokens) {
    if (token === "e") {
      parts.push(party.ephemeral.publicKey);
      mixEphemeral(symmetric, party, party.ephemeral.publicKey);
    } else if (token === "s") {
      assert(party.staticKey !== undefined, "a static key that the pattern sends is given");
      parts.push(symmetric.encryptAndHash(party.staticKey.publicKey));
    } else if (!mixAgreed(symmetric, party, token)) return undefined;
  }
  parts.push(symmetric.encryptAndHash(payload));
  return concat(...parts);
}

function readMessage(
  symmetric: Symmetric,
  party: Party,
  tokens: ReadonlyArray<Token>,
  message: Uint8Array,
): Bytes | undefined {
  let offset = 0;
  const take = (length: number): Bytes | undefined => {
    if (offset + length > message.length) return undefined;
    offset += length;
    return Uint8Array.from(message.subarray(offset - length, offset));
  };
  for (const token of tokens) {
    if (token === "e") {
      const key = take(keyBytes);
      if (key === undefined) return undefined;
      party.remoteEphemeral = key;
      mixEphemeral(symmetric, party, key);
    } else if (token === "s") {
      const sealed = take(keyBytes + (symmetric.isKeyed() ? tagBytes : 0));
      const key = sealed && symmetric.decryptAndHash(sealed);
      if (key === undefined) return undefined;
      party.remoteStatic = key;
    } else if (!mixAgreed(symmetric, party, token)) return undefined;
  }
  return symmetric.decryptAndHash(Uint8Array.from(message.subarray(offset)));
}

function mixEphemeral(symmetric: Symmetric, party: Party, key: Bytes): void {
  symmetric.mixHash(key);
  if (party.mixesEphemeral) symmetric.mixKey(key);
}

/** Mixes in what both sides can compute. False if the other side's key is of low order. */
function mixAgreed(symmetric: Symmetric, party: Party, token: Exclude<Token, "e" | "s">): boolean {
  if (token === "psk") {
    const psk = party.psks.shift();
    assert(psk !== undefined, "a handshake is given as many psks as its pattern has");
    psk.reveal((bytes) => symmetric.mixKeyAndHash(bytes));
    return true;
  }
  // The first letter is the initiator's key, the second the responder's.
  const [own, remote] = party.initiates ? [token[0], token[1]] : [token[1], token[0]];
  const theirs = remote === "e" ? party.remoteEphemeral : party.remoteStatic;
  assert(theirs !== undefined, "a key that the pattern uses is known by then");
  const shared =
    own === "e" ? party.crypto.dh(party.ephemeral.secretKey, theirs) : party.staticKey?.dh(theirs);
  if (shared === undefined) return false;
  symmetric.mixKey(shared);
  shared.fill(0);
  return true;
}

/** Noise §5.2: the chaining key, the transcript's hash and the current cipher. */
class Symmetric implements Disposable {
  readonly #crypto: Crypto;
  #transcript: Bytes;
  #chaining: Bytes;
  #key: SecretKey | undefined;
  #counter = 0;

  constructor(crypto: Crypto, protocolName: string) {
    const name = formatUtf8(protocolName);
    assert(name.length <= hashBytes, "a protocol's name fits in a hash");
    this.#crypto = crypto;
    this.#transcript = concat(name, new Uint8Array(hashBytes - name.length));
    this.#chaining = this.#transcript.slice();
  }

  isKeyed(): boolean {
    return this.#key !== undefined;
  }

  mixHash(bytes: Uint8Array): void {
    this.#transcript = this.#crypto.blake2b(hashBytes, concat(this.#transcript, bytes));
  }

  mixKey(material: Uint8Array): void {
    const [next, keyMaterial, unused] = stretch(this.#crypto, this.#chaining, material);
    unused.fill(0);
    this.#chaining = next;
    this.#rekey(keyMaterial);
  }

  mixKeyAndHash(material: Uint8Array): void {
    const [next, hashMaterial, keyMaterial] = stretch(this.#crypto, this.#chaining, material);
    this.#chaining = next;
    this.mixHash(hashMaterial);
    this.#rekey(keyMaterial);
  }

  encryptAndHash(plaintext: Uint8Array): Bytes {
    const ciphertext =
      this.#key === undefined
        ? Uint8Array.from(plaintext)
        : this.#crypto.chachaEncrypt(this.#key, this.#counter++, this.#transcript, plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  decryptAndHash(ciphertext: Bytes): Bytes | undefined {
    const plaintext =
      this.#key === undefined
        ? ciphertext
        : this.#crypto.chachaDecrypt(this.#key, this.#counter++, this.#transcript, ciphertext);
    this.mixHash(ciphertext);
    return plaintext;
  }

  split(initiates: boolean): SessionKeys {
    const [first, second, unused] = stretch(this.#crypto, this.#chaining, new Uint8Array(0));
    const fromInitiator = new SecretKey(first.slice(0, keyBytes));
    const fromResponder = new SecretKey(second.slice(0, keyBytes));
    for (const material of [first, second, unused]) material.fill(0);
    return initiates
      ? sessionKeys(fromInitiator, fromResponder, this.#transcript)
      : sessionKeys(fromResponder, fromInitiator, this.#transcript);
  }

  [Symbol.dispose](): void {
    this.#key?.[Symbol.dispose]();
    this.#chaining.fill(0);
  }

  #rekey(material: Bytes): void {
    this.#key?.[Symbol.dispose]();
    this.#key = new SecretKey(material.slice(0, keyBytes));
    material.fill(0);
    this.#counter = 0;
  }
}

function sessionKeys(send: SecretKey, receive: SecretKey, handshakeHash: Bytes): SessionKeys {
  return {
    send,
    receive,
    handshakeHash,
    [Symbol.dispose]: () => {
      send[Symbol.dispose]();
      receive[Symbol.dispose]();
    },
  };
}

/** HKDF of Noise §4.3, over HMAC-BLAKE2b: BLAKE2b's own keyed mode is not what Noise asks for. Wipes the old chaining key. */
function stretch(
  crypto: Crypto,
  chaining: Bytes,
  material: Uint8Array,
): readonly [Bytes, Bytes, Bytes] {
  const extracted = hmac(crypto, chaining, material);
  const first = hmac(crypto, extracted, Uint8Array.of(1));
  const second = hmac(crypto, extracted, concat(first, Uint8Array.of(2)));
  const third = hmac(crypto, extracted, concat(second, Uint8Array.of(3)));
  extracted.fill(0);
  chaining.fill(0);
  return [first, second, third];
}

/** RFC 2104 with keys of at most one block. */
function hmac(crypto: Crypto, key: Uint8Array, message: Uint8Array): Bytes {
  const block = concat(key, new Uint8Array(blockBytes - key.length));
  const inner = block.map((byte) => byte ^ 0x36);
  const outer = block.map((byte) => byte ^ 0x5c);
  const digest = crypto.blake2b(hashBytes, concat(inner, message));
  return crypto.blake2b(hashBytes, concat(outer, digest));
}

const keyBytes = 32;
const tagBytes = 16;
const hashBytes = 64;
const blockBytes = 128;

type Premessages = ReadonlyArray<"initiator" | "responder">;

interface Pattern {
  /** Whose static key the other side knows beforehand. */
  readonly premessages: Premessages;
  readonly messages: ReadonlyArray<ReadonlyArray<Token>>;
}

/** Noise §7.5 and §9.4. Skein speaks IKpsk2; its neighbours are here because published vectors prove the engine by them. */
const patterns = {
  NN: { premessages: [], messages: [["e"], ["e", "ee"]] },
  NNpsk0: {
    premessages: [],
    messages: [
      ["psk", "e"],
      ["e", "ee"],
    ],
  },
  XX: { premessages: [], messages: [["e"], ["e", "ee", "s", "es"], ["s", "se"]] },
  KK: {
    premessages: ["initiator", "responder"],
    messages: [
      ["e", "es", "ss"],
      ["e", "ee", "se"],
    ],
  },
  IK: {
    premessages: ["responder"],
    messages: [
      ["e", "es", "s", "ss"],
      ["e", "ee", "se"],
    ],
  },
  IKpsk2: {
    premessages: ["responder"],
    messages: [
      ["e", "es", "s", "ss"],
      ["e", "ee", "se", "psk"],
    ],
  },
} as const satisfies Readonly<Record<string, Pattern>>;
