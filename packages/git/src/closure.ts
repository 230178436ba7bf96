/** What a commit reaches, as a set of stored objects: walked once, and from then on only as far as what is new. */

/* oxlint-disable eslint/no-await-in-loop -- so many objects, then others have their turn. */

import type { ObjectId } from "@skein/protocol/ids";
import { walkStatus, walkWords } from "./kernel.ts";
import { oidBytes } from "./object.ts";
import { readWord, writeWord, type PackShelf } from "./pack-shelf.ts";

/** Stored objects by row, one bit each. */
export interface ObjectSet {
  readonly has: (row: number) => boolean;
  /** Answers whether it was new. */
  readonly add: (row: number) => boolean;
  readonly addAll: (other: ObjectSet, except?: ObjectSet) => void;
  readonly words: () => Uint32Array;
}

export interface Closures {
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
  readonly shelf: () => PackShelf;
  readonly known: Map<ObjectId, ObjectSet>;
}

export function openClosures(shelf: () => PackShelf): Closures {
  const opened: Opened = { shelf, known: new Map() };
  const remember = (oid: ObjectId, closure: ObjectSet): void => {
    opened.known.delete(oid);
    opened.known.set(oid, closure);
    for (const [oldest] of opened.known) {
      if (opened.known.size <= closuresKept) break;
      opened.known.delete(oldest);
    }
  };
  return {
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
      const isMet = (oid: ObjectId): boolean => met.has(shelf().find(oidBytes(oid), 0));
      // What grew on top of all that was had is known as well now.
      if (want !== undefined && wants.length === 1 && haves.every(isMet)) {
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

export function openObjectSet(): ObjectSet {
  let words = new Uint32Array(64);
  const grow = (length: number): void => {
    if (length <= words.length) return;
    const more = new Uint32Array(Math.max(length, words.length * 2));
    more.set(words);
    words = more;
  };
  return {
    has: (row) => ((words[row >>> 5] ?? 0) & (1 << (row & 31))) !== 0,
    add: (row) => {
      grow((row >>> 5) + 1);
      const before = words[row >>> 5] ?? 0;
      const after = before | (1 << (row & 31));
      words[row >>> 5] = after;
      return before !== after >>> 0;
    },
    addAll: (other, except) => {
      const theirs = other.words();
      const without = except?.words() ?? noWords;
      grow(theirs.length);
      for (let at = 0; at < theirs.length; at++)
        words[at] = (words[at] ?? 0) | ((theirs[at] ?? 0) & ~(without[at] ?? 0));
    },
    words: () => words,
  };
}

interface Walk {
  readonly starts: ReadonlyArray<ObjectId>;
  readonly found: ObjectSet;
  /** Not gone into, nor counted. */
  readonly had: ObjectSet;
  readonly turn: WalkTurn;
}

/** Answers what was come upon and was had. */
async function walk(opened: Opened, given: Walk): Promise<ObjectSet> {
  const shelf = opened.shelf();
  const known = new Map<number, ObjectSet>();
  for (const [oid, closure] of opened.known) known.set(shelf.find(oidBytes(oid), 0), closure);
  const walking = openWalking(shelf, given.had);
  try {
    for (const row of known.keys()) if (row >= 0) walking.markTip(row);
    for (const start of given.starts) walking.meet(oidBytes(start));
    let done = 0;
    for (;;) {
      const answer = shelf.run(walking.goOn, (status) => status);
      const status = typeof answer === "number" ? answer : await answer;
      // Commits first: they lead to closures that are known, and then most trees need not be looked at.
      for (const row of walking.takeTips()) walking.addFound(known.get(row), given.had);
      done += walking.walked();
      if (status === walkStatus.over) break;
      const waited = given.turn(done);
      if (waited !== undefined) await waited;
    }
    given.found.addAll(walking.set("found"));
    return walking.set("met");
  } finally {
    walking.close();
  }
}

interface Walking {
  readonly meet: (id: Uint8Array) => void;
  readonly markTip: (row: number) => void;
  readonly goOn: () => number;
  readonly walked: () => number;
  readonly takeTips: () => ReadonlyArray<number>;
  readonly addFound: (closure: ObjectSet | undefined, had: ObjectSet) => void;
  readonly set: (name: "found" | "met") => ObjectSet;
  readonly close: () => void;
}

/** A walk as the kernel goes it, in memory that is borrowed for it. */
function openWalking(shelf: PackShelf, had: ObjectSet): Walking {
  const { kernel } = shelf;
  const rows = shelf.rows();
  const words = (rows >>> 5) + 1;
  const at = shelf.borrow(headBytes + words * 16 + (rows + 1) * 4);
  const sets = ["found", "had", "met", "tips"] as const;
  const setAt = (name: (typeof sets)[number]): number => readWord(kernel, at + walkWords[name]);
  const viewOf = (name: (typeof sets)[number]): Uint32Array =>
    new Uint32Array(kernel.bytes().buffer, setAt(name), words);
  kernel.bytes().fill(0, at, at + headBytes + words * 16);
  for (const [index, name] of sets.entries())
    writeWord(kernel, at + walkWords[name], at + headBytes + index * words * 4);
  writeWord(kernel, at + walkWords.stack, at + headBytes + words * 16);
  writeWord(kernel, at + walkWords.rows, rows);
  viewOf("had").set(had.words().subarray(0, words));
  let walked = 0;
  return {
    meet: (id) => {
      kernel.bytes().set(id, kernel.heap);
      kernel.walkMeet(at, kernel.heap);
    },
    markTip: (row) => {
      const tips = viewOf("tips");
      tips[row >>> 5] = (tips[row >>> 5] ?? 0) | (1 << (row & 31));
    },
    goOn: () => {
      const status = kernel.walkOn(at, objectsPerTurn);
      walked += readWord(kernel, at + walkWords.walked);
      return status;
    },
    walked: () => {
      const since = walked;
      walked = 0;
      return since;
    },
    takeTips: () => {
      const many = readWord(kernel, at + walkWords.tipsMet);
      writeWord(kernel, at + walkWords.tipsMet, 0);
      return Array.from({ length: many }, (_, index) =>
        readWord(kernel, at + walkWords.tipsList + index * 4),
      );
    },
    addFound: (closure, except) => {
      if (closure === undefined) return;
      const found = openObjectSet();
      found.addAll(closure, except);
      const view = viewOf("found");
      const more = found.words();
      for (let word = 0; word < Math.min(words, more.length); word++)
        view[word] = (view[word] ?? 0) | (more[word] ?? 0);
    },
    set: (name) => {
      const copy = openObjectSet();
      const view = viewOf(name);
      copy.addAll({ ...copy, words: () => view });
      return copy;
    },
    close: () => shelf.giveBack(at),
  };
}

const noWords = new Uint32Array(0);
/** The head of a walk, with the tips that one object can lead to. */
const headBytes = 256;
/** About a millisecond of work. */
const objectsPerTurn = 1024;
/** A set takes a bit for each object. */
const closuresKept = 16;
