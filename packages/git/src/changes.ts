/** What a commit changed against its first parent. */

import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { changedTextBytesMax } from "@skein/protocol/limits";
import type { TreeEntry } from "./object.ts";
import { readObject } from "./overlay.ts";
import { readDifferences } from "./history-follow.ts";
import type { ObjectReader } from "./overlay.ts";
import { findRenames } from "./renames.ts";
import type { Rename } from "./renames.ts";
import { diffTrees } from "./tree-diff.ts";
import type { TreeDifference } from "./tree-diff.ts";
import { formatPath } from "./tree-path.ts";
import { kindOf } from "./tree.ts";

export interface ChangedFile {
  readonly path: string;
  readonly kind: "added" | "changed" | "deleted";
  /** Undefined where there is none, or where the file is binary or over `changedTextBytesMax`. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly binary: boolean;
  /** Where it stood before, when renames were asked for; how much of it stayed, of 100. */
  readonly moved?: { readonly from: string; readonly likeness: number } | undefined;
}

export interface ChangedFiles {
  readonly files: ReadonlyArray<ChangedFile>;
  /** There are more files than are listed. */
  readonly more: boolean;
}

/** Files listed for one commit. */
export const changedFilesMax = 1_000;
/** All texts of one commit together; files after that are listed without their texts. */
export const changedTextsBytesMax = 16 * 1024 * 1024;

export async function readChanges(
  objects: ObjectReader,
  trees: { readonly before: ObjectId | undefined; readonly after: ObjectId },
  { renames = false }: { readonly renames?: boolean | undefined } = {},
): Promise<ChangedFiles> {
  const all = renames ? await readDifferences(objects, trees) : undefined;
  const moves = all === undefined ? new Map<string, Rename>() : await findRenames(objects, all);
  const left = new Set([...moves.values()].map(({ from }) => from));
  const files: ChangedFile[] = [];
  let room = changedTextsBytesMax;
  for await (const difference of all ?? diffTrees(objects, trees)) {
    const path = formatPath(difference.path);
    // A file that was moved is told where it came to.
    if (difference.after === undefined && left.has(path)) continue;
    if (files.length === changedFilesMax) return { files, more: true };
    const { file, bytes } = await readFile(objects, difference, { move: moves.get(path), room });
    files.push(file);
    room -= bytes;
  }
  return { files, more: false };
}

async function readFile(
  objects: ObjectReader,
  { path, before: there, after }: TreeDifference,
  { move, room }: { readonly move: Rename | undefined; readonly room: number },
): Promise<{ readonly file: ChangedFile; readonly bytes: number }> {
  const before = there ?? move?.before;
  const was = await readSide(objects, before, room);
  const is = await readSide(objects, after, room - was.bytes);
  const file: ChangedFile = {
    path: formatPath(path),
    kind: before === undefined ? "added" : after === undefined ? "deleted" : "changed",
    before: was.text,
    after: is.text,
    binary: was.binary || is.binary,
    ...(move && { moved: { from: move.from, likeness: move.likeness } }),
  };
  return { file, bytes: was.bytes + is.bytes };
}

interface Side {
  readonly text: string | undefined;
  readonly binary: boolean;
  readonly bytes: number;
}

async function readSide(
  objects: ObjectReader,
  entry: TreeEntry | undefined,
  room: number,
): Promise<Side> {
  if (entry === undefined || room <= 0) return { text: undefined, binary: false, bytes: 0 };
  const bytes = await contentOf(objects, entry);
  if (kindOf(bytes) !== "text") return { text: undefined, binary: true, bytes: 0 };
  if (bytes.length > Math.min(changedTextBytesMax, room))
    return { text: undefined, binary: false, bytes: 0 };
  return { text: parseUtf8(bytes), binary: false, bytes: bytes.length };
}

/** A submodule shows the commit it stands at, as git shows it. */
async function contentOf(objects: ObjectReader, entry: TreeEntry): Promise<Bytes> {
  return entry.kind === "submodule"
    ? formatUtf8(`Subproject commit ${entry.oid}\n`)
    : readObject(objects, entry.oid, "blob");
}
