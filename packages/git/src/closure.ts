/** What a commit reaches, as a set of stored objects: walked once, and from then on only as far as what is new. */

import type { ObjectId } from "@skein/protocol/ids";
import { oidBytes } from "./object.ts";
import type { Peek } from "./pack-reader.ts";
import { StorageDamagedError, type StoredPack } from "./stored-pack.ts";

/** Stored objects by number, one bit each. */
export interface ObjectSet {
  readonly has: (number: number) => boolean;
  /** Answers whether it was new. */
  readonly add: (number: number) => boolean;
  readonly addAll: (other: ObjectSet) => void;
  readonly words: () => Uint32Array;
}

export interface Closures {
  /** The object's number, or -1. An object keeps its number until packs are replaced. */
  readonly numberOf: (id: Uint8Array, offset: number) => number;
  /** All that `oid`, which is here, reaches. */
  readonly of: (oid: ObjectId, turn: WalkTurn) => Promise<ObjectSet>;
  /** All that `wants` reach and `had` does not hold. */
  readonly missing: (
    asked: { readonly wants: ReadonlyArray<ObjectId>; readonly haves: ReadonlyArray<ObjectId> },
    had: ObjectSet,
    turn: WalkTurn,
  ) => Promise<ObjectSet>;
  /** Packs were replaced: nothing is known any more. */
  readonly forget: () => void;
}

export type WalkTurn = (done: number) => Promise<void> | void;

interface Opened {
  readonly packs: ReadonlyArray<StoredPack>;
  readonly peek: Peek;
  readonly whenHere: <Result>(work: () => Result) => Promise<Result>;
  readonly known: Map<ObjectId, ObjectSet>;
}

export function openClosures(
  packs: ReadonlyArray<StoredPack>,
  peek: Peek,
  whenHere: <Result>(work: () => Result) => Promise<Result>,
): Closures {
  const opened: Opened = { packs, peek, whenHere, known: new Map() };
  const remember = (oid: ObjectId, closure: ObjectSet): void => {
    opened.known.delete(oid);
    opened.known.set(oid, closure);
    for (const [oldest] of opened.known) {
      if (opened.known.size <= closuresKept) break;
      opened.known.delete(oldest);
    }
  };
  return {
    numberOf: (id, offset) => numberOf(packs, id, offset),
    of: async (oid, turn) => {
      const known = opened.known.get(oid);
      if (known !== undefined) return known;
      const closure = openObjectSet();
      await walk(opened, { starts: [oid], found: closure, had: openObjectSet(), turn });
      remember(oid, closure);
      return closure;
    },
    missing: async ({ wants, haves }, had, turn) => {
      const found = openObjectSet();
      const met = await walk(opened, { starts: wants, found, had, turn });
      const [want] = wants;
      // What grew on top of all that was had is known as well now.
      if (
        want !== undefined &&
        wants.length === 1 &&
        haves.every((have) => isMet(opened, met, have))
      ) {
        const closure = openObjectSet();
        closure.addAll(had);
        closure.addAll(found);
        remember(want, closure);
      }
      return found;
    },
    forget: () => opened.known.clear(),
  };
}

function isMet({ packs }: Opened, met: ReadonlySet<number>, oid: ObjectId): boolean {
  return met.has(numberOf(packs, oidBytes(oid), 0));
}

export function openObjectSet(): ObjectSet {
  let words = new Uint32Array(64);
  const grow = (length: number): void => {
    if (length <= words.length) return;
    const more = new Uint32Array(Math.max(length, words.length * 2));
    more.set(words);
    words = more;
  };
  return {
    has: (number) => ((words[number >>> 5] ?? 0) & (1 << (number & 31))) !== 0,
    add: (number) => {
      grow((number >>> 5) + 1);
      const before = words[number >>> 5] ?? 0;
      const after = before | (1 << (number & 31));
      words[number >>> 5] = after;
      return before !== after >>> 0;
    },
    addAll: (other) => {
      const theirs = other.words();
      grow(theirs.length);
      theirs.forEach((word, at) => {
        words[at] = (words[at] ?? 0) | word;
      });
    },
    words: () => words,
  };
}

/** Packs that came later are searched last: what is here already keeps its number when more arrives. */
function numberOf(packs: ReadonlyArray<StoredPack>, id: Uint8Array, offset: number): number {
  for (let at = packs.length - 1; at >= 0; at--) {
    const pack = packs[at];
    const position = pack?.idx.find(id, offset) ?? -1;
    if (pack !== undefined && position >= 0) return pack.base + position;
  }
  return -1;
}

interface Walk {
  readonly starts: ReadonlyArray<ObjectId>;
  readonly found: ObjectSet;
  /** Not gone into, nor counted. */
  readonly had: ObjectSet;
  readonly turn: WalkTurn;
}

interface Stacks extends Walk {
  readonly commits: number[];
  readonly trees: number[];
  /** What was come upon and was had. */
  readonly met: Set<number>;
  readonly tips: ReadonlyMap<number, ObjectSet>;
}

/** Commits first: they lead to closures that are known, and then most trees need not be looked at. */
async function walk(opened: Opened, given: Walk): Promise<ReadonlySet<number>> {
  const tips = new Map<number, ObjectSet>();
  for (const [oid, closure] of opened.known)
    tips.set(numberOf(opened.packs, oidBytes(oid), 0), closure);
  const stacks: Stacks = { ...given, commits: [], trees: [], met: new Set(), tips };
  for (const start of given.starts)
    meet(opened, stacks, { id: oidBytes(start), offset: 0 }, stacks.commits);
  let done = 0;
  for (;;) {
    const stack = stacks.commits.length > 0 ? stacks.commits : stacks.trees;
    if (stack.length === 0) return stacks.met;
    // oxlint-disable-next-line eslint/no-await-in-loop -- so many objects, then others have their turn.
    done += await opened.whenHere(() => goOn(opened, stacks));
    const waited = given.turn(done);
    // oxlint-disable-next-line eslint/no-await-in-loop -- see above.
    if (waited !== undefined) await waited;
  }
}

/** Goes into some objects; stops where a page is missing. Answers how many. */
function goOn(opened: Opened, stacks: Stacks): number {
  for (let done = 0; done < objectsPerTurn; done++) {
    const stack = stacks.commits.length > 0 ? stacks.commits : stacks.trees;
    const number = stack.at(-1);
    if (number === undefined) return done;
    stack.pop();
    const code = opened.peek(packOf(opened, number), number, (type, bytes, held) => {
      if (type === commitCode) readCommit(opened, stacks, { bytes, ...held });
      else if (type === treeCode) readTree(opened, stacks, { bytes, ...held });
      else if (type === tagCode) readTag(opened, stacks, { bytes, ...held });
    });
    if (code === undefined) {
      stack.push(number);
      return done;
    }
  }
  return objectsPerTurn;
}

function packOf({ packs }: Opened, number: number): StoredPack {
  const pack = packs.find(({ base, idx }) => number >= base && number < base + idx.count);
  if (pack === undefined) throw new StorageDamagedError("A pack was replaced while it was read");
  return pack;
}

interface Text {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly size: number;
}

function readCommit(opened: Opened, stacks: Stacks, { bytes, at, size }: Text): void {
  // "tree ", 40 digits and a newline; then so many of "parent ".
  meetNamed(opened, stacks, { bytes, at: at + 5 }, stacks.trees);
  for (let line = at + 46; line + 48 <= at + size && bytes[line] === letterP; line += 48)
    meetNamed(opened, stacks, { bytes, at: line + 7 }, stacks.commits);
}

/** "object ", 40 digits, and "type " with what it is. */
function readTag(opened: Opened, stacks: Stacks, { bytes, at }: Text): void {
  meetNamed(opened, stacks, { bytes, at: at + 7 }, stacks.commits);
}

function readTree(opened: Opened, stacks: Stacks, { bytes, at, size }: Text): void {
  const end = at + size;
  for (let offset = at; offset < end;) {
    let mode = 0;
    for (let byte = bytes[offset]; byte !== 0x20 && offset < end; byte = bytes[++offset])
      mode = mode * 8 + (byte ?? 0) - 0x30;
    const zero = bytes.indexOf(0, offset);
    if (zero < 0 || zero + 21 > end) return;
    const kind = mode & 0o170000;
    if (kind === 0o040000) meet(opened, stacks, { id: bytes, offset: zero + 1 }, stacks.trees);
    else if (kind === 0o100000 || kind === 0o120000)
      meet(opened, stacks, { id: bytes, offset: zero + 1 }, undefined);
    offset = zero + 21;
  }
}

const named = new Uint8Array(20);

function meetNamed(
  opened: Opened,
  stacks: Stacks,
  { bytes, at }: { readonly bytes: Uint8Array; readonly at: number },
  stack: number[],
): void {
  for (let index = 0; index < 20; index++)
    named[index] = (digit(bytes[at + index * 2]) << 4) | digit(bytes[at + index * 2 + 1]);
  meet(opened, stacks, { id: named, offset: 0 }, stack);
}

function digit(byte = 0): number {
  return byte <= 0x39 ? byte - 0x30 : byte - 0x57;
}

/** Counts an object once; `stack` is where it waits to be gone into, if it can lead on. */
function meet(
  { packs }: Opened,
  stacks: Stacks,
  { id, offset }: { readonly id: Uint8Array; readonly offset: number },
  stack: number[] | undefined,
): void {
  const number = numberOf(packs, id, offset);
  if (number < 0) return;
  if (stacks.had.has(number)) {
    if (stack === stacks.commits) stacks.met.add(number);
    return;
  }
  if (!stacks.found.add(number)) return;
  const known = stack === undefined ? undefined : stacks.tips.get(number);
  if (known === undefined) stack?.push(number);
  else addExcept(stacks.found, known, stacks.had);
}

function addExcept(to: ObjectSet, from: ObjectSet, had: ObjectSet): void {
  const without = openObjectSet();
  without.addAll(from);
  const words = without.words();
  had.words().forEach((word, at) => {
    if (at < words.length) words[at] = (words[at] ?? 0) & ~word;
  });
  to.addAll(without);
}

const commitCode = 1;
const treeCode = 2;
const tagCode = 4;
const letterP = 0x70;
const objectsPerTurn = 512;
/** A set takes a bit for each object. */
const closuresKept = 16;
