/** Letters: what a node leaves at a relay for another one that is away, signed, so that it is believed without a session. */

import { concat, parseHex, type Bytes } from "@skein/protocol/bytes";
import { encode } from "@skein/protocol/codec";
import { assert } from "@skein/protocol/errors";
import type { Instant, NodeId } from "@skein/protocol/ids";
import { Letter, type LetterBody } from "@skein/protocol/topic-messages/letter";
import type { Crypto } from "./crypto/sodium.ts";
import { nodeIdOf, type NodeKeys } from "./identity.ts";

export function writeLetter({
  keys,
  to,
  at,
  body,
}: {
  readonly keys: NodeKeys;
  readonly to: NodeId;
  readonly at: Instant;
  readonly body: LetterBody;
}): Letter {
  const unsigned: Letter = {
    sign: keys.signPublic,
    box: keys.boxPublic,
    at,
    body,
    signature: new Uint8Array(signatureBytes),
  };
  return { ...unsigned, signature: keys.sign("letter", ...signedPartsOf(unsigned, to)) };
}

/** Who wrote it, or `undefined` if nobody did, or not to this reader. */
export function judgeLetter(crypto: Crypto, letter: Letter, reader: NodeId): NodeId | undefined {
  const digest = crypto.hash("letter", ...signedPartsOf(letter, reader));
  return crypto.verify(letter.sign, digest, letter.signature)
    ? nodeIdOf(crypto, letter.sign, letter.box)
    : undefined;
}

function signedPartsOf(letter: Letter, to: NodeId): ReadonlyArray<Bytes> {
  const reader = parseHex(to);
  assert(reader !== undefined, "a node id is hex");
  return [concat(reader, encode(Letter, letter).subarray(0, -signatureBytes))];
}

const signatureBytes = 64;
