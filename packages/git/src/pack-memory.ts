/** How a kernel's memory is used while a pack is read: a ring of objects, a window on the pack, and room that is lent. */

import type { Bytes } from "@skein/protocol/bytes";
import { borrowKernel, giveKernelBack } from "./kernel-compiled.ts";
import { hashStateBytes, type Kernel } from "./kernel.ts";

/** Bytes in the kernel's memory. */
export interface Held {
  readonly at: number;
  readonly size: number;
}

export interface PackMemory {
  readonly kernel: Kernel;
  /** Room for an id, and for one hash under way. */
  readonly idAt: number;
  readonly hashAt: number;
  /** Room to tell `namedAtOnce` objects that are to be named, and for their names behind. */
  readonly listAt: number;
  readonly namesAt: number;
  /** The largest object that goes through the ring. */
  readonly ringBlockMax: number;
  /** A block of the ring, over what is oldest. Answers its place: places only ever grow. */
  readonly take: (size: number) => number;
  readonly addressOf: (place: number) => number;
  /** Whether what was put at `place` is still there. */
  readonly holds: (place: number) => boolean;
  /** Whether it would be gone after a few more objects. */
  readonly isOld: (place: number) => boolean;
  /** Room behind all the rest, until what was lent since a mark is released. */
  readonly lend: (size: number) => Held;
  readonly mark: () => number;
  /** Nothing that was lent since `mark` is needed any more but `kept`, which may move there. */
  readonly release: (mark: number, kept?: Held) => Held;
  readonly isLent: (held: Held) => boolean;
  readonly view: (held: Held) => Bytes;
  /** All of the memory, four bytes a word, until there is more of it. */
  readonly words: () => Uint32Array;
  /** Where the window begins. It may be made larger as long as nothing is lent. */
  readonly windowAt: number;
  readonly widen: (bytes: number) => void;
  /** Nothing of it may be used any more. */
  readonly close: () => void;
}

export function openPackMemory(ringBytes: number): PackMemory {
  const kernel = borrowKernel();
  const idAt = kernel.heap;
  const hashAt = idAt + 64;
  const listAt = hashAt + hashStateBytes;
  const namesAt = listAt + namedAtOnce * 16;
  const ringAt = (namesAt + namedAtOnce * 20 + 63) & ~63;
  const windowAt = ringAt + ringBytes + 64;
  let lentAt = windowAt;
  let lentEnd = windowAt;
  let head = 0;
  let reserved = 0;

  /** Memory is asked for when the ring first goes round. */
  const reserve = (end: number): void => {
    if (end > reserved) kernel.reserve(end);
    reserved = Math.max(reserved, end);
  };
  return {
    kernel,
    idAt,
    hashAt,
    listAt,
    namesAt,
    ringBlockMax: Math.floor(ringBytes / 8) - slackBytes,
    take: (size) => {
      const room = (size + slackBytes) & ~15;
      const offset = head % ringBytes;
      if (offset + room > ringBytes) head += ringBytes - offset;
      const place = head;
      head += room;
      return place;
    },
    addressOf: (place) => ringAt + (place % ringBytes),
    holds: (place) => place >= 0 && place >= head - ringBytes,
    isOld: (place) => place < head - ringBytes / 2,
    lend: (size) => {
      const held = { at: lentEnd, size };
      lentEnd += (size + slackBytes) & ~15;
      reserve(lentEnd);
      return held;
    },
    mark: () => lentEnd,
    release: (mark, kept = { at: 0, size: 0 }) => {
      lentEnd = mark;
      if (kept.at < mark) return kept;
      kernel.bytes().copyWithin(mark, kept.at, kept.at + kept.size);
      lentEnd += (kept.size + slackBytes) & ~15;
      return { at: mark, size: kept.size };
    },
    isLent: ({ at }) => at >= lentAt,
    view: ({ at, size }) => kernel.bytes().subarray(at, at + size),
    words: openWords(kernel),
    windowAt,
    widen: (bytes) => {
      lentAt = windowAt + ((bytes + slackBytes) & ~15);
      lentEnd = lentAt;
      reserve(lentAt);
    },
    close: once(() => giveKernelBack(kernel)),
  };
}

function openWords(kernel: Kernel): () => Uint32Array {
  let words = new Uint32Array(0);
  return () => {
    const { buffer } = kernel.bytes();
    if (words.buffer !== buffer) words = new Uint32Array(buffer, 0, buffer.byteLength >>> 2);
    return words;
  };
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
}

/** Enough that four at a time are nearly always at work. */
export const namedAtOnce = 128;
/** The kernel may write a little more than it was asked for. */
const slackBytes = 32;
