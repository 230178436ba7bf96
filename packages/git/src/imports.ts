/** Files from elsewhere, taken in as one commit: the files of a zip, or of a folder. */

import { equal, formatUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { objectBytesMax, pathBytesMax, treeDepthMax } from "@skein/protocol/limits";
import { keyOf } from "./byte-key.ts";
import { cleanMessage, DraftRefusedError, signatureOf, writeCommit } from "./draft.ts";
import type { Signed } from "./draft.ts";
import { entryNameFault } from "./entry-name.ts";
import type { Commits } from "./history-commits.ts";
import type { ObjectStore } from "./object-store.ts";
import { keep, openOverlay } from "./overlay.ts";
import type { Overlay } from "./overlay.ts";
import type { Breathe, LongWork } from "./stop-signal.ts";
import { editTree } from "./tree-edit.ts";
import type { TreeEdit } from "./tree-edit.ts";
import { formatPath } from "./tree-path.ts";
import { readZip } from "./zip-read.ts";

export interface FileToImport {
  readonly names: ReadonlyArray<Uint8Array>;
  readonly bytes: Uint8Array;
  readonly kind: "file" | "executable" | "symlink";
}

export interface ImportAsked extends Signed, LongWork {
  /** The commit that the new one continues. */
  readonly parent: ObjectId | undefined;
  readonly message: string;
  /** Where all files stand in one folder, that folder is left out. */
  readonly leaveOutTopFolder?: boolean | undefined;
  /** What the parent has and the import has not: it stays, or it goes. */
  readonly others: "stay" | "go";
}

export interface ImportedFiles {
  readonly oid: ObjectId;
  readonly files: number;
  readonly skipped: ReadonlyArray<{ readonly path: string; readonly why: SkippedWhy }>;
}

export type SkippedWhy =
  /** Of another repository, or a name that git would not take. */
  | "bad-name"
  | "too-long"
  | "too-large"
  | "named-twice"
  | "file-and-folder"
  /** Notes of an operating system to itself. */
  | "system";

interface Source {
  readonly objects: ObjectStore;
  readonly commits: Commits;
  readonly breathe?: Breathe | undefined;
}

/** The path of a file in a folder that a person chose: what stands between slashes are names. */
export function namesOfPath(path: string): ReadonlyArray<Bytes> {
  return path.split("/").map(formatUtf8);
}

/** Stores the commit durably, and moves no ref. Throws `ZipRejectedError` and `DraftRefusedError`. */
export async function importZip(
  from: Source,
  zip: Uint8Array,
  asked: ImportAsked,
): Promise<ImportedFiles> {
  return importFiles(from, readZip(zip), asked);
}

/** Stores the commit durably, and moves no ref. Throws `DraftRefusedError`. */
export async function importFiles(
  from: Source,
  files: Iterable<FileToImport> | AsyncIterable<FileToImport>,
  asked: ImportAsked,
): Promise<ImportedFiles> {
  const parent = asked.parent === undefined ? undefined : await from.commits.read(asked.parent);
  const overlay = openOverlay(from.objects);
  const { edits, skipped } = await readEdits({ overlay, breathe: from.breathe }, files, asked);
  const kept = asked.others === "stay" ? parent?.tree : undefined;
  const laid = await editTree(overlay, kept, edits);
  if (laid === undefined || laid === parent?.tree) throw new DraftRefusedError("nothing-changed");
  const author = signatureOf(asked);
  asked.signal.throwIfAborted();
  const oid = writeCommit(overlay, asked, {
    tree: laid,
    parents: parent === undefined ? [] : [parent.oid],
    author,
    committer: author,
    message: cleanMessage(asked.message),
  });
  await keep(overlay, from.objects, oid);
  return { oid, files: edits.length, skipped };
}

async function readEdits(
  { overlay, breathe }: { readonly overlay: Overlay; readonly breathe: Breathe | undefined },
  files: Iterable<FileToImport> | AsyncIterable<FileToImport>,
  asked: ImportAsked,
): Promise<Pick<ImportedFiles, "skipped"> & { readonly edits: ReadonlyArray<TreeEdit> }> {
  const edits: TreeEdit[] = [];
  const skipped: Array<ImportedFiles["skipped"][number]> = [];
  const taken = openTaken();
  let length = 0;
  for await (const { names, bytes, kind } of files) {
    length += bytes.length;
    if (length > importedBytesMax) throw new DraftRefusedError("too-large");
    const fault = fileFault(names, bytes) ?? taken.add(names);
    if (fault === undefined) {
      const oid = overlay.write("blob", new Uint8Array(bytes));
      edits.push({ path: names.map((name) => new Uint8Array(name)), slot: { kind, oid } });
    } else skipped.push({ path: formatPath(names), why: fault });
    if ((edits.length + skipped.length) % filesPerTurn !== 0) continue;
    asked.signal.throwIfAborted();
    asked.onProgress?.({ phase: "reading", done: edits.length, total: edits.length });
    await breathe?.();
  }
  asked.signal.throwIfAborted();
  return { edits: asked.leaveOutTopFolder === true ? withoutTop(edits) : edits, skipped };
}

function fileFault(names: ReadonlyArray<Uint8Array>, bytes: Uint8Array): SkippedWhy | undefined {
  if (names.some((name) => systemNames.has(keyOf(name)))) return "system";
  const length = names.reduce((sum, name) => sum + name.length + 1, -1);
  if (names.length === 0 || length > pathBytesMax || names.length > treeDepthMax) return "too-long";
  for (const name of names) {
    const fault = entryNameFault(name);
    if (fault !== undefined) return fault === "largePathname" ? "too-long" : "bad-name";
  }
  return bytes.length > objectBytesMax ? "too-large" : undefined;
}

interface Taken {
  readonly add: (names: ReadonlyArray<Uint8Array>) => SkippedWhy | undefined;
}

/** A path is a file or a folder, and a file once. */
function openTaken(): Taken {
  const files = new Set<string>();
  const folders = new Set<string>();
  return {
    add: (names) => {
      const keys = names.map((_, index) =>
        names
          .slice(0, index + 1)
          .map(keyOf)
          .join("/"),
      );
      const file = keys.at(-1) ?? "";
      const above = keys.slice(0, -1);
      if (files.has(file)) return "named-twice";
      if (folders.has(file) || above.some((key) => files.has(key))) return "file-and-folder";
      files.add(file);
      for (const key of above) folders.add(key);
      return undefined;
    },
  };
}

function withoutTop(edits: ReadonlyArray<TreeEdit>): ReadonlyArray<TreeEdit> {
  const top = edits[0]?.path[0];
  const isCommon =
    top !== undefined &&
    edits.every(({ path }) => path.length > 1 && equal(path[0] ?? new Uint8Array(), top));
  return isCommon ? edits.map(({ path, slot }) => ({ path: path.slice(1), slot })) : edits;
}

const systemNames: ReadonlySet<string> = new Set(["__MACOSX", ".DS_Store", "Thumbs.db"]);
const filesPerTurn = 64;
/** All files of one import: they are in memory until they are stored. */
export const importedBytesMax = 256 * 1024 * 1024;
