/** Zlib streams: inflated to a size known beforehand, with the exact end of the stream found; and made. */

import {
  Z_DEFAULT_STRATEGY,
  Z_FINISH,
  Z_OK,
  Z_STREAM_END,
  ZStream,
  zlibDeflate,
  zlibDeflateInit2,
  zlibDeflateReset,
} from "pako";
import { assert } from "@skein/protocol/errors";
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
  const stream = streamFor(bytes.length);
  assert(zlibDeflateReset(stream) === Z_OK, "a deflate stream can be used again");
  // No more than what cannot be shrunk takes, in stored blocks.
  const out = new Uint8Array(bytes.length + (bytes.length >>> 9) + 64);
  stream.input = bytes;
  stream.next_in = 0;
  stream.avail_in = bytes.length;
  stream.output = out;
  stream.next_out = 0;
  stream.avail_out = out.length;
  assert(zlibDeflate(stream, Z_FINISH) === Z_STREAM_END, "what is deflated fits");
  stream.input = nothing;
  return out.slice(0, stream.next_out);
}

/** To make one takes longer than to deflate a small object. There is one for each size of window. */
const streams = new Map<number, ZStream>();
const nothing = new Uint8Array(0);

/** A window that all of the bytes fit in: for what is small a small one, since its tables are cleared each time. */
function streamFor(bytes: number): ZStream {
  const bits = Math.ceil(Math.log2(bytes + lookAheadBytes));
  const windowBits = Math.min(windowBitsMax, Math.max(windowBitsMin, bits));
  const kept = streams.get(windowBits);
  if (kept !== undefined) return kept;
  const opened = new ZStream();
  const status = zlibDeflateInit2(
    opened,
    level,
    deflateMethod,
    windowBits,
    // So many literals and copies as there can be bytes go into one block.
    windowBits - windowBitsMin + memoryLevelMin,
    Z_DEFAULT_STRATEGY,
  );
  assert(status === Z_OK, "a deflate stream can be made");
  streams.set(windowBits, opened);
  return opened;
}

/** Zlib's own. */
const level = 6;
const deflateMethod = 8;
const windowBitsMin = 9;
const windowBitsMax = 15;
const memoryLevelMin = 3;
/** Zlib looks no further back than a window without these. */
const lookAheadBytes = 262;
