/** The inner loops of the pack engine, as a port: two kernels give the same answers, one of them fast. */

import type { Bytes } from "@skein/protocol/bytes";

/** Works on its own memory, by address. The caller says what lies where, from `heap` on. */
export interface Kernel {
  readonly heap: number;
  /** All of the memory. To be asked for anew after `reserve`: memory that has grown is seen by another view. */
  readonly bytes: () => Bytes;
  /** Makes sure that there is memory up to `end`, and a little more. */
  readonly reserve: (end: number) => void;
  /**
   * Inflates the zlib stream at `from` into exactly `size` bytes; the 16 bytes behind them may change too. Answers how
   * long the stream is, or -1 if it is broken, or -2 if more bytes after `end` could mend it.
   */
  readonly inflate: (from: number, end: number, to: number, size: number) => number;
  /** As a signed number. */
  readonly crc32: (from: number, length: number) => number;
  /** How much the delta makes of a base of `base` bytes, or -1 if it is for another. */
  readonly deltaResult: (delta: number, length: number, base: number) => number;
  /** Makes exactly `size` bytes. Answers 1 if every instruction was sound. */
  // oxlint-disable-next-line eslint/max-params -- the kernel is told numbers, one beside the other.
  readonly applyDelta: (
    base: number,
    baseLength: number,
    delta: number,
    length: number,
    to: number,
    size: number,
  ) => number;
  /** Names an object; `type` is a pack's code. Answers 1 if it is half of a collision. */
  readonly nameObject: (type: number, from: number, length: number, to: number) => number;
  /** A hash under way takes `hashStateBytes` at `state`. */
  readonly sha1Begin: (state: number, lookForCollision: number) => void;
  readonly sha1Update: (state: number, from: number, length: number) => void;
  /** Writes 20 bytes. Answers 1 if what was hashed is half of a collision that was looked for. */
  readonly sha1Finish: (state: number, to: number) => number;
}

export const hashStateBytes = 128;
