/** Where a file stood before it had its present path. */

import type { ObjectId } from "@skein/protocol/ids";
import type { ObjectReader } from "./overlay.ts";
import { findRenames } from "./renames.ts";
import { diffTrees } from "./tree-diff.ts";
import type { TreeDifference } from "./tree-diff.ts";

/** `undefined`: nothing that was deleted there is like it, or too much was changed at once to tell. */
export async function previousPath(
  objects: ObjectReader,
  trees: { readonly before: ObjectId; readonly after: ObjectId },
  path: string,
): Promise<{ readonly path: string; readonly oid: ObjectId } | undefined> {
  const differences = await readDifferences(objects, trees);
  if (differences === undefined) return undefined;
  const renamed = (await findRenames(objects, differences)).get(path);
  return renamed && { path: renamed.from, oid: renamed.before.oid };
}

/** `undefined`: more than `renamedFilesMax`. */
export async function readDifferences(
  objects: ObjectReader,
  trees: { readonly before: ObjectId | undefined; readonly after: ObjectId },
): Promise<ReadonlyArray<TreeDifference> | undefined> {
  const differences: TreeDifference[] = [];
  for await (const difference of diffTrees(objects, trees)) {
    if (differences.length === renamedFilesMax) return undefined;
    differences.push(difference);
  }
  return differences;
}

/** Files of one commit among which renames are looked for. */
export const renamedFilesMax = 20_000;
