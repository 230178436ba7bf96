/** Merging two tips. The same two tips give the same commit on every node. */

import { instant } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import { findMergeBases, relate } from "./history-ancestry.ts";
import type { Commits, StoredCommit } from "./history-commits.ts";
import { findMovedApart } from "./merge-renames.ts";
import { mergeTrees } from "./merge-trees.ts";
import type { ObjectStore } from "./object-store.ts";
import { formatCommit, formatTree } from "./object.ts";
import { keep, openOverlay } from "./overlay.ts";
import type { Overlay } from "./overlay.ts";

export type MergeResult =
  | { readonly kind: "up-to-date" | "fast-forward" | "merged"; readonly oid: ObjectId }
  /** Nothing was changed. */
  | { readonly kind: "conflict"; readonly paths: ReadonlyArray<string> };

/** Stores the merge commit durably, and moves no ref. */
export async function mergeTips(
  from: { readonly objects: ObjectStore; readonly commits: Commits },
  tips: { readonly ours: ObjectId; readonly theirs: ObjectId },
): Promise<MergeResult> {
  const ours = await from.commits.read(tips.ours);
  const theirs = await from.commits.read(tips.theirs);
  const relation = await relate(from.commits, ours.oid, theirs.oid);
  if (relation === "behind") return { kind: "fast-forward", oid: theirs.oid };
  if (relation !== "diverged") return { kind: "up-to-date", oid: ours.oid };
  // Whose side is whose must not matter: the smaller id comes first on every node.
  const [first, second] = ours.oid < theirs.oid ? [ours, theirs] : [theirs, ours];
  const virtual = openOverlay(from.objects);
  const overlay = openOverlay(virtual);
  const bases = await findMergeBases(from.commits, [first.oid], second.oid);
  const base = await virtualBase({ commits: from.commits, overlay: virtual }, bases);
  const sides = { base, ours: first.tree, theirs: second.tree };
  const { tree, conflicts } = await mergeTrees(overlay, sides, "final");
  if (conflicts.length > 0) return { kind: "conflict", paths: conflicts };
  const moved = await findMovedApart(overlay, sides);
  if (moved.length > 0) return { kind: "conflict", paths: moved };
  const whole = tree ?? overlay.write("tree", formatTree([]));
  const oid = overlay.write("commit", formatMerge(first, second, whole));
  await keep(overlay, from.objects);
  return { kind: "merged", oid };
}

/** Nothing here depends on the node, its clock or its person. */
function formatMerge(
  first: StoredCommit,
  second: StoredCommit,
  tree: ObjectId,
): ReturnType<typeof formatCommit> {
  const at = instant(Math.max(first.committer.at, second.committer.at));
  const author = { name: "Skein", email: "skein@localhost", at, offsetMinutes: 0 };
  return formatCommit({
    tree,
    parents: [first.oid, second.oid],
    author,
    committer: author,
    message: `Merge ${first.oid.slice(0, 10)} and ${second.oid.slice(0, 10)}\n`,
  });
}

/** Where histories crossed there are several bases: they are merged first, on bases of their own, the oldest first. */
async function virtualBase(
  from: { readonly commits: Commits; readonly overlay: Overlay },
  bases: ReadonlyArray<ObjectId>,
): Promise<ObjectId | undefined> {
  const [oldest, ...others] = bases.toReversed();
  if (oldest === undefined) return undefined;
  let { tree }: { tree: ObjectId | undefined } = await from.commits.read(oldest);
  const merged = [oldest];
  for (const other of others) {
    // oxlint-disable-next-line no-await-in-loop -- each merge builds on the one before.
    const below = await findMergeBases(from.commits, merged, other);
    // oxlint-disable-next-line no-await-in-loop
    const base = await virtualBase(from, below);
    // oxlint-disable-next-line no-await-in-loop
    const { tree: theirs } = await from.commits.read(other);
    const sides = { base, ours: tree, theirs };
    // oxlint-disable-next-line no-await-in-loop
    ({ tree } = await mergeTrees(from.overlay, sides, "virtual"));
    merged.push(other);
  }
  return tree;
}
