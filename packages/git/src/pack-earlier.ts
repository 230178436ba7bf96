/** Finds earlier versions: for a file or folder that is sent, what stood at the same path in the commit before. */

/* oxlint-disable eslint/no-await-in-loop -- what is looked into next stands in what was read before. */

import type { ObjectSet } from "./object-set.ts";
import { sameId } from "./id-table.ts";
import type { StoredPacks } from "./stored-packs.ts";

export interface Seeking {
  readonly packs: Pick<StoredPacks, "all" | "make" | "typeOf" | "rowOf">;
  readonly sending: ObjectSet;
  readonly turn: (done: number) => Promise<void> | void;
}

/** For rows that are sent, the row of the version before. The longer the way back, the less they have in common. */
export async function findEarlier(given: Seeking): Promise<ReadonlyMap<number, number>> {
  const earlier = new Map<number, number>();
  let done = 0;
  for (const commit of await sentCommits(given)) {
    const trees = await treesOf(given, commit);
    if (trees !== undefined) await compare(given, trees, earlier);
    const waited = given.turn(++done);
    if (waited !== undefined) await waited;
  }
  return earlier;
}

async function sentCommits({ packs, sending }: Seeking): Promise<ReadonlyArray<number>> {
  const commits: number[] = [];
  for (const { base, idx } of packs.all())
    for (let row = base; row < base + idx.count; row++) {
      if (!sending.has(row)) continue;
      const type = packs.typeOf(row);
      const code = typeof type === "number" ? type : await type;
      if (code === commitCode) commits.push(row);
      if (commits.length > commitsMax) return [];
    }
  return commits;
}

interface Pair {
  readonly after: number;
  readonly before: number;
}

/** The trees of a commit and of its first parent. */
async function treesOf({ packs }: Seeking, commit: number): Promise<Pair | undefined> {
  const named = await packs.make(commit, (bytes) => ({
    tree: idIn(bytes, 5),
    parent: bytes[46] === letterP ? idIn(bytes, 53) : undefined,
  }));
  if (named.parent === undefined) return undefined;
  const parent = packs.rowOf(named.parent, 0);
  const after = packs.rowOf(named.tree, 0);
  if (parent < 0 || after < 0) return undefined;
  const before = packs.rowOf(await packs.make(parent, (bytes) => idIn(bytes, 5)), 0);
  return before < 0 ? undefined : { after, before };
}

/** Goes down into folders that differ. */
async function compare(
  { packs, sending }: Seeking,
  roots: Pair,
  earlier: Map<number, number>,
): Promise<void> {
  const pairs = [roots];
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    const { after, before } = pair;
    if (after === before || !sending.has(after) || earlier.has(after)) continue;
    earlier.set(after, before);
    const there = await packs.make(before, copyOf);
    const here = await packs.make(after, copyOf);
    compareEntries(here, there, (at, other, isTree) => {
      const [one, two] = [packs.rowOf(here, at), packs.rowOf(there, other)];
      if (one < 0 || two < 0 || one === two) return;
      if (isTree) pairs.push({ after: one, before: two });
      else if (sending.has(one) && !earlier.has(one)) earlier.set(one, two);
    });
  }
}

function copyOf(bytes: Uint8Array): Uint8Array {
  return bytes.slice();
}

/** Tells where the ids stand of entries that have the same name and are of the same kind, but differ. */
function compareEntries(
  here: Uint8Array,
  there: Uint8Array,
  differ: (at: number, other: number, isTree: boolean) => void,
): void {
  const one = openCursor(here);
  const other = openCursor(there);
  while (one.nameEnd >= 0 && other.nameEnd >= 0) {
    const order = compareNames(one, other);
    if (order === 0) {
      const [at, from] = [one.nameEnd + 1, other.nameEnd + 1];
      if (!sameId(here, at, there, from)) differ(at, from, one.isTree);
    }
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

function idIn(bytes: Uint8Array, hex: number): Uint8Array {
  const digit = (at: number): number => {
    const byte = bytes[at] ?? 0;
    return (byte & 15) + (byte >> 6) * 9;
  };
  return Uint8Array.from(
    { length: 20 },
    (_, index) => (digit(hex + index * 2) << 4) | digit(hex + index * 2 + 1),
  );
}

const commitCode = 1;
const letterP = 0x70;
/** Only of trees the mode begins with a 4. */
const firstOfTree = 0x34;
/** Whoever lacks more has little that would help. */
const commitsMax = 2_000;
