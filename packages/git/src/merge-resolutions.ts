/** A person's choices, laid over a merge that could not be made without them. */

import { concat, formatUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import { SkeinError } from "@skein/protocol/errors";
import type { ObjectId } from "@skein/protocol/ids";
import { parseDraftPath } from "./draft.ts";
import { regionsOf } from "./merge-conflicts.ts";
import type { TextRegion } from "./merge-text.ts";
import { isRegular, mergeKind } from "./merge-trees.ts";
import type { Sides, Slot, TreeConflict } from "./merge-trees.ts";
import type { Overlay } from "./overlay.ts";
import { editTree } from "./tree-edit.ts";
import type { TreeEdit } from "./tree-edit.ts";
import { formatPath, parsePath } from "./tree-path.ts";
import { findEntry } from "./tree.ts";

/** What is to become of one stretch of text. `both`: ours, then theirs. */
export type HunkChoice = "base" | "ours" | "theirs" | "both" | { readonly text: string };

/** What is to become of one path in conflict. */
export type Resolution = { readonly path: string } & (
  | {
      /** As that side has it: gone, where the side has nothing there. */
      readonly take: "base" | "ours" | "theirs";
    }
  /** Ours stays at the path, and theirs is put beside it. */
  | { readonly take: "both"; readonly theirsAt: string }
  /** One choice for each hunk in conflict, in order. */
  | { readonly take: "hunks"; readonly hunks: ReadonlyArray<HunkChoice> }
  | { readonly take: "edited"; readonly bytes: Uint8Array }
);

export type ResolutionFault =
  /** Nothing is in conflict there: the choice was made for another pair of tips. */
  | "no-such-conflict"
  | "named-twice"
  /** More or fewer choices than hunks in conflict, or there are none. */
  | "other-hunks"
  /** To keep both there must be two. */
  | "no-such-side"
  | "path-taken";

/** A choice that does not fit the conflict. Nothing was changed. */
export class ResolutionRefusedError extends SkeinError {
  override readonly name = "ResolutionRefusedError";
  readonly code = "resolution_refused";
  readonly blame = "caller";
  readonly hint = "Look at the conflict again: it may have changed. Nothing was changed.";
  readonly fault: ResolutionFault;
  readonly path: string;

  constructor(fault: ResolutionFault, path: string) {
    super(`The resolution of ${path} is refused: ${fault}`);
    this.fault = fault;
    this.path = path;
  }
}

export interface UnfinishedMerge {
  readonly tree: ObjectId | undefined;
  readonly conflicts: ReadonlyArray<TreeConflict>;
}

export type Resolved =
  | { readonly kind: "resolved"; readonly tree: ObjectId | undefined }
  | { readonly kind: "unresolved"; readonly paths: ReadonlyArray<string> };

/** Throws `ResolutionRefusedError` and `DraftRefusedError`. */
export async function resolveConflicts(
  overlay: Overlay,
  merge: UnfinishedMerge,
  resolutions: ReadonlyArray<Resolution>,
): Promise<Resolved> {
  const chosen = byPath(merge.conflicts, resolutions);
  const left = merge.conflicts.filter(({ path }) => !chosen.has(path));
  if (left.length > 0) return { kind: "unresolved", paths: left.map(({ path }) => path) };
  let { tree } = merge;
  // A folder is settled before what is in it.
  const inOrder = merge.conflicts.toSorted((one, other) => depthOf(one) - depthOf(other));
  const replaced: string[] = [];
  for (const conflict of inOrder) {
    const resolution = chosen.get(conflict.path);
    if (resolution === undefined || replaced.some((path) => conflict.path.startsWith(path)))
      continue;
    // oxlint-disable-next-line no-await-in-loop -- each edit is laid over the one before.
    const edits = await editsOf({ overlay, tree }, conflict, resolution);
    if (edits[0]?.slot?.kind !== "tree") replaced.push(`${conflict.path}/`);
    // oxlint-disable-next-line no-await-in-loop
    tree = await editTree(overlay, tree, edits);
  }
  return { kind: "resolved", tree };
}

function byPath(
  conflicts: ReadonlyArray<TreeConflict>,
  resolutions: ReadonlyArray<Resolution>,
): ReadonlyMap<string, Resolution> {
  const paths = new Set(conflicts.map(({ path }) => path));
  const chosen = new Map<string, Resolution>();
  for (const resolution of resolutions) {
    const { path } = resolution;
    if (!paths.has(path)) throw new ResolutionRefusedError("no-such-conflict", path);
    if (chosen.has(path)) throw new ResolutionRefusedError("named-twice", path);
    chosen.set(path, resolution);
  }
  return chosen;
}

interface Place {
  readonly overlay: Overlay;
  readonly tree: ObjectId | undefined;
}

async function editsOf(
  { overlay, tree }: Place,
  conflict: TreeConflict,
  resolution: Resolution,
): Promise<ReadonlyArray<TreeEdit>> {
  const path = parsePath(conflict.path) ?? [];
  const { sides } = conflict;
  switch (resolution.take) {
    case "base":
    case "ours":
    case "theirs":
      return [{ path, slot: slotOf(conflict, sides[resolution.take]) }];
    case "both":
      return bothEdits({ overlay, tree }, conflict, resolution.theirsAt);
    case "hunks": {
      const regions = conflict.folder === undefined ? await regionsOf(overlay, sides) : undefined;
      const bytes = regions && joinRegions(regions, resolution.hunks);
      if (bytes === undefined) throw new ResolutionRefusedError("other-hunks", conflict.path);
      return [{ path, slot: { kind: fileKindOf(sides), oid: overlay.write("blob", bytes) } }];
    }
    case "edited": {
      const oid = overlay.write("blob", new Uint8Array(resolution.bytes));
      return [{ path, slot: { kind: fileKindOf(sides), oid } }];
    }
  }
}

async function bothEdits(
  { overlay, tree }: Place,
  conflict: TreeConflict,
  theirsAt: string,
): Promise<ReadonlyArray<TreeEdit>> {
  const { sides, path } = conflict;
  const [ours, theirs] = [sides.ours, sides.theirs].map((side) => slotOf(conflict, side));
  if (ours === undefined || theirs === undefined)
    throw new ResolutionRefusedError("no-such-side", path);
  const beside = parseDraftPath(theirsAt);
  const entryAt = async (names: ReadonlyArray<Bytes>): ReturnType<typeof findEntry> =>
    tree === undefined ? undefined : findEntry(overlay, tree, formatPath(names));
  for (let names = beside; names.length > 0; names = names.slice(0, -1)) {
    // oxlint-disable-next-line no-await-in-loop -- the folders above are few.
    const there = await entryAt(names);
    // A folder may hold one more; a file in the way may not become one.
    if (there !== undefined && (names === beside || there.kind !== "tree"))
      throw new ResolutionRefusedError("path-taken", theirsAt);
  }
  return [
    { path: parsePath(path) ?? [], slot: ours },
    { path: beside, slot: theirs },
  ];
}

/** A side's folder is what the folders of all sides merge to. */
function slotOf({ folder }: TreeConflict, side: Slot | undefined): Slot | undefined {
  if (side?.kind !== "tree") return side;
  return folder === undefined ? undefined : { kind: "tree", oid: folder };
}

function fileKindOf({ base, ours, theirs }: Sides<Slot>): Slot["kind"] {
  const regular = [ours, theirs].filter((side) => side !== undefined && isRegular(side));
  const [one, other = one] = regular;
  if (one === undefined || other === undefined) return "file";
  return mergeKind(base, one, other) ?? "file";
}

function joinRegions(
  regions: ReadonlyArray<TextRegion>,
  choices: ReadonlyArray<HunkChoice>,
): Bytes | undefined {
  let next = 0;
  const parts = regions.flatMap((region) => {
    if (region.kind === "merged") return [region.bytes];
    const choice = choices[next++];
    return choice === undefined ? [] : chosenBytes(region, choice);
  });
  return next === choices.length ? concat(...parts) : undefined;
}

function chosenBytes(
  region: Extract<TextRegion, { kind: "conflict" }>,
  choice: HunkChoice,
): ReadonlyArray<Bytes> {
  if (typeof choice === "object") return [formatUtf8(choice.text)];
  if (choice !== "both") return [region[choice]];
  const { ours, theirs } = region;
  const isOpen = ours.length > 0 && theirs.length > 0 && ours.at(-1) !== newline;
  return isOpen ? [ours, Uint8Array.of(newline), theirs] : [ours, theirs];
}

function depthOf({ path }: TreeConflict): number {
  return path.split("/").length;
}

const newline = 0x0a;
