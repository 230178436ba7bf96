/** The inner loops of the pack engine, as a port: two kernels give the same answers, one of them fast. */

import type { Bytes } from "@skein/protocol/bytes";

/** Works on its own memory, by address. The caller says what lies where, from `heap` on. */
export interface Kernel extends CoreKernel, PacksKernel {}

export interface CoreKernel {
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
  /** Makes exactly `size` bytes; the 16 behind them may change too. Answers 1 if every instruction was sound. */
  // oxlint-disable-next-line eslint/max-params -- the kernel is told numbers, one beside the other.
  readonly applyDelta: (
    base: number,
    baseLength: number,
    delta: number,
    length: number,
    to: number,
    size: number,
  ) => number;
  /**
   * Tells `length` bytes at `target` as a delta on those at `base`. `index` is room for 4 << `bits` bytes, as many as the
   * base has, and four more. Answers how long the delta is, or 0 if that would be more than `most`.
   */
  // oxlint-disable-next-line eslint/max-params -- the kernel is told numbers, one beside the other.
  readonly makeDelta: (
    base: number,
    baseLength: number,
    target: number,
    length: number,
    index: number,
    bits: number,
    to: number,
    most: number,
  ) => number;
  /** Names an object; `type` is a pack's code. Answers 1 if it is half of a collision that was looked for. */
  // oxlint-disable-next-line eslint/max-params -- the kernel is told numbers, one beside the other.
  readonly nameObject: (
    type: number,
    from: number,
    length: number,
    to: number,
    lookForCollision: number,
  ) => number;
  /**
   * Names many objects, each told in four words: its type (0: its bytes alone are hashed), where it is, its length, and
   * where its name goes. Answers the first that is half of a collision, counted from 1, or 0.
   */
  readonly nameObjects: (list: number, count: number) => number;
  /**
   * Lists the entries of a tree at `to`, in two words each: where its id stands, with the highest bit set for trees, or 0
   * for a submodule; and how long its name is. Answers how many, or -1 if it has to be looked at closely: something is
   * wrong with it, or it has a name that some system might take for another.
   */
  readonly judgeTree: (from: number, size: number, to: number) => number;
  /** A hash under way takes `hashStateBytes` at `state`. */
  readonly sha1Begin: (state: number, lookForCollision: number) => void;
  readonly sha1Update: (state: number, from: number, length: number) => void;
  /** Writes 20 bytes. Answers 1 if what was hashed is half of a collision that was looked for. */
  readonly sha1Finish: (state: number, to: number) => number;
}

/**
 * Stored packs, one set of them for each kernel. Every object has a row, counted through from pack to pack, and in each
 * pack in the order of ids. What answers a type, a size or an address may answer a `packsStatus` instead.
 */
export interface PacksKernel {
  /** Where two words are told: address and size of what was made; a pack and a page, or an offset; or how much memory. */
  readonly packsTold: () => number;
  /** What is noted beside a page that is used now: it grows with each piece of work, which may need several at once. */
  readonly packsClock: () => number;
  /** What is made is remembered in a ring of `bytes`; the table at `places` has `mask` + 1 entries of 24 bytes, all zeros. */
  // oxlint-disable-next-line eslint/max-params -- the kernel is told numbers, one beside the other.
  readonly packsRing: (
    at: number,
    bytes: number,
    places: number,
    mask: number,
    objectMax: number,
  ) => void;
  /** Where the columns of the rows are: ids, offsets (4 bytes, the high one first), packs (2 bytes), and `mask` + 1 slots of 4 bytes. */
  // oxlint-disable-next-line eslint/max-params -- the kernel is told numbers, one beside the other.
  readonly packsRows: (
    ids: number,
    offsets: number,
    owners: number,
    slots: number,
    mask: number,
  ) => void;
  /**
   * Records of packs (first row, count, where its entries end, where its pages are listed), and memory that is lent. A
   * page is listed by where it lies, or 0, and a word that tells when it was used.
   */
  readonly packsRoom: (records: number, from: number, end: number) => void;
  readonly packsKnow: (first: number, count: number) => void;
  /** The row of an id, or -1. */
  readonly packsFind: (id: number) => number;
  readonly packsMake: (row: number) => number;
  readonly packsType: (row: number) => number;
  readonly packsSize: (row: number) => number;
  /** Where the bytes of a pack from `offset` on lie, until something else is made. */
  readonly packsBytes: (pack: number, offset: number, length: number) => number;
  /** Writes the positions of the offsets at `from` to `to`, in the order of the offsets. `spare` is as much room again. */
  readonly packsOrder: (from: number, count: number, to: number, spare: number) => void;
  /** Begins with the commit of a row. A log is laid out as `logWords` says. */
  readonly logMeet: (log: number, row: number) => void;
  /** Makes the next commit as `packsMake` does, and verifies its name. Answers its row, a `logStatus` or a `packsStatus`. */
  readonly logNext: (log: number) => number;
  /** Begins a log of what is had and what is not with a commit, or with a tag of one. Answers 0 or a `packsStatus`. */
  readonly paintMeet: (log: number, row: number, isHad: number) => number;
  /**
   * Goes on to up to `budget` commits: the parents of what is had are had. It is over when all that wait are had, and older
   * than all that are not. Answers `walkStatus.tired`, `logStatus.over` or a `packsStatus`.
   */
  readonly paintOn: (log: number, budget: number) => number;
  /** Begins, or goes on, with the object named at `id`. One that is not here is counted as missing. A walk is laid out as `walkWords` says. */
  readonly walkMeet: (walk: number, id: number) => void;
  /** Goes into up to `budget` objects. Answers a `walkStatus` or a `packsStatus`. */
  readonly walkOn: (walk: number, budget: number) => number;
}

export const packsStatus = { pageMissing: -1, damaged: -2, memoryWanted: -3 } as const;
export const walkStatus = { over: 0, tired: 1, tipMet: 2 } as const;

/** There are no more commits; or a parent is not here, whose id stands in the log. */
export const logStatus = { over: -4, missing: -5 } as const;

/**
 * The words of a log: how many rows there are; where a bit for each tells that it is known; where those that wait are
 * told, with room for each row in 16 bytes; how many wait, and how many ever did; which is at work; whether only first
 * parents count; and the id that was looked for last. Then, for a log of what is had: where a bit for each row tells that it
 * is, and that it waits; how many wait that are not had; and, in two words, when the oldest of these was committed.
 */
export const logWords = {
  rows: 0,
  known: 4,
  heap: 8,
  waiting: 12,
  came: 16,
  current: 20,
  firstOnly: 24,
  parentId: 28,
  had: 48,
  waits: 52,
  fresh: 56,
  oldest: 64,
} as const;

/**
 * The words of a walk. Sets have a bit for each row: what was found, what was had and is not gone into, what was met of
 * that, and tips whose objects are known. Commits wait at the front of the stack, trees at its end. How many objects the
 * last turn went into, and how many tips it met, and which; what is skipped; and how many links led to nothing, and the id
 * that the first of them names.
 */
export const walkWords = {
  found: 0,
  had: 4,
  met: 8,
  tips: 12,
  stack: 16,
  commits: 20,
  trees: 24,
  rows: 28,
  walked: 32,
  tipsMet: 36,
  tipsList: 40,
  skip: 120,
  missing: 124,
  missingId: 128,
} as const;

/** What is not followed out of a commit, as flags. */
export const walkSkips = { trees: 1, parents: 2 } as const;

export const hashStateBytes = 128;
