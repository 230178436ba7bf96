/** Finds earlier versions: for a file or folder that is sent, what stood at the same path in the commit before. */

/* oxlint-disable eslint/no-await-in-loop -- what is looked into next stands in what was read before. */

import type { ObjectSet } from "./closure.ts";
import { kindOfMode, walkTree } from "./object.ts";
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
    const there = await packs.make(before, entriesOf);
    const here = await packs.make(after, entriesOf);
    for (const [name, entry] of here) {
      const other = there.get(name);
      if (other === undefined || other.isTree !== entry.isTree) continue;
      const [one, two] = [packs.rowOf(entry.id, 0), packs.rowOf(other.id, 0)];
      if (one < 0 || two < 0 || one === two) continue;
      if (entry.isTree) pairs.push({ after: one, before: two });
      else if (sending.has(one) && !earlier.has(one)) earlier.set(one, two);
    }
  }
}

interface Named {
  readonly id: Uint8Array;
  readonly isTree: boolean;
}

function entriesOf(bytes: Uint8Array): ReadonlyMap<string, Named> {
  const entries = new Map<string, Named>();
  walkTree(bytes, (mode, start, end) => {
    const kind = kindOfMode(mode);
    if (kind === "submodule") return true;
    let name = "";
    for (let at = start; at < end; at++) name += String.fromCharCode(bytes[at] ?? 0);
    entries.set(name, { id: bytes.slice(end + 1, end + 21), isTree: kind === "tree" });
    return true;
  });
  return entries;
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
/** Whoever lacks more has little that would help. */
const commitsMax = 2_000;
