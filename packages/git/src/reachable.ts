/** Which objects one side lacks: all that its wants reach and what it has does not. */

/* oxlint-disable eslint/no-await-in-loop -- a walk follows what it has just read. */

import type { ObjectId } from "@skein/protocol/ids";
import { kindOfMode, oidAt, parseCommit, parseTag, walkTree, type GitObject } from "./object.ts";

export interface Reachable {
  /** What is to be sent: tags and commits, the newest first, each commit before its trees and files. */
  readonly objects: ReadonlyArray<ObjectId>;
  /** Some of what the other side has, near what it lacks: bases that a delta may name. */
  readonly had: ReadonlySet<ObjectId>;
}

/** Reads an object that must be there. */
export type ReadObject = (oid: ObjectId) => Promise<GitObject>;

export async function collectReachable(given: {
  readonly wants: ReadonlyArray<ObjectId>;
  /** Only those that are known here. */
  readonly haves: ReadonlyArray<ObjectId>;
  readonly read: ReadObject;
  readonly turn: (done: number) => Promise<void> | void;
}): Promise<Reachable> {
  const found: Found = {
    read: given.read,
    turn: given.turn,
    objects: new Set(),
    had: new Set(),
    commits: new Map(),
  };
  const queue: Queued[] = [];
  for (const have of given.haves) {
    const commit = await peel(found, have, ({ oid }) => found.had.add(oid));
    if (commit !== undefined) await meet(found, queue, commit, true);
  }
  for (const want of given.wants) {
    const trees: ObjectId[] = [];
    const commit = await peel(found, want, ({ oid, isTree }) => {
      if (isTree) trees.push(oid);
      else if (!found.had.has(oid)) found.objects.add(oid);
    });
    for (const tree of trees) await collectTrees(found, tree, []);
    if (commit !== undefined) await meet(found, queue, commit, false);
  }
  const missing = await paintCommits(found, queue);
  for (const [oid, commit] of missing) {
    found.objects.add(oid);
    await collectTrees(found, commit.tree, given.haves.length > 0 ? basesOf(found, commit) : []);
  }
  return { objects: [...found.objects], had: found.had };
}

interface Found {
  readonly read: ReadObject;
  readonly turn: (done: number) => Promise<void> | void;
  readonly objects: Set<ObjectId>;
  readonly had: Set<ObjectId>;
  readonly commits: Map<ObjectId, Painted>;
}

interface Painted {
  readonly tree: ObjectId;
  readonly parents: ReadonlyArray<ObjectId>;
  readonly at: number;
  had: boolean;
}

interface Queued {
  readonly oid: ObjectId;
  readonly commit: Painted;
}

/** Follows tags to a commit. Tells `pass` of what is met on the way; a tree or a file ends it. */
async function peel(
  found: Found,
  start: ObjectId,
  pass: (met: Entry) => void,
): Promise<ObjectId | undefined> {
  let oid = start;
  for (let depth = 0; depth < tagDepthMax; depth++) {
    const object = await found.read(oid);
    if (object.type === "commit") return oid;
    pass({ oid, isTree: object.type === "tree" });
    const tag = object.type === "tag" ? parseTag(object.bytes) : undefined;
    if (tag === undefined) return undefined;
    oid = tag.target;
  }
  return undefined;
}

/** Queues a commit once, the newest last. One that is had stays so. */
async function meet(found: Found, queue: Queued[], oid: ObjectId, had: boolean): Promise<void> {
  const known = found.commits.get(oid);
  if (known !== undefined) {
    if (had && !known.had) spreadHad(found, known);
    return;
  }
  const { bytes } = await found.read(oid);
  const parsed = parseCommit(bytes);
  if (parsed === undefined) return;
  const commit = { tree: parsed.tree, parents: parsed.parents, at: parsed.committer.at, had };
  found.commits.set(oid, commit);
  let low = 0;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((queue[middle]?.commit.at ?? 0) <= commit.at) low = middle + 1;
    else high = middle;
  }
  queue.splice(low, 0, { oid, commit });
}

/** A commit that was taken for missing is had after all, and so is all that was found below it. */
function spreadHad(found: Found, start: Painted): void {
  const stack = [start];
  for (let commit = stack.pop(); commit !== undefined; commit = stack.pop()) {
    commit.had = true;
    for (const parent of commit.parents) {
      const below = found.commits.get(parent);
      if (below !== undefined && !below.had) stack.push(below);
    }
  }
}

/** Goes back in time until only what is had is left in the queue. Answers what is not. */
async function paintCommits(
  found: Found,
  queue: Queued[],
): Promise<ReadonlyArray<readonly [ObjectId, Painted]>> {
  const passed: (readonly [ObjectId, Painted])[] = [];
  let spare = spareSteps;
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { oid, commit } = next;
    // Clocks are not exact: a few more steps may show that more is had.
    const needed = !commit.had || queue.some((waiting) => !waiting.commit.had);
    spare = needed ? spareSteps : spare - 1;
    if (spare < 0) break;
    if (!commit.had) passed.push([oid, commit]);
    for (const parent of commit.parents) await meet(found, queue, parent, commit.had);
    await found.turn(found.commits.size);
  }
  return passed.filter(([, commit]) => !commit.had);
}

/** A tree beside which another is read: what is the same in both is not missing, or is found there. */
interface BaseTree {
  readonly tree: ObjectId;
  readonly had: boolean;
}

function basesOf(found: Found, commit: Painted): ReadonlyArray<BaseTree> {
  return commit.parents.slice(0, basesMax).flatMap((parent) => found.commits.get(parent) ?? []);
}

interface Folder {
  readonly tree: ObjectId;
  readonly bases: ReadonlyArray<BaseTree>;
}

async function collectTrees(
  found: Found,
  root: ObjectId,
  bases: ReadonlyArray<BaseTree>,
): Promise<void> {
  const stack: Folder[] = [{ tree: root, bases }];
  for (let folder = stack.pop(); folder !== undefined; folder = stack.pop()) {
    const { tree, bases } = folder;
    if (found.objects.has(tree) || found.had.has(tree)) continue;
    if (bases.some((base) => base.tree === tree)) continue;
    found.objects.add(tree);
    const beside: Beside[] = [];
    for (const base of bases) {
      const entries = entriesOf(await found.read(base.tree));
      beside.push({ entries, had: base.had });
      if (base.had) found.had.add(base.tree);
    }
    const entries = entriesOf(await found.read(tree));
    noteHad(found, beside, entries);
    for (const [name, entry] of entries) {
      if (found.objects.has(entry.oid) || found.had.has(entry.oid)) continue;
      if (beside.some((base) => base.entries.get(name)?.oid === entry.oid)) continue;
      if (entry.isTree) stack.push({ tree: entry.oid, bases: foldersBeside(beside, name) });
      else found.objects.add(entry.oid);
    }
    await found.turn(found.objects.size);
  }
}

interface Entry {
  readonly oid: ObjectId;
  readonly isTree: boolean;
}

interface Beside {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly had: boolean;
}

/** What a tree that is had holds and the new one does not: moved files are found again by it. */
function noteHad(
  found: Found,
  beside: ReadonlyArray<Beside>,
  entries: ReadonlyMap<string, Entry>,
): void {
  for (const base of beside) {
    if (!base.had) continue;
    for (const [name, { oid }] of base.entries)
      if (entries.get(name)?.oid !== oid && !found.objects.has(oid)) found.had.add(oid);
  }
}

function foldersBeside(beside: ReadonlyArray<Beside>, name: string): ReadonlyArray<BaseTree> {
  return beside.flatMap(({ entries, had }) => {
    const entry = entries.get(name);
    return entry?.isTree === true ? [{ tree: entry.oid, had }] : [];
  });
}

/** By name, as one character for each byte. Submodules are left out: they are kept elsewhere. */
function entriesOf({ bytes }: GitObject): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  walkTree(bytes, (mode, start, end) => {
    const kind = kindOfMode(mode);
    if (kind === "submodule") return true;
    let name = "";
    for (let offset = start; offset < end; offset++)
      name += String.fromCharCode(bytes[offset] ?? 0);
    entries.set(name, { oid: oidAt(bytes, end + 1), isTree: kind === "tree" });
    return true;
  });
  return entries;
}

const tagDepthMax = 64;
const spareSteps = 5;
/** Beside the first two parents nearly everything is found. */
const basesMax = 2;
