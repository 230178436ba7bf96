/** Door passes: made by a node while its owner's passphrase is open, judged by every node of the account. */

import { formatUtf8 } from "@skein/protocol/bytes";
import { encode } from "@skein/protocol/codec";
import type { Instant, NodeId } from "@skein/protocol/ids";
import { nameBytesMax } from "@skein/protocol/limits";
import { Pass } from "@skein/protocol/topic-messages/pass";
import type { Crypto } from "./crypto/sodium.ts";
import type { Door } from "./door.ts";
import { nodeIdOf, type NodeKeys } from "./identity.ts";

export interface PassRequest {
  readonly door: Door;
  readonly keys: NodeKeys;
  readonly name: string;
  readonly platform: string;
  readonly at: Instant;
}

export function makePass({ door, keys, name, platform, at }: PassRequest): Pass {
  const unsigned: Pass = {
    sign: keys.signPublic,
    box: keys.boxPublic,
    name: cleanName(name),
    platform: cleanName(platform),
    at,
    signature: new Uint8Array(signatureBytes),
  };
  return { ...unsigned, signature: door.sign("door pass", signedPartOf(unsigned)) };
}

/** The node that the pass is for, or `undefined` if the door did not sign it. Its names are cleaned again where they are shown. */
export function judgePass(
  crypto: Crypto,
  doorSignPublic: Uint8Array,
  pass: Pass,
): NodeId | undefined {
  const digest = crypto.hash("door pass", signedPartOf(pass));
  return crypto.verify(doorSignPublic, digest, pass.signature)
    ? nodeIdOf(crypto, pass.sign, pass.box)
    : undefined;
}

/**
 * A name fit to be shown and signed: one line, nothing invisible, nothing that turns text around,
 * no towers of accents, at most `nameBytesMax` bytes. May come out empty.
 */
export function cleanName(text: string): string {
  const visible = text
    .normalize("NFC")
    .replaceAll(/\s+/gu, " ")
    .replaceAll(invisible, "")
    .replaceAll(towers, "$1")
    .trim();
  return firstBytes(visible, nameBytesMax).trimEnd();
}

function firstBytes(text: string, most: number): string {
  let kept = "";
  let length = 0;
  for (const character of text) {
    length += formatUtf8(character).length;
    if (length > most) break;
    kept += character;
  }
  return kept;
}

/** Every field before the signature. A pass has one encoding only, so this is what came over the wire. */
function signedPartOf(pass: Pass): Uint8Array {
  return encode(Pass, pass).subarray(0, -signatureBytes);
}

const signatureBytes = 64;
/** Control and format characters (bidi, zero width), surrogates, private use, ignorable fillers, the blank of Braille. */
const invisible =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;
/** More than two marks upon one letter. */
const towers = /(\p{M}{2})\p{M}+/gu;
