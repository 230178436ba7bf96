/** Three-way merging of trees: folder by folder, file by file, by name. */

import { compare } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import { LimitExceededError } from "@skein/protocol/errors";
import type { ObjectId } from "@skein/protocol/ids";
import { treeDepthMax } from "@skein/protocol/limits";
import { keyOf, nameOf } from "./byte-key.ts";
import { mergeText, mergeTextWithMarkers } from "./merge-text.ts";
import { formatTree } from "./object.ts";
import type { TreeEntry } from "./object.ts";
import { canonicalMode, readEntries, readObject } from "./overlay.ts";
import type { Overlay } from "./overlay.ts";
import { formatPath } from "./tree-path.ts";

export interface Sides<T> {
  readonly base: T | undefined;
  readonly ours: T | undefined;
  readonly theirs: T | undefined;
}

export interface MergedTrees {
  /** `undefined`: nothing is left. */
  readonly tree: ObjectId | undefined;
  readonly conflicts: ReadonlyArray<TreeConflict>;
}

/** A path that needs a person. Until then a blob stands there that no side can agree with. */
export interface TreeConflict {
  readonly path: string;
  readonly sides: Sides<Slot>;
  /** Where a side has a folder and another a file: what the folders merge to. */
  readonly folder: ObjectId | undefined;
}

/**
 * A merge at depth 0 lists its conflicts. A deeper one makes the base for the merge above it: a text in conflict
 * becomes both sides between markers, and anything else in conflict a blob that no side can agree with. Both tell
 * their depth, so that a conflict is never equal to one of another depth.
 */
export async function mergeTrees(
  overlay: Overlay,
  trees: Sides<ObjectId>,
  depth: number,
): Promise<MergedTrees> {
  const work: Work = { overlay, depth, conflicts: [], entries: 0 };
  const tree = await mergeFolder(work, trees, []);
  return { tree, conflicts: work.conflicts };
}

interface Work {
  readonly overlay: Overlay;
  readonly depth: number;
  readonly conflicts: TreeConflict[];
  entries: number;
}

type Path = ReadonlyArray<Bytes>;
/** What stands at a name. */
export type Slot = Pick<TreeEntry, "kind" | "oid">;

async function mergeFolder(
  work: Work,
  { base, ours, theirs }: Sides<ObjectId>,
  path: Path,
): Promise<ObjectId | undefined> {
  if (ours === theirs || theirs === base) return ours;
  if (ours === base) return theirs;
  assertLimits(work, path);
  const merged: Array<Pick<TreeEntry, "mode" | "name" | "oid">> = [];
  const rows = await alignEntries(work.overlay, { base, ours, theirs });
  for (const [key, row] of rows) {
    work.entries++;
    const name = nameOf(key);
    // oxlint-disable-next-line no-await-in-loop -- conflicts are told in the order of names.
    const slot = await mergeEntry(work, row, [...path, name]);
    if (slot !== undefined) merged.push({ name, mode: canonicalMode(slot.kind), oid: slot.oid });
  }
  return merged.length === 0 ? undefined : work.overlay.write("tree", formatTree(merged));
}

/** What is a file on one side may be a folder on another: both are merged, and only one of them may be left. */
async function mergeEntry(
  work: Work,
  row: Sides<TreeEntry>,
  path: Path,
): Promise<Slot | undefined> {
  const folder = await mergeFolder(work, onSides(row, folderOf), path);
  const file = await mergeFile(work, onSides(row, fileOf), path);
  if (folder === undefined) return file;
  if (file !== undefined) return conflict(work, path, { sides: row, folder });
  return { kind: "tree", oid: folder };
}

async function mergeFile(work: Work, sides: Sides<Slot>, path: Path): Promise<Slot | undefined> {
  const { base, ours, theirs } = sides;
  if (isAlike(ours, theirs) || isAlike(theirs, base)) return ours;
  if (isAlike(ours, base)) return theirs;
  if (ours === undefined || theirs === undefined) return conflict(work, path, { sides });
  const kind = mergeKind(base, ours, theirs);
  const oid = kind && (await mergeContents(work, { base, ours, theirs }));
  return kind === undefined || oid === undefined ? conflict(work, path, { sides }) : { kind, oid };
}

/** A file may become executable on one side while its text changes on the other; it may not become a link. */
export function mergeKind(
  base: Slot | undefined,
  ours: Slot,
  theirs: Slot,
): Slot["kind"] | undefined {
  if (ours.kind === theirs.kind) return ours.kind;
  if (base === undefined || ![base, ours, theirs].every(isRegular)) return undefined;
  return ours.kind === base.kind ? theirs.kind : ours.kind;
}

async function mergeContents(
  { overlay, depth }: Work,
  sides: { readonly base: Slot | undefined; readonly ours: Slot; readonly theirs: Slot },
): Promise<ObjectId | undefined> {
  const known = sides.base?.oid;
  if (sides.ours.oid === sides.theirs.oid || sides.theirs.oid === known) return sides.ours.oid;
  if (sides.ours.oid === known) return sides.theirs.oid;
  // Two files that were added apart have nothing in common to merge from; links and submodules have no lines.
  if (sides.base === undefined || ![sides.base, sides.ours, sides.theirs].every(isRegular))
    return undefined;
  const [base, ours, theirs] = await Promise.all([
    readObject(overlay, sides.base.oid, "blob"),
    readObject(overlay, sides.ours.oid, "blob"),
    readObject(overlay, sides.theirs.oid, "blob"),
  ]);
  const texts = { base, ours, theirs };
  const merged = mergeText(texts) ?? (depth > 0 ? mergeTextWithMarkers(texts, depth) : undefined);
  return merged === undefined ? undefined : overlay.write("blob", merged);
}

function conflict(
  work: Work,
  path: Path,
  { sides, folder }: { readonly sides: Sides<Slot>; readonly folder?: ObjectId },
): Slot {
  const told = formatPath(path);
  // A file in conflict whose folder of the same name stays is told once, with the folder.
  if (work.conflicts.at(-1)?.path === told) work.conflicts.pop();
  work.conflicts.push({ path: told, sides, folder });
  // A NUL makes it binary, so whatever the sides of a later merge disagree about here is a conflict again.
  const oid = work.overlay.write("blob", new Uint8Array(work.depth + 1));
  return { kind: "file", oid };
}

async function alignEntries(
  overlay: Overlay,
  trees: Sides<ObjectId>,
): Promise<ReadonlyArray<readonly [key: string, row: Sides<TreeEntry>]>> {
  const [base, ours, theirs] = await Promise.all(
    [trees.base, trees.ours, trees.theirs].map(async (tree) => {
      const entries = await readEntries(overlay, tree);
      return new Map(entries.map((entry) => [keyOf(entry.name), entry]));
    }),
  );
  const keys = new Set([
    ...(base?.keys() ?? []),
    ...(ours?.keys() ?? []),
    ...(theirs?.keys() ?? []),
  ]);
  return [...keys]
    .toSorted((one, other) => compare(nameOf(one), nameOf(other)))
    .map((key) => [key, { base: base?.get(key), ours: ours?.get(key), theirs: theirs?.get(key) }]);
}

function onSides<T, U>(sides: Sides<T>, of: (side: T | undefined) => U | undefined): Sides<U> {
  return { base: of(sides.base), ours: of(sides.ours), theirs: of(sides.theirs) };
}

function folderOf(entry: TreeEntry | undefined): ObjectId | undefined {
  return entry?.kind === "tree" ? entry.oid : undefined;
}

function fileOf(entry: TreeEntry | undefined): TreeEntry | undefined {
  return entry?.kind === "tree" ? undefined : entry;
}

function isAlike(one: Slot | undefined, other: Slot | undefined): boolean {
  return one?.oid === other?.oid && one?.kind === other?.kind;
}

export function isRegular({ kind }: Slot): boolean {
  return kind === "file" || kind === "executable";
}

function assertLimits(work: Work, path: Path): void {
  if (path.length > treeDepthMax)
    throw new LimitExceededError("folders in folders", { actual: path.length, most: treeDepthMax });
  if (work.entries > mergedEntriesMax)
    throw new LimitExceededError("entries merged", {
      actual: work.entries,
      most: mergedEntriesMax,
    });
}

/** Names looked at in one merge, all folders that differ on both sides together. */
const mergedEntriesMax = 1_000_000;
