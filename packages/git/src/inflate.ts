/** Zlib streams: inflated to a size known beforehand, with the exact end of the stream found; and made. */

import { Z_DEFAULT_STRATEGY, deflate as deflateStream } from "pako";
import type { Bytes } from "@skein/protocol/bytes";
import { sharedKernel } from "./kernel-compiled.ts";

export interface Inflated {
  readonly bytes: Bytes;
  /** Where the stream ended: the offset after its checksum. */
  readonly end: number;
}

/**
 * The stream that begins at `offset`, which must inflate to exactly `size` bytes: no more is ever written, a stream
 * that asks for a dictionary, is cut short or has a wrong checksum is `undefined`.
 */
export function inflateAt(from: Uint8Array, offset: number, size: number): Inflated | undefined {
  const kernel = sharedKernel();
  // What does not shrink grows a little; only a strange stream is longer than that.
  const usual = Math.min(from.length, offset + size + (size >>> 3) + 1024);
  for (const stop of usual < from.length ? [usual, from.length] : [usual]) {
    const to = kernel.heap + stop - offset;
    kernel.reserve(to + size);
    kernel.bytes().set(from.subarray(offset, stop), kernel.heap);
    const length = kernel.inflate(kernel.heap, to, to, size);
    if (length >= 0) return { bytes: kernel.bytes().slice(to, to + size), end: offset + length };
    if (length === -1) return undefined;
  }
  return undefined;
}

/** One zlib stream that holds `bytes`. */
export function deflate(bytes: Uint8Array): Bytes {
  return deflateStream(bytes, { level: 6, strategy: Z_DEFAULT_STRATEGY });
}
