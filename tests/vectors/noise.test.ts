import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openHandshake, type Handshake, type PatternName } from "@skein/auth/crypto/noise";
import { SecretKey } from "@skein/auth/crypto/secret";
import { openCrypto, type KeyPair } from "@skein/auth/crypto/sodium";
import { formatHex, parseHex, type Bytes } from "@skein/protocol/bytes";

interface Vector {
  readonly protocol_name: string;
  readonly handshake_hash: string;
  readonly messages: ReadonlyArray<{ readonly payload: string; readonly ciphertext: string }>;
  readonly [field: string]: unknown;
}

const crypto = await openCrypto();
const { vectors }: { readonly vectors: ReadonlyArray<Vector> } = JSON.parse(
  readFileSync(new URL("noise.json", import.meta.url), "utf8"),
);

test("all the patterns that we know have a published vector", () => {
  expect(vectors.map((vector) => patternOf(vector)).toSorted()).toEqual([
    "IK",
    "IKpsk2",
    "KK",
    "NN",
    "NNpsk0",
    "XX",
  ] satisfies ReadonlyArray<PatternName>);
});

describe.each(vectors)("$protocol_name", (vector) => {
  test("each message is, byte for byte, what others have published", () => {
    const sides = [open(vector, "init"), open(vector, "resp")] as const;
    const inHandshake = patternOf(vector).startsWith("XX") ? 3 : 2;
    for (const [index, message] of vector.messages.slice(0, inHandshake).entries()) {
      const [writer, reader] = index % 2 === 0 ? sides : [sides[1], sides[0]];
      const ciphertext = writer.write(hex(message.payload));
      expect(formatHex(ciphertext ?? new Uint8Array(0))).toBe(message.ciphertext);
      expect(reader.read(hex(message.ciphertext))).toEqual(hex(message.payload));
    }
    const [initiator, responder] = [sides[0].split(), sides[1].split()];
    expect(formatHex(initiator.handshakeHash)).toBe(vector.handshake_hash);
    for (const [index, message] of vector.messages.slice(inHandshake).entries()) {
      const odd = (index + inHandshake) % 2 === 1;
      const [writer, reader] = odd ? [responder, initiator] : [initiator, responder];
      const counter = Math.floor(index / 2);
      const none = new Uint8Array(0);
      const sealed = crypto.chachaEncrypt(writer.send, counter, none, hex(message.payload));
      expect(formatHex(sealed)).toBe(message.ciphertext);
      expect(crypto.chachaDecrypt(reader.receive, counter, none, sealed)).toEqual(
        hex(message.payload),
      );
    }
  });
});

function open(vector: Vector, side: "init" | "resp"): Handshake {
  const field = (name: string): Bytes | undefined => {
    const text = vector[`${side}_${name}`];
    return typeof text === "string" ? hex(text) : undefined;
  };
  const local = field("static");
  const pair = local && crypto.boxKeypair(local);
  const remoteStatic = field("remote_static");
  const psks = vector[`${side}_psks`];
  return openHandshake({
    crypto,
    pattern: patternOf(vector),
    role: side === "init" ? "initiator" : "responder",
    ephemeral: crypto.boxKeypair(field("ephemeral") ?? new Uint8Array(0)),
    prologue: field("prologue") ?? new Uint8Array(0),
    ...(pair && { staticKey: staticKeyOf(pair) }),
    ...(remoteStatic && { remoteStatic }),
    psks: Array.isArray(psks) ? psks.map((psk) => new SecretKey(hex(String(psk)))) : [],
  });
}

function staticKeyOf(pair: KeyPair): {
  publicKey: Bytes;
  dh: (key: Uint8Array) => Bytes | undefined;
} {
  return { publicKey: pair.publicKey, dh: (theirs) => crypto.dh(pair.secretKey, theirs) };
}

function patternOf(vector: Vector): PatternName {
  const name = /^Noise_(?<pattern>\w+?)_25519_ChaChaPoly_BLAKE2b$/u.exec(vector.protocol_name);
  return name?.groups?.["pattern"] as PatternName;
}

function hex(text: string): Bytes {
  const bytes = parseHex(text);
  if (bytes === undefined) throw new Error("a vector is hex");
  return bytes;
}
