/** What leaves a repository as files: a zip of a commit, or one file of it. */

import { concat, formatUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { exportName, exportNames } from "./export-names.ts";
import type { Commits } from "./history-commits.ts";
import type { TreeEntry } from "./object.ts";
import { readEntries, readObject } from "./overlay.ts";
import type { ObjectReader } from "./overlay.ts";
import type { Breathe, LongWork } from "./stop-signal.ts";
import { parsePath } from "./tree-path.ts";
import { readFileAt } from "./tree.ts";
import { writeZip } from "./zip-write.ts";
import type { ZippedFile } from "./zip-write.ts";

interface Source {
  readonly objects: ObjectReader;
  readonly commits: Commits;
  readonly breathe?: Breathe | undefined;
}

export interface ZipAsked extends LongWork {
  readonly commit: ObjectId;
  /** A folder that all files of the zip stand in. */
  readonly folder?: string | undefined;
}

/** Piece by piece. A link is a file with its text in it, a submodule an empty folder. */
export async function* zipCommit(from: Source, asked: ZipAsked): AsyncGenerator<Bytes, void, void> {
  const commit = await from.commits.read(asked.commit);
  const prefix = asked.folder === undefined ? "" : `${exportName(formatUtf8(asked.folder))}/`;
  yield* writeZip(listFiles(from, asked, { tree: commit.tree, prefix }), commit.committer.at);
}

export async function exportZip(from: Source, asked: ZipAsked): Promise<Bytes> {
  const parts: Bytes[] = [];
  for await (const part of zipCommit(from, asked)) parts.push(part);
  return concat(...parts);
}

export interface ExportedFile {
  /** As any file system can hold it. */
  readonly name: string;
  readonly bytes: Bytes;
}

/** `undefined`: there is no such file. */
export async function exportFile(
  { objects, commits }: Source,
  commit: ObjectId,
  path: string,
): Promise<ExportedFile | undefined> {
  const { tree } = await commits.read(commit);
  const file = await readFileAt(objects, tree, { path });
  const name = parsePath(path)?.at(-1);
  return file && name && { name: exportName(name), bytes: file.bytes };
}

async function* listFiles(
  from: Source,
  work: LongWork,
  root: { readonly tree: ObjectId; readonly prefix: string },
): AsyncGenerator<ZippedFile, void, void> {
  const folders = [root];
  let done = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const { tree, prefix } = folder;
    // oxlint-disable-next-line no-await-in-loop -- one file at a time is in memory.
    const entries = await readEntries(from.objects, tree);
    const names = exportNames(entries.map(({ name }) => name));
    const inside: Array<typeof root> = [];
    for (const [index, entry] of entries.entries()) {
      const path = `${prefix}${names[index] ?? ""}`;
      if (entry.kind === "tree") {
        inside.push({ tree: entry.oid, prefix: `${path}/` });
        continue;
      }
      // oxlint-disable-next-line no-await-in-loop
      yield await readZipped(from.objects, entry, path);
      if (++done % filesPerTurn !== 0) continue;
      work.signal.throwIfAborted();
      work.onProgress?.({ phase: "writing", done, total: done });
      // oxlint-disable-next-line no-await-in-loop
      await from.breathe?.();
    }
    folders.push(...inside.toReversed());
  }
}

async function readZipped(
  objects: ObjectReader,
  entry: TreeEntry,
  path: string,
): Promise<ZippedFile> {
  if (entry.kind === "submodule")
    return { path: `${path}/`, bytes: new Uint8Array(), executable: false };
  const bytes = await readObject(objects, entry.oid, "blob");
  return { path, bytes, executable: entry.kind === "executable" };
}

const filesPerTurn = 64;
