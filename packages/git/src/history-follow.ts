/** Where a file stood before it had its present path. */

import type { ObjectId } from "@skein/protocol/ids";
import type { ObjectReader } from "./overlay.ts";
import { findRenames } from "./renames.ts";
import { diffTrees } from "./tree-diff.ts";
import type { TreeDifference } from "./tree-diff.ts";
import { formatPath } from "./tree-path.ts";

export interface FollowAsked {
  readonly before: ObjectId;
  readonly after: ObjectId;
  /** With `moved-or-copied`, a file that was changed at the same time may be where it came from, as with `git log --follow`. */
  readonly from: "moved" | "moved-or-copied";
}

/** `undefined`: nothing that was there before is like it, or too much was changed at once to tell. */
export async function previousPath(
  objects: ObjectReader,
  asked: FollowAsked,
  path: string,
): Promise<{ readonly path: string; readonly oid: ObjectId } | undefined> {
  const differences = await readDifferences(objects, asked);
  if (differences === undefined) return undefined;
  const moved = (await findRenames(objects, differences)).get(path);
  if (moved !== undefined) return { path: moved.from, oid: moved.before.oid };
  if (asked.from === "moved") return undefined;
  const sources = differences.map((difference) =>
    formatPath(difference.path) === path
      ? difference
      : { path: difference.path, before: difference.before, after: undefined },
  );
  const copied = (await findRenames(objects, sources)).get(path);
  return copied && { path: copied.from, oid: copied.before.oid };
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
