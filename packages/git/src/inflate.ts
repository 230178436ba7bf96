/** Zlib streams inside packs: inflated to a size known beforehand, with the exact end of the stream found. */

import {
  Z_DEFAULT_STRATEGY,
  Z_FINISH,
  Z_OK,
  Z_STREAM_END,
  ZStream,
  deflate as deflateStream,
  zlibInflate,
  zlibInflateInit2,
  zlibInflateReset,
} from "pako";
import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";

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
  const stream = readyStream();
  const bytes = new Uint8Array(size);
  stream.input = from;
  stream.next_in = offset;
  stream.avail_in = from.length - offset;
  stream.output = bytes;
  stream.next_out = 0;
  stream.avail_out = size;
  const status = zlibInflate(stream, Z_FINISH);
  const end = stream.next_in;
  const whole = status === Z_STREAM_END && stream.avail_out === 0;
  stream.input = nothing;
  stream.output = nothing;
  return whole ? { bytes, end } : undefined;
}

/** One zlib stream that holds `bytes`. */
export function deflate(bytes: Uint8Array): Bytes {
  return deflateStream(bytes, { level: 6, strategy: Z_DEFAULT_STRATEGY });
}

/** One stream is enough: nothing here waits, so nobody else can be in the middle of it. */
let kept: ZStream | undefined;

function readyStream(): ZStream {
  if (kept === undefined) {
    kept = new ZStream();
    assert(zlibInflateInit2(kept, zlibWindowBits) === Z_OK, "an inflate stream can be made");
  }
  assert(zlibInflateReset(kept) === Z_OK, "an inflate stream can be used again");
  return kept;
}

/** 32 KiB of window, and a zlib header: neither gzip nor raw deflate. */
const zlibWindowBits = 15;
const nothing: Bytes = new Uint8Array(0);
