/** Padding, so that a message's size says little about what it is. */

import { concat, type Bytes } from "@skein/protocol/bytes";

/** ISO/IEC 7816-4 (0x80, then zeroes) up to the next bucket: 512 bytes each, and Padmé's where those are wider. */
export function pad(message: Uint8Array): Bytes {
  const length = message.length + 1;
  const step = length <= evenBucketsUpTo ? bucketBytes : Math.max(bucketBytes, padmeStep(length));
  const padded = Math.ceil(length / step) * step;
  return concat(message, Uint8Array.of(0x80), new Uint8Array(padded - length));
}

/** What was padded, or `undefined` if it was not. */
export function unpad(padded: Uint8Array): Uint8Array | undefined {
  let end = padded.length - 1;
  while (end >= 0 && padded[end] === 0) end--;
  return end >= 0 && padded[end] === 0x80 ? padded.subarray(0, end) : undefined;
}

/** Nikitin et al., "Reducing Metadata Leakage from Encrypted Files", §4: at most 12 % more, O(log log n) bits told. */
function padmeStep(length: number): number {
  const exponent = Math.floor(Math.log2(length));
  const mantissaBits = Math.floor(Math.log2(exponent)) + 1;
  return 2 ** (exponent - mantissaBits);
}

const bucketBytes = 512;
const evenBucketsUpTo = 4 * 1024;
