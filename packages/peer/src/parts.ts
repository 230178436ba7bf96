/** Several signed byte strings as one: how membership entries and ref records travel in a stream. */

import { concat, type Bytes } from "@skein/protocol/bytes";
import { decode, encode, u32 } from "@skein/protocol/codec";

export function joinParts(parts: ReadonlyArray<Bytes>): Bytes {
  return concat(...parts.flatMap((part) => [encode(partLength, part.length), part]));
}

/** The reverse, for bytes from another node: `undefined` if they are not that. */
export function splitParts(
  joined: Uint8Array,
  { partBytesMax }: { readonly partBytesMax: number },
): ReadonlyArray<Bytes> | undefined {
  const parts: Bytes[] = [];
  for (let offset = 0; offset < joined.length;) {
    const start = offset + partLengthBytes;
    if (start > joined.length) return undefined;
    const length = decode(partLength, joined.subarray(offset, start));
    if (length < partBytesMin || length > partBytesMax || start + length > joined.length)
      return undefined;
    parts.push(Uint8Array.from(joined.subarray(start, start + length)));
    offset = start + length;
  }
  return parts;
}

/** What `joinParts` adds to each. */
export const partLengthBytes = 4;
/** Each part's length, in front of it. */
const partLength = u32;
/** An Ed25519 signature is in each of them; megabytes of smaller parts would be millions of things to keep. */
const partBytesMin = 64;
