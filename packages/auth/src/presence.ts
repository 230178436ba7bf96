/** "I am here", for those who may read the account: what a relay keeps of a node while it is connected. */

import type { Bytes } from "@skein/protocol/bytes";
import { encode, tryDecode } from "@skein/protocol/codec";
import { assert } from "@skein/protocol/errors";
import { presenceBlobBytesMax } from "@skein/protocol/limits";
import { Presence } from "@skein/protocol/topic-messages/presence";
import type { Random } from "./crypto/random.ts";
import type { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";

/** Always of the same size, and different each time: two blobs of one node are not seen to be of one node. */
export function sealPresence(
  crypto: Crypto,
  readKey: SecretKey,
  presence: Presence,
  random: Random,
): Bytes {
  using key = crypto.deriveKey(readKey, "presence seal");
  const blob = crypto.seal(key, noContext, encode(Presence, presence), random);
  assert(blob.length <= presenceBlobBytesMax, "a presence fits in a blob");
  return blob;
}

/** Never throws: what is not of this account is `undefined`. A relay may show old ones; the handshake tells. */
export function openPresence(
  crypto: Crypto,
  readKey: SecretKey,
  blob: Uint8Array,
): Presence | undefined {
  using key = crypto.deriveKey(readKey, "presence seal");
  const encoded = crypto.open(key, noContext, blob);
  return encoded && tryDecode(Presence, encoded);
}

const noContext = new Uint8Array(0);
