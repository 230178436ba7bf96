/** The change of one commit, made again on another one (cherry-pick), or taken back there (revert). */

import type { ObjectId } from "@skein/protocol/ids";
import { cleanMessage, signatureOf, writeCommit } from "./draft.ts";
import type { Signed } from "./draft.ts";
import type { StoredCommit } from "./history-commits.ts";
import { describeCommit } from "./history.ts";
import type { Conflict } from "./merge-conflicts.ts";
import { resolveConflicts } from "./merge-resolutions.ts";
import type { Resolution } from "./merge-resolutions.ts";
import { mergeTrees } from "./merge-trees.ts";
import { describeConflicts, findMoved } from "./merge.ts";
import { mergeWith } from "./merge-work.ts";
import type { MergeSource } from "./merge-work.ts";
import { formatTree } from "./object.ts";
import { keep, openOverlay } from "./overlay.ts";
import type { LongWork } from "./stop-signal.ts";

/** In conflicts, `ours` is `onto` and `theirs` is what the change leads to. */
export interface PickAsked extends Signed, Partial<LongWork> {
  readonly commit: ObjectId;
  /** The tip of the branch that the new commit continues. */
  readonly onto: ObjectId;
  /** Against which parent of a merge the change is taken; the first is 1. */
  readonly mainline?: number | undefined;
  readonly resolutions?: ReadonlyArray<Resolution> | undefined;
  readonly message?: string | undefined;
}

export type PickResult =
  | { readonly kind: "picked"; readonly oid: ObjectId }
  /** The change is there already. Nothing was changed. */
  | { readonly kind: "nothing-to-pick" }
  /** The commit is a merge: a person must say against which parent. */
  | { readonly kind: "which-parent"; readonly parents: ReadonlyArray<ObjectId> }
  /** What no resolution was given for. Nothing was changed. */
  | { readonly kind: "conflict"; readonly conflicts: ReadonlyArray<Conflict> };

/** The author stays who it was. Stores the commit durably, and moves no ref. */
export function cherryPick(from: MergeSource, asked: PickAsked): Promise<PickResult> {
  return mergeWith(from, asked, (source) => makePick(source, asked));
}

/** Stores the commit durably, and moves no ref. */
export function revert(from: MergeSource, asked: PickAsked): Promise<PickResult> {
  return mergeWith(from, asked, (source) => makeRevert(source, asked));
}

async function makePick(from: MergeSource, asked: PickAsked): Promise<PickResult> {
  const commit = await from.commits.read(asked.commit);
  const parent = parentOf(commit, asked.mainline);
  if (parent === "which") return { kind: "which-parent", parents: commit.parents };
  const before = parent && (await from.commits.read(parent)).tree;
  const message = asked.message === undefined ? commit.message : cleanMessage(asked.message);
  const { author } = commit;
  return applyChange(from, { asked, before, after: commit.tree, message, author });
}

async function makeRevert(from: MergeSource, asked: PickAsked): Promise<PickResult> {
  const commit = await from.commits.read(asked.commit);
  const parent = parentOf(commit, asked.mainline);
  if (parent === "which") return { kind: "which-parent", parents: commit.parents };
  const after = parent && (await from.commits.read(parent)).tree;
  const message = cleanMessage(asked.message ?? revertMessage(commit, parent));
  const author = signatureOf(asked);
  return applyChange(from, { asked, before: commit.tree, after, message, author });
}

interface Change {
  readonly asked: PickAsked;
  readonly before: ObjectId | undefined;
  readonly after: ObjectId | undefined;
  readonly message: string;
  readonly author: StoredCommit["author"];
}

async function applyChange(
  from: MergeSource,
  { asked, before, after, message, author }: Change,
): Promise<PickResult> {
  const onto = await from.commits.read(asked.onto);
  const overlay = openOverlay(from.objects);
  const empty = overlay.write("tree", formatTree([]));
  const sides = { base: before ?? empty, ours: onto.tree, theirs: after ?? empty };
  const merged = await mergeTrees(overlay, sides, 0);
  const moved = await findMoved(overlay, sides, merged);
  const unfinished = { tree: merged.tree, conflicts: [...merged.conflicts, ...moved] };
  const resolved = await resolveConflicts(overlay, unfinished, asked.resolutions ?? []);
  if (resolved.kind === "unresolved") {
    const conflicts = await describeConflicts(overlay, { conflicts: merged.conflicts, moved });
    const left = new Set(resolved.paths);
    return { kind: "conflict", conflicts: conflicts.filter(({ path }) => left.has(path)) };
  }
  const tree = resolved.tree ?? empty;
  if (tree === onto.tree) return { kind: "nothing-to-pick" };
  const oid = writeCommit(overlay, asked, {
    tree,
    parents: [onto.oid],
    author,
    committer: signatureOf(asked),
    message,
  });
  await keep(overlay, from.objects, oid);
  return { kind: "picked", oid };
}

/** `undefined`: a first commit has none. */
function parentOf(
  { parents }: StoredCommit,
  mainline: number | undefined,
): ObjectId | "which" | undefined {
  if (mainline !== undefined) return parents[mainline - 1] ?? "which";
  return parents.length > 1 ? "which" : parents[0];
}

/** In the words of `git revert`. */
function revertMessage(commit: StoredCommit, parent: ObjectId | undefined): string {
  const { title } = describeCommit(commit);
  const reverts = `This reverts commit ${commit.oid}`;
  const what =
    commit.parents.length > 1 ? `${reverts}, reversing\nchanges made to ${parent}.` : `${reverts}.`;
  return `Revert "${title}"\n\n${what}\n`;
}
