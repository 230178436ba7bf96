/** The files in which two trees differ, by path, reading only folders that differ. */

import { compare } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import { LimitExceededError } from "@skein/protocol/errors";
import type { ObjectId } from "@skein/protocol/ids";
import { treeDepthMax } from "@skein/protocol/limits";
import { keyOf } from "./byte-key.ts";
import type { TreeEntry } from "./object.ts";
import { readEntries } from "./overlay.ts";
import type { ObjectReader } from "./overlay.ts";

export interface TreeDifference {
  readonly path: ReadonlyArray<Bytes>;
  /** Never a folder. */
  readonly before: TreeEntry | undefined;
  readonly after: TreeEntry | undefined;
}

interface Sides<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** A file that became a folder is a deletion and additions. */
export async function* diffTrees(
  objects: ObjectReader,
  trees: Sides<ObjectId>,
  above: ReadonlyArray<Bytes> = [],
): AsyncGenerator<TreeDifference, void, void> {
  if (trees.before === trees.after) return;
  if (above.length > treeDepthMax)
    throw new LimitExceededError("folders in folders", {
      actual: above.length,
      most: treeDepthMax,
    });
  for (const { name, before, after } of await pairEntries(objects, trees)) {
    const path = [...above, name];
    const files = { before: fileOf(before), after: fileOf(after) };
    if (files.before !== undefined || files.after !== undefined) yield { path, ...files };
    yield* diffTrees(objects, { before: folderOf(before), after: folderOf(after) }, path);
  }
}

/** The entries that differ. Two that are alike but for old permission bits do not. */
async function pairEntries(
  objects: ObjectReader,
  trees: Sides<ObjectId>,
): Promise<ReadonlyArray<{ readonly name: Bytes } & Sides<TreeEntry>>> {
  const [before, after] = await Promise.all([
    readEntries(objects, trees.before),
    readEntries(objects, trees.after),
  ]);
  const old = new Map(before.map((entry) => [keyOf(entry.name), entry]));
  const fresh = new Map(after.map((entry) => [keyOf(entry.name), entry]));
  const removed = before.filter(({ name }) => !fresh.has(keyOf(name)));
  return [...after, ...removed]
    .map(({ name }) => ({ name, before: old.get(keyOf(name)), after: fresh.get(keyOf(name)) }))
    .filter((row) => row.before?.oid !== row.after?.oid || row.before?.kind !== row.after?.kind)
    .toSorted((one, other) => compare(one.name, other.name));
}

function fileOf(entry: TreeEntry | undefined): TreeEntry | undefined {
  return entry?.kind === "tree" ? undefined : entry;
}

function folderOf(entry: TreeEntry | undefined): ObjectId | undefined {
  return entry?.kind === "tree" ? entry.oid : undefined;
}
