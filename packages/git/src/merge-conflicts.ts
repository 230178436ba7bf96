/** What a person is asked where a merge needs one: sides, and texts cut into what merges and what does not. */

import { parseUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { parseLfsPointer } from "./lfs.ts";
import { mergeTextRegions } from "./merge-text.ts";
import type { TextRegion } from "./merge-text.ts";
import { isRegular } from "./merge-trees.ts";
import type { Sides, Slot, TreeConflict } from "./merge-trees.ts";
import { readObject } from "./overlay.ts";
import type { ObjectReader } from "./overlay.ts";
import { kindOf, shownKindOf } from "./tree.ts";

export type ConflictReason =
  /** Both changed the same lines, or one place next to the other. */
  | "text"
  /** Both changed something that has no lines: a picture, a link, a submodule. */
  | "bytes"
  | "added-apart"
  | "deleted-in-ours"
  | "deleted-in-theirs"
  /** Such as a link on one side and a file on the other. */
  | "kinds"
  | "file-and-folder"
  /**
   * A file that may have been moved from one that the other side deleted, or moved elsewhere; or that is in a folder which the
   * other side moved away.
   */
  | "moved";

export interface Conflict {
  readonly path: string;
  readonly reason: ConflictReason;
  readonly base: ConflictSide | undefined;
  readonly ours: ConflictSide | undefined;
  readonly theirs: ConflictSide | undefined;
  /** The whole text in order. `undefined`: a side is taken as a whole. */
  readonly hunks: ReadonlyArray<Hunk> | undefined;
}

export interface ConflictSide {
  readonly kind: "folder" | "file" | "link" | "submodule";
  readonly oid: ObjectId;
}

export type Hunk =
  | { readonly kind: "merged"; readonly text: string }
  | {
      readonly kind: "conflict";
      readonly base: string;
      readonly ours: string;
      readonly theirs: string;
    };

export async function describeConflict(
  objects: ObjectReader,
  {
    conflict: { path, sides, folder },
    moved,
    withText,
  }: {
    readonly conflict: TreeConflict;
    readonly moved: boolean;
    readonly withText: boolean;
  },
): Promise<Conflict> {
  const regions = folder === undefined && withText ? await regionsOf(objects, sides) : undefined;
  const hunks = regions === undefined ? undefined : hunksOf(regions);
  const reason =
    folder !== undefined
      ? "file-and-folder"
      : moved
        ? "moved"
        : reasonOf(sides, hunks !== undefined);
  return {
    path,
    reason,
    base: sideOf(sides.base),
    ours: sideOf(sides.ours),
    theirs: sideOf(sides.theirs),
    hunks,
  };
}

/** The text of a conflict as bytes, where all sides are texts. */
export async function regionsOf(
  objects: ObjectReader,
  { base, ours, theirs }: Sides<Slot>,
): Promise<ReadonlyArray<TextRegion> | undefined> {
  if (ours === undefined || theirs === undefined || ours.oid === theirs.oid) return undefined;
  const present = base === undefined ? [ours, theirs] : [base, ours, theirs];
  if (!present.every(isRegular)) return undefined;
  const texts = await Promise.all(present.map(async ({ oid }) => readObject(objects, oid, "blob")));
  // A pointer of Git LFS has lines, and is one thing all the same.
  const isOneThing = (text: Uint8Array): boolean =>
    kindOf(text) !== "text" || parseLfsPointer(text) !== undefined;
  if (texts.some(isOneThing)) return undefined;
  const [theirText, ourText, baseText] = texts.toReversed();
  if (ourText === undefined || theirText === undefined) return undefined;
  return mergeTextRegions({ base: baseText, ours: ourText, theirs: theirText });
}

/** `undefined` where some of it is not UTF-8: an editor could not write it back. */
function hunksOf(regions: ReadonlyArray<TextRegion>): ReadonlyArray<Hunk> | undefined {
  const hunks: Hunk[] = [];
  for (const region of regions) {
    const hunk = hunkOf(region);
    if (hunk === undefined) return undefined;
    hunks.push(hunk);
  }
  return hunks;
}

function hunkOf(region: TextRegion): Hunk | undefined {
  if (region.kind === "merged") {
    const text = parseUtf8(region.bytes);
    return text === undefined ? undefined : { kind: "merged", text };
  }
  const [base, ours, theirs] = [region.base, region.ours, region.theirs].map((bytes: Bytes) =>
    parseUtf8(bytes),
  );
  if (base === undefined || ours === undefined || theirs === undefined) return undefined;
  return { kind: "conflict", base, ours, theirs };
}

function reasonOf({ base, ours, theirs }: Sides<Slot>, isText: boolean): ConflictReason {
  if (ours === undefined) return "deleted-in-ours";
  if (theirs === undefined) return "deleted-in-theirs";
  if (isRegular(ours) !== isRegular(theirs)) return "kinds";
  if (base === undefined) return "added-apart";
  return isText ? "text" : "bytes";
}

function sideOf(slot: Slot | undefined): ConflictSide | undefined {
  return slot && { kind: shownKindOf(slot.kind), oid: slot.oid };
}
