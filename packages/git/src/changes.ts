/** What a commit changed against its first parent. */

import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { changedTextBytesMax } from "@skein/protocol/limits";
import type { TreeEntry } from "./object.ts";
import { readObject } from "./overlay.ts";
import type { ObjectReader } from "./overlay.ts";
import { diffTrees } from "./tree-diff.ts";
import { formatPath } from "./tree-path.ts";
import { kindOf } from "./tree.ts";

export interface ChangedFile {
  readonly path: string;
  readonly kind: "added" | "changed" | "deleted";
  /** Undefined where there is none, or where the file is binary or over `changedTextBytesMax`. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly binary: boolean;
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
): Promise<ChangedFiles> {
  const files: ChangedFile[] = [];
  let room = changedTextsBytesMax;
  for await (const { path, before, after } of diffTrees(objects, trees)) {
    if (files.length === changedFilesMax) return { files, more: true };
    const was = await readSide(objects, before, room);
    const is = await readSide(objects, after, room - was.bytes);
    room -= was.bytes + is.bytes;
    files.push({
      path: formatPath(path),
      kind: before === undefined ? "added" : after === undefined ? "deleted" : "changed",
      before: was.text,
      after: is.text,
      binary: was.binary || is.binary,
    });
  }
  return { files, more: false };
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
