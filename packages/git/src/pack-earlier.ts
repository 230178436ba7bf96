/** Finds earlier versions: for a file or folder that is sent, what stood at the same path in the commit before. */

/* oxlint-disable eslint/no-await-in-loop -- what is looked into next stands in what was read before. */

import type { ObjectSet } from "./object-set.ts";
import { sameId } from "./id-table.ts";
import { idInHex, parseCommit } from "./object.ts";
import type { StoredPacks } from "./stored-packs.ts";

export interface Seeking {
  readonly packs: Pick<StoredPacks, "make" | "typeOf" | "rowOf">;
  readonly sending: ObjectSet;
  readonly turn: (done: number) => Promise<void> | void;
}

export interface Earlier {
  /** For rows that are sent, the row of the version before. The longer the way back, the less they have in common. */
  readonly before: ReadonlyMap<number, number>;
  /** Whether a row that is sent stands at a path where nothing stood in the commit before. */
  readonly isNew: (row: number) => boolean;
  /** What else may be like a row that is sent: files that went when it came, and what stood at its path where the new commits begin. */
  readonly besides: (row: number) => Promise<ReadonlyArray<number>>;
}

export const nothingEarlier: Earlier = {
  before: new Map(),
  isNew: () => false,
  besides: async () => [],
};

interface Finding {
  readonly before: Map<number, number>;
  readonly paths: Map<number, string>;
  /** For files that are new in a commit, those that went in it: one of them may have moved. */
  readonly gone: Map<number, ReadonlyArray<number>>;
}

export async function findEarlier(given: Seeking): Promise<Earlier> {
  const finding: Finding = { before: new Map(), paths: new Map(), gone: new Map() };
  const begins = new Set<number>();
  let done = 0;
  const commits = await sentCommits(given);
  // The oldest first: what was new in it may be met again in merges.
  for (const commit of commits.toSorted((a, b) => a.seconds - b.seconds)) {
    const trees = await treesOf(given, commit, begins);
    if (trees !== undefined) await compare(given, trees, finding);
    const waited = given.turn(++done);
    if (waited !== undefined) await waited;
  }
  const roots: number[] = [];
  for (const begin of begins) {
    const tree = given.packs.rowOf(await given.packs.make(begin, treeOf), 0);
    if (tree >= 0) roots.push(tree);
  }
  return {
    before: finding.before,
    isNew: (row) => finding.paths.has(row) && !finding.before.has(row),
    besides: async (row) => {
      const path = finding.paths.get(row);
      if (path === undefined) return [];
      const found = new Set(finding.gone.get(row));
      for (const root of roots) found.add(await rowAt(given, root, path));
      return [...found].filter((other) => other >= 0 && other !== row);
    },
  };
}

interface SentCommit {
  readonly tree: Uint8Array;
  readonly parent: Uint8Array | undefined;
  readonly seconds: number;
}

async function sentCommits({ packs, sending }: Seeking): Promise<ReadonlyArray<SentCommit>> {
  const commits: SentCommit[] = [];
  for (const row of sending.rows()) {
    const type = packs.typeOf(row);
    const code = typeof type === "number" ? type : await type;
    if (code !== commitCode) continue;
    if (commits.length === commitsMax) return [];
    commits.push(await packs.make(row, readSent));
  }
  return commits;
}

function readSent(bytes: Uint8Array): SentCommit {
  const commit = parseCommit(bytes);
  return {
    tree: treeOf(bytes),
    parent: bytes[46] === letterP ? idInHex(bytes, 53) : undefined,
    seconds: commit?.committer.at ?? 0,
  };
}

/** -1: there is none, or there was none. */
interface Pair {
  readonly after: number;
  readonly before: number;
  readonly path: string;
}

/** The trees of a commit and of its first parent. Where that is had, it `begins` there. */
async function treesOf(
  { packs, sending }: Seeking,
  commit: SentCommit,
  begins: Set<number>,
): Promise<Pair | undefined> {
  if (commit.parent === undefined) return undefined;
  const parent = packs.rowOf(commit.parent, 0);
  const after = packs.rowOf(commit.tree, 0);
  if (parent < 0 || after < 0) return undefined;
  if (!sending.has(parent) && begins.size < beginsMax) begins.add(parent);
  const before = packs.rowOf(await packs.make(parent, treeOf), 0);
  return before < 0 ? undefined : { after, before, path: "" };
}

function treeOf(commit: Uint8Array): Uint8Array {
  return idInHex(commit, 5);
}

/** Goes down into folders that differ, and into those that came or went. */
async function compare(
  { packs, sending }: Seeking,
  roots: Pair,
  { before, paths, gone }: Finding,
): Promise<void> {
  const pairs = [roots];
  const fresh: number[] = [];
  const went: number[] = [];
  const meet = (pair: Pair): boolean => {
    // A folder that went is gone through for the files that went with it.
    if (pair.after < 0) return pair.before >= 0 && went.length <= goneMax;
    if (pair.after === pair.before || !sending.has(pair.after)) return false;
    if (paths.has(pair.after)) return false;
    paths.set(pair.after, pair.path);
    if (pair.before >= 0) before.set(pair.after, pair.before);
    return true;
  };
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    const { path } = pair;
    if (!meet(pair)) continue;
    const there = pair.before < 0 ? noEntries : await packs.make(pair.before, copyOf);
    const here = pair.after < 0 ? noEntries : await packs.make(pair.after, copyOf);
    compareEntries(here, there, (at, other, { name, isTree }) => {
      const below = {
        after: at < 0 ? -1 : packs.rowOf(here, at),
        before: other < 0 ? -1 : packs.rowOf(there, other),
        path: `${path}/${name()}`,
      };
      if (isTree) pairs.push(below);
      else if (at < 0) went.push(below.before);
      else if (meet(below) && other < 0) fresh.push(below.after);
    });
  }
  if (went.length <= goneMax) for (const row of fresh) gone.set(row, went);
}

/** What stands at a path below a tree, or -1. */
async function rowAt({ packs }: Seeking, root: number, path: string): Promise<number> {
  let row = root;
  for (const name of path.split("/").slice(1)) {
    const tree: Uint8Array = await packs.make(row, copyOf);
    const at = placeOf(tree, name);
    row = at < 0 ? -1 : packs.rowOf(tree, at);
    if (row < 0) return -1;
    const type = packs.typeOf(row);
    if ((typeof type === "number" ? type : await type) !== treeCode)
      return path.endsWith(`/${name}`) ? row : -1;
  }
  return row;
}

/** Where the id stands of the entry with this name, or -1. */
function placeOf(tree: Uint8Array, name: string): number {
  const cursor = openCursor(tree);
  while (cursor.nameEnd >= 0) {
    if (cursor.nameEnd - cursor.nameStart === name.length && nameAt(cursor) === name)
      return cursor.nameEnd + 1;
    advance(cursor);
  }
  return -1;
}

/** One letter for each byte. */
function nameAt({ bytes, nameStart, nameEnd }: Cursor): string {
  return String.fromCharCode(...bytes.subarray(nameStart, nameEnd));
}

function copyOf(bytes: Uint8Array): Uint8Array {
  return bytes.slice();
}

interface Differing {
  readonly name: () => string;
  readonly isTree: boolean;
}

/** Tells where the ids stand of entries that differ, on both sides; -1 where there is none with that name and of that kind. */
function compareEntries(
  here: Uint8Array,
  there: Uint8Array,
  differ: (at: number, other: number, what: Differing) => void,
): void {
  const one = openCursor(here);
  const other = openCursor(there);
  while (one.nameEnd >= 0 || other.nameEnd >= 0) {
    const order = orderOf(one, other);
    const at = order <= 0 ? one.nameEnd + 1 : -1;
    const from = order >= 0 ? other.nameEnd + 1 : -1;
    const { isTree } = order <= 0 ? one : other;
    if (order !== 0 || !sameId(here, at, there, from))
      differ(at, from, { name: () => nameAt(order <= 0 ? one : other), isTree });
    if (order <= 0) advance(one);
    if (order >= 0) advance(other);
  }
}

interface Cursor {
  readonly bytes: Uint8Array;
  next: number;
  nameStart: number;
  /** -1 once there are no more. */
  nameEnd: number;
  isTree: boolean;
}

function openCursor(bytes: Uint8Array): Cursor {
  const cursor: Cursor = { bytes, next: 0, nameStart: 0, nameEnd: 0, isTree: false };
  advance(cursor);
  return cursor;
}

function advance(cursor: Cursor): void {
  const { bytes } = cursor;
  const space = bytes.indexOf(0x20, cursor.next);
  const end = space < 0 ? -1 : bytes.indexOf(0, space);
  cursor.isTree = bytes[cursor.next] === firstOfTree;
  cursor.nameStart = space + 1;
  cursor.nameEnd = end + 21 > bytes.length ? -1 : end;
  cursor.next = end + 21;
}

/** One that is over comes last. */
function orderOf(one: Cursor, other: Cursor): number {
  if (one.nameEnd < 0) return 1;
  return other.nameEnd < 0 ? -1 : compareNames(one, other);
}

/** As git orders them: as if the names of trees ended with a slash. */
function compareNames(one: Cursor, other: Cursor): number {
  for (let at = 0; ; at++) {
    const [a, b] = [byteAt(one, at), byteAt(other, at)];
    if (a !== b) return a - b;
    if (a < 0) return 0;
  }
}

/** 0 behind the name of a file, so that it comes before all that is longer; -1 when it is over. */
function byteAt({ bytes, nameStart, nameEnd, isTree }: Cursor, at: number): number {
  const length = nameEnd - nameStart;
  if (at < length) return bytes[nameStart + at] ?? 0;
  if (at > length) return -1;
  return isTree ? 0x2f : 0;
}

const commitCode = 1;
const treeCode = 2;
const noEntries = new Uint8Array(0);
const letterP = 0x70;
/** Only of trees the mode begins with a 4. */
const firstOfTree = 0x34;
/** Of a commit in which more files went, nobody asks which of them moved. */
const goneMax = 4;
/** Where new commits begin in more places than this, those that come first will do. */
const beginsMax = 8;
/** Whoever lacks more has little that would help. */
const commitsMax = 2_000;
