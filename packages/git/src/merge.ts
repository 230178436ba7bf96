/** Merging two tips. The same two tips give the same commit on every node. */

import { LimitExceededError } from "@skein/protocol/errors";
import { instant } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import { virtualMergesMax } from "@skein/protocol/limits";
import { cleanMessage, signatureOf, writeCommit } from "./draft.ts";
import type { Signed } from "./draft.ts";
import { findMergeBases, relate } from "./history-ancestry.ts";
import type { Commits, StoredCommit } from "./history-commits.ts";
import { describeCommit } from "./history.ts";
import type { CommitInfo } from "./history.ts";
import { describeConflict } from "./merge-conflicts.ts";
import type { Conflict } from "./merge-conflicts.ts";
import { findMovedApart } from "./merge-renames.ts";
import { resolveConflicts } from "./merge-resolutions.ts";
import type { Resolution } from "./merge-resolutions.ts";
import { mergeTrees } from "./merge-trees.ts";
import type { MergedTrees, TreeConflict } from "./merge-trees.ts";
import { mergeWith } from "./merge-work.ts";
import type { MergeSource } from "./merge-work.ts";
import { formatCommit, formatTree } from "./object.ts";
import { keep, openOverlay } from "./overlay.ts";
import type { Overlay } from "./overlay.ts";
import type { LongWork } from "./stop-signal.ts";
import { findEntry } from "./tree.ts";

export type MergeResult =
  | { readonly kind: "up-to-date" | "fast-forward" | "merged"; readonly oid: ObjectId }
  /** Nothing was changed. */
  | { readonly kind: "conflict"; readonly paths: ReadonlyArray<string> };

interface MergeTips {
  readonly ours: ObjectId;
  readonly theirs: ObjectId;
}

/** Throws `MergeTooLargeError`, and why the signal was aborted. */
export interface MergeAsked extends MergeTips, Partial<LongWork> {}

/** Stores the merge commit durably, and moves no ref. */
export function mergeTips(from: MergeSource, asked: MergeAsked): Promise<MergeResult> {
  return mergeWith(from, asked, (source) => makeMerge(source, asked));
}

async function makeMerge(from: MergeSource, tips: MergeTips): Promise<MergeResult> {
  const ours = await from.commits.read(tips.ours);
  const theirs = await from.commits.read(tips.theirs);
  const relation = await relate(from.commits, ours.oid, theirs.oid);
  if (relation === "behind") return { kind: "fast-forward", oid: theirs.oid };
  if (relation !== "diverged") return { kind: "up-to-date", oid: ours.oid };
  const { first, second, overlay, merge, moved } = await mergeInOrder(from, ours, theirs);
  const conflicts = merge.conflicts.length > 0 ? merge.conflicts : moved;
  if (conflicts.length > 0) return { kind: "conflict", paths: conflicts.map(({ path }) => path) };
  const whole = merge.tree ?? overlay.write("tree", formatTree([]));
  const oid = overlay.write("commit", formatMerge(first, second, whole));
  await keep(overlay, from.objects, oid);
  return { kind: "merged", oid };
}

/** What stands between two tips, for an editor. Empty where they merge by themselves. */
export function readConflicts(from: MergeSource, asked: MergeAsked): Promise<Conflicts> {
  return mergeWith(from, asked, (source) => findConflicts(source, asked));
}

async function findConflicts(from: MergeSource, tips: MergeTips): Promise<Conflicts> {
  const ours = await from.commits.read(tips.ours);
  const theirs = await from.commits.read(tips.theirs);
  const diverged = (await relate(from.commits, ours.oid, theirs.oid)) === "diverged";
  const told = { ours: describeCommit(ours), theirs: describeCommit(theirs) };
  if (!diverged) return { ...told, conflicts: [] };
  const { overlay, merge, moved } = await mergeInOrder(from, ours, theirs);
  const conflicts = await describeConflicts(overlay, { conflicts: merge.conflicts, moved });
  return { ...told, conflicts };
}

/** Who is in conflict with whom: never "mine" and "theirs", but who wrote them and when. */
export interface Conflicts {
  readonly ours: CommitInfo;
  readonly theirs: CommitInfo;
  readonly conflicts: ReadonlyArray<Conflict>;
}

export async function describeConflicts(
  overlay: Overlay,
  {
    conflicts,
    moved,
  }: {
    readonly conflicts: ReadonlyArray<TreeConflict>;
    readonly moved: ReadonlyArray<TreeConflict>;
  },
): Promise<ReadonlyArray<Conflict>> {
  const described = [
    ...conflicts.map((conflict) => ({ conflict, moved: false })),
    ...moved.map((conflict) => ({ conflict, moved: true })),
  ];
  const told: Conflict[] = [];
  let room = conflictTextsBytesMax;
  for (const { conflict, moved: isMoved } of described) {
    // oxlint-disable-next-line no-await-in-loop -- texts are read one after the other: memory is bounded.
    const next = await describeConflict(overlay, { conflict, moved: isMoved, withText: room > 0 });
    for (const hunk of next.hunks ?? [])
      room -=
        hunk.kind === "merged"
          ? hunk.text.length
          : hunk.base.length + hunk.ours.length + hunk.theirs.length;
    told.push(next);
  }
  return told;
}

/** Of all conflicts together; those after that are told without their hunks. */
export const conflictTextsBytesMax = 32 * 1024 * 1024;

export interface ResolvedMerge extends Signed, MergeAsked {
  /** One for each path in conflict. */
  readonly resolutions: ReadonlyArray<Resolution>;
  readonly message?: string | undefined;
}

/**
 * The merge a person makes: what merges by itself, and their choices for the rest. Stores the commit durably, and
 * moves no ref. Throws `ResolutionRefusedError` and `DraftRefusedError`.
 */
export function mergeWithResolutions(
  from: MergeSource,
  asked: ResolvedMerge,
): Promise<MergeResult> {
  return mergeWith(from, asked, (source) => makeResolvedMerge(source, asked));
}

async function makeResolvedMerge(from: MergeSource, asked: ResolvedMerge): Promise<MergeResult> {
  const ours = await from.commits.read(asked.ours);
  const theirs = await from.commits.read(asked.theirs);
  const relation = await relate(from.commits, ours.oid, theirs.oid);
  if (relation !== "diverged") return makeMerge(from, asked);
  const { overlay, merge, moved } = await mergeInOrder(from, ours, theirs);
  const conflicts = [...merge.conflicts, ...moved];
  // Without a choice in it this is the merge that every node makes.
  if (conflicts.length === 0 && asked.resolutions.length === 0) return makeMerge(from, asked);
  const unfinished = { tree: merge.tree, conflicts };
  const resolved = await resolveConflicts(overlay, unfinished, asked.resolutions);
  if (resolved.kind === "unresolved") return { kind: "conflict", paths: resolved.paths };
  const author = signatureOf(asked);
  const message = asked.message ?? titleOf(ours, theirs);
  const oid = writeCommit(overlay, asked, {
    tree: resolved.tree ?? overlay.write("tree", formatTree([])),
    parents: [ours.oid, theirs.oid],
    author,
    committer: author,
    message: cleanMessage(message),
  });
  await keep(overlay, from.objects, oid);
  return { kind: "merged", oid };
}

interface OrderedMerge {
  readonly first: StoredCommit;
  readonly second: StoredCommit;
  readonly overlay: Overlay;
  /** Told from the side of `ours`. */
  readonly merge: MergedTrees;
  readonly moved: ReadonlyArray<TreeConflict>;
}

/** Whose side is whose must not matter: the smaller id comes first on every node. */
async function mergeInOrder(
  from: MergeSource,
  ours: StoredCommit,
  theirs: StoredCommit,
): Promise<OrderedMerge> {
  const swapped = theirs.oid < ours.oid;
  const [first, second] = swapped ? [theirs, ours] : [ours, theirs];
  const virtual = openOverlay(from.objects);
  const overlay = openOverlay(virtual);
  const bases = await findMergeBases(from.commits, [first.oid], second.oid);
  const base = await virtualBase(
    { commits: from.commits, overlay: virtual, known: new Map(), made: 0 },
    bases,
  );
  const sides = { base, ours: first.tree, theirs: second.tree };
  const merged = await mergeTrees(overlay, sides, 0);
  const moved = await findMoved(overlay, sides, merged);
  const tell = (conflict: TreeConflict): TreeConflict => (swapped ? swapSides(conflict) : conflict);
  const merge = { tree: merged.tree, conflicts: merged.conflicts.map(tell) };
  return { first, second, overlay, merge, moved: moved.map(tell) };
}

/** Files that seem moved apart, and are not in conflict by their names. */
export async function findMoved(
  overlay: Overlay,
  trees: {
    readonly base: ObjectId | undefined;
    readonly ours: ObjectId;
    readonly theirs: ObjectId;
  },
  merged: MergedTrees,
): Promise<ReadonlyArray<TreeConflict>> {
  const known = new Set(merged.conflicts.map(({ path }) => path));
  const paths = (await findMovedApart(overlay, trees)).filter((path) => !known.has(path));
  return Promise.all(
    paths.map(async (path) => ({
      path,
      sides: {
        base: undefined,
        ours: await findEntry(overlay, trees.ours, path),
        theirs: await findEntry(overlay, trees.theirs, path),
      },
      folder: undefined,
    })),
  );
}

function swapSides({ path, sides, folder }: TreeConflict): TreeConflict {
  return { path, sides: { base: sides.base, ours: sides.theirs, theirs: sides.ours }, folder };
}

function titleOf(one: StoredCommit, other: StoredCommit): string {
  return `Merge ${one.oid.slice(0, 10)} and ${other.oid.slice(0, 10)}\n`;
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
    message: titleOf(first, second),
  });
}

interface VirtualMerges {
  readonly commits: Commits;
  readonly overlay: Overlay;
  /** The same bases are merged once at each depth. */
  readonly known: Map<string, ObjectId | undefined>;
  made: number;
}

/**
 * Where histories crossed there are several bases: they are merged first, on bases of their own, the oldest first.
 * Throws `LimitExceededError` where they crossed too often, on every node alike.
 */
async function virtualBase(
  work: VirtualMerges,
  bases: ReadonlyArray<ObjectId>,
  depth = 1,
): Promise<ObjectId | undefined> {
  const [oldest, ...others] = bases.toReversed();
  if (oldest === undefined) return undefined;
  const key = `${depth} ${bases.join(" ")}`;
  if (work.known.has(key)) return work.known.get(key);
  let { tree }: { tree: ObjectId | undefined } = await work.commits.read(oldest);
  const merged = [oldest];
  for (const other of others) {
    countVirtualMerge(work);
    // oxlint-disable-next-line no-await-in-loop -- each merge builds on the one before.
    const below = await findMergeBases(work.commits, merged, other);
    // oxlint-disable-next-line no-await-in-loop
    const base = await virtualBase(work, below, depth + 1);
    // oxlint-disable-next-line no-await-in-loop
    const { tree: theirs } = await work.commits.read(other);
    const sides = { base, ours: tree, theirs };
    // oxlint-disable-next-line no-await-in-loop
    ({ tree } = await mergeTrees(work.overlay, sides, depth));
    merged.push(other);
  }
  work.known.set(key, tree);
  return tree;
}

function countVirtualMerge(work: VirtualMerges): void {
  if (++work.made <= virtualMergesMax) return;
  throw new LimitExceededError("merges of merge bases", {
    actual: work.made,
    most: virtualMergesMax,
  });
}
