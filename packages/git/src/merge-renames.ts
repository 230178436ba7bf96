/** Files that one side seems to have moved, and the other has moved elsewhere, deleted or left alone in a folder: what names alone do not show. */

import type { ObjectId } from "@skein/protocol/ids";
import { keyOf } from "./byte-key.ts";
import type { TreeEntry } from "./object.ts";
import { readObject } from "./overlay.ts";
import type { ObjectReader } from "./overlay.ts";
import { diffTrees } from "./tree-diff.ts";
import { findEntry } from "./tree.ts";
import { formatPath } from "./tree-path.ts";

interface Side {
  readonly tree: ObjectId;
  readonly deleted: ReadonlyMap<string, TreeEntry>;
  readonly added: ReadonlyMap<string, TreeEntry>;
}

/**
 * The new paths of files whose old path is gone on both sides, and which only one side knows. Merged by name they
 * would come back from the dead, or twice. A file moved on one side and changed on the other needs no care here:
 * by name that is a deletion against a change, a conflict already.
 */
export async function findMovedApart(
  objects: ObjectReader,
  trees: {
    readonly base: ObjectId | undefined;
    readonly ours: ObjectId;
    readonly theirs: ObjectId;
  },
): Promise<ReadonlyArray<string>> {
  const ours = await readSide(objects, trees.base, trees.ours);
  const theirs = await readSide(objects, trees.base, trees.theirs);
  const gone = [...ours.deleted].filter(([path]) => theirs.deleted.has(path));
  const fresh = [
    ...[...ours.added].filter(([path]) => !theirs.added.has(path)),
    ...[...theirs.added].filter(([path]) => !ours.added.has(path)),
  ];
  const looksInside = gone.length * fresh.length <= comparedPairsMax;
  const found: string[] = [];
  for (const [path, entry] of fresh) {
    for (const [, old] of gone) {
      // oxlint-disable-next-line no-await-in-loop -- the first file it may have been decides.
      if (!(await isLike(objects, old, { entry, looksInside }))) continue;
      found.push(path);
      break;
    }
  }
  const left = [...(await findLeftBehind(objects, ours, theirs))];
  left.push(...(await findLeftBehind(objects, theirs, ours)));
  return [...new Set([...found, ...left])].toSorted();
}

/**
 * What one side put into a folder that the other side moved away: by name it comes to stand there alone. Git thinks that it
 * should perhaps be moved too, and asks.
 */
async function findLeftBehind(
  objects: ObjectReader,
  stayed: Side,
  went: Side,
): Promise<ReadonlyArray<string>> {
  const found: string[] = [];
  const hasMoved = new Map<string, boolean>();
  for (const path of stayed.added.keys()) {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (folder === "" || went.added.has(path)) continue;
    // oxlint-disable-next-line no-await-in-loop -- each folder is looked at once.
    const moved = hasMoved.get(folder) ?? (await isMovedAway(objects, folder, went));
    hasMoved.set(folder, moved);
    if (moved) found.push(path);
  }
  return found;
}

/** Nothing is left in it, and one of its files seems to stand elsewhere now. */
async function isMovedAway(
  objects: ObjectReader,
  folder: string,
  { tree, deleted, added }: Side,
): Promise<boolean> {
  const gone = [...deleted].filter(([path]) => path.startsWith(`${folder}/`));
  if (gone.length === 0 || (await findEntry(objects, tree, folder))?.kind === "tree") return false;
  const looksInside = gone.length * added.size <= comparedPairsMax;
  for (const [, old] of gone)
    for (const entry of added.values())
      if (await isLike(objects, old, { entry, looksInside })) return true;
  return false;
}

async function readSide(
  objects: ObjectReader,
  before: ObjectId | undefined,
  after: ObjectId,
): Promise<Side> {
  const deleted = new Map<string, TreeEntry>();
  const added = new Map<string, TreeEntry>();
  for await (const difference of diffTrees(objects, { before, after })) {
    const path = formatPath(difference.path);
    if (difference.after === undefined && difference.before !== undefined)
      deleted.set(path, difference.before);
    if (difference.before === undefined && difference.after !== undefined)
      added.set(path, difference.after);
    if (deleted.size + added.size > differencesMax) break;
  }
  return { tree: after, deleted, added };
}

async function isLike(
  objects: ObjectReader,
  old: TreeEntry,
  { entry, looksInside }: { readonly entry: TreeEntry; readonly looksInside: boolean },
): Promise<boolean> {
  if (old.oid === entry.oid) return true;
  const readable = [old, entry].every(({ kind }) => kind === "file" || kind === "executable");
  if (!looksInside || !readable) return false;
  const before = await readObject(objects, old.oid, "blob");
  const after = await readObject(objects, entry.oid, "blob");
  const longer = Math.max(before.length, after.length);
  const shorter = Math.min(before.length, after.length);
  if (shorter < longer * likeness || longer > comparedBytesMax) return false;
  return commonBytes(before, after) >= longer * likeness;
}

/** Bytes in lines that both have, wherever they stand. */
function commonBytes(one: Uint8Array, other: Uint8Array): number {
  const counts = new Map<string, number>();
  for (const line of linesOf(one)) counts.set(line, (counts.get(line) ?? 0) + 1);
  let common = 0;
  for (const line of linesOf(other)) {
    const left = counts.get(line) ?? 0;
    if (left === 0) continue;
    counts.set(line, left - 1);
    common += line.length;
  }
  return common;
}

function linesOf(text: Uint8Array): ReadonlyArray<string> {
  return keyOf(text).split(/(?<=\n)/u);
}

/** Git takes half for a rename; a little less errs on the side of asking. */
const likeness = 0.45;
const comparedBytesMax = 1024 * 1024;
const comparedPairsMax = 10_000;
const differencesMax = 100_000;
