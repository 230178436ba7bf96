/** What a commit reaches, as a set of stored objects: walked once, and from then on only as far as what is new. */

/* oxlint-disable eslint/no-await-in-loop -- so many objects, then others have their turn. */

import type { ObjectId } from "@skein/protocol/ids";
import { walkSkips, walkStatus, walkWords } from "./kernel.ts";
import { findHadCommits } from "./commit-log.ts";
import { oidAt, oidBytes } from "./object.ts";
import { readWord, writeWord } from "./kernel-words.ts";
import { openObjectSet, type ObjectSet } from "./object-set.ts";
import type { PackShelf } from "./pack-shelf.ts";
import { StorageDamagedError } from "./stored-pack.ts";

export interface Closures {
  /** All that `oid`, which is here, reaches. Throws `StorageDamagedError` where something of it is missing, as `between` does. */
  readonly of: (oid: ObjectId, turn: WalkTurn) => Promise<ObjectSet>;
  /** What `wants` reach and `haves` do not, and what is known to be had. It costs as much as there is new, where it can. */
  readonly between: (asked: Between, turn: WalkTurn) => Promise<Difference>;
  /** Packs were replaced: nothing is known any more. */
  readonly forget: () => void;
}

export interface Between {
  readonly wants: ReadonlyArray<ObjectId>;
  readonly haves: ReadonlyArray<ObjectId>;
}

export interface Difference {
  /** Nothing that it takes is left out: where a stored object names one that is not here, there is no answer. */
  readonly missing: ObjectSet;
  /** Not all that `haves` reach, but all of it that is still there at their tips and where the new commits begin. */
  readonly had: ObjectSet;
}

export type WalkTurn = (done: number) => Promise<void> | void;

interface Opened {
  readonly shelf: () => PackShelf;
  readonly known: Map<ObjectId, ObjectSet>;
}

export function openClosures(shelf: () => PackShelf): Closures {
  const opened: Opened = { shelf, known: new Map() };
  const remember = (walked: PackShelf, oid: ObjectId, closure: ObjectSet): void => {
    // Packs were replaced meanwhile: what was found is counted in rows that stand for other objects now.
    if (walked !== shelf()) return;
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
      const walked = shelf();
      const closure = openObjectSet();
      await walk(opened, { starts: [oid], found: closure, had: openObjectSet(), turn });
      remember(walked, oid, closure);
      return closure;
    },
    between: async (asked, turn) => {
      const { wants, haves } = asked;
      const walked = shelf();
      const isKnown = haves.every((have) => opened.known.has(have));
      const had = isKnown ? openObjectSet() : await findHad(opened, asked, turn);
      if (isKnown) for (const have of haves) had.addAll(opened.known.get(have) ?? openObjectSet());
      const missing = openObjectSet();
      const { met } = await walk(opened, { starts: wants, found: missing, had, turn });
      const [want] = wants;
      const isMet = (oid: ObjectId): boolean => met.has(shelf().find(oidBytes(oid), 0));
      // What grew on top of all that was had is known as well now.
      if (isKnown && want !== undefined && wants.length === 1 && haves.every(isMet)) {
        const closure = openObjectSet();
        closure.addAll(had);
        closure.addAll(missing);
        remember(walked, want, closure);
      }
      return { missing, had };
    },
    forget: () => opened.known.clear(),
  };
}

/** The commits that are had where what is new begins, with their trees, and those that it took to tell. */
async function findHad(opened: Opened, asked: Between, turn: WalkTurn): Promise<ObjectSet> {
  const shelf = opened.shelf();
  const had = await findHadCommits(shelf, asked, turn);
  const skip = walkSkips.trees;
  const near = { starts: asked.wants, found: openObjectSet(), had, turn, skip };
  const begins = (await walk(opened, near)).met;
  for (const have of asked.haves) begins.add(shelf.find(oidBytes(have), 0));
  const there = openObjectSet();
  const starts = idsOf(shelf, begins);
  // The other side has these, whatever is missing of them here.
  const rest = { skip: walkSkips.parents, holes: "passed" } as const;
  await walk(opened, { starts, found: there, had: openObjectSet(), turn, ...rest });
  had.addAll(there);
  return had;
}

function idsOf(shelf: PackShelf, set: ObjectSet): ReadonlyArray<ObjectId> {
  return Array.from(set.rows(), shelf.idOf);
}

interface Walk {
  readonly starts: ReadonlyArray<ObjectId>;
  readonly found: ObjectSet;
  /** Not gone into, nor counted. */
  readonly had: ObjectSet;
  readonly turn: WalkTurn;
  /** `walkSkips`. */
  readonly skip?: number | undefined;
  /** Of what is missing: it is a fault unless it is to be passed over. */
  readonly holes?: "passed" | undefined;
}

interface Walked {
  /** What was come upon and was had. */
  readonly met: ObjectSet;
}

async function walk(opened: Opened, given: Walk): Promise<Walked> {
  const shelf = opened.shelf();
  const { skip = 0 } = given;
  const known = skip === 0 ? knownRows(opened) : new Map<number, ObjectSet>();
  const walking = openWalking(shelf, { ...given, skip });
  try {
    for (const row of known.keys()) if (row >= 0) walking.markTip(row);
    for (const start of given.starts) walking.meet(oidBytes(start));
    let done = 0;
    let status: number = walkStatus.tired;
    while (status !== walkStatus.over) {
      const answer = shelf.run(walking.goOn, (status) => status);
      status = typeof answer === "number" ? answer : await answer;
      // Commits first: they lead to closures that are known, and then most trees need not be looked at.
      for (const row of walking.takeTips()) walking.addFound(known.get(row), given.had);
      done += walking.walked();
      const waited = given.turn(done);
      if (waited !== undefined) await waited;
    }
    const missing = walking.missing();
    if (missing !== undefined && given.holes === undefined)
      throw new StorageDamagedError(`Object ${missing} is gone, and others lead to it`);
    given.found.addAll(walking.set("found"));
    return { met: walking.set("met") };
  } finally {
    walking.close();
  }
}

function knownRows({ shelf, known }: Opened): ReadonlyMap<number, ObjectSet> {
  const rows = new Map<number, ObjectSet>();
  for (const [oid, closure] of known) rows.set(shelf().find(oidBytes(oid), 0), closure);
  return rows;
}

interface Walking {
  readonly meet: (id: Uint8Array) => void;
  readonly markTip: (row: number) => void;
  readonly goOn: () => number;
  readonly walked: () => number;
  readonly takeTips: () => ReadonlyArray<number>;
  readonly addFound: (closure: ObjectSet | undefined, had: ObjectSet) => void;
  readonly set: (name: "found" | "met") => ObjectSet;
  /** The first of what is named and is not here. */
  readonly missing: () => ObjectId | undefined;
  readonly close: () => void;
}

/** A walk as the kernel goes it, in memory that is borrowed for it. */
function openWalking(
  shelf: PackShelf,
  { had, skip }: { readonly had: ObjectSet; readonly skip: number },
): Walking {
  const { kernel } = shelf;
  const { at, words, viewOf } = layOut(shelf, skip);
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
      copy.addAll({ words: () => view });
      return copy;
    },
    missing: () =>
      readWord(kernel, at + walkWords.missing) === 0
        ? undefined
        : oidAt(kernel.bytes(), at + walkWords.missingId),
    close: () => shelf.giveBack(at),
  };
}

const sets = ["found", "had", "met", "tips"] as const;

/** Room for a walk: its head, its sets, and its stack. */
function layOut(
  shelf: PackShelf,
  skip: number,
): {
  readonly at: number;
  readonly words: number;
  readonly viewOf: (name: (typeof sets)[number]) => Uint32Array;
} {
  const { kernel } = shelf;
  const rows = shelf.rows();
  const words = (rows >>> 5) + 1;
  const at = shelf.borrow(headBytes + words * 16 + (rows + 1) * 4);
  kernel.bytes().fill(0, at, at + headBytes + words * 16);
  for (const [index, name] of sets.entries())
    writeWord(kernel, at + walkWords[name], at + headBytes + index * words * 4);
  writeWord(kernel, at + walkWords.stack, at + headBytes + words * 16);
  writeWord(kernel, at + walkWords.rows, rows);
  writeWord(kernel, at + walkWords.skip, skip);
  const viewOf = (name: (typeof sets)[number]): Uint32Array =>
    new Uint32Array(kernel.bytes().buffer, readWord(kernel, at + walkWords[name]), words);
  return { at, words, viewOf };
}

/** The head of a walk, with the tips that one object can lead to. */
const headBytes = 256;
/** About a millisecond of work. */
const objectsPerTurn = 1024;
/** A set takes a bit for each object. */
const closuresKept = 16;
