/** Reading folders and files of a commit, by path. */

import { equal, parseUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { objectBytesMax } from "@skein/protocol/limits";
import { parseLfsPointer } from "./lfs.ts";
import type { LfsPointer } from "./lfs.ts";
import type { ObjectStore } from "./object-store.ts";
import type { EntryKind, TreeEntry as StoredEntry } from "./object.ts";
import { readEntries, readObject } from "./overlay.ts";
import type { ObjectReader } from "./overlay.ts";
import { formatPathName, parsePath } from "./tree-path.ts";

export interface TreeEntry {
  /** As `formatPathName` writes it: printable, and different for different names. */
  readonly name: string;
  readonly kind: "folder" | "file" | "link" | "submodule";
  readonly oid: ObjectId;
  /** For files and links, in bytes. */
  readonly size: number | undefined;
}

export interface FileContent {
  readonly oid: ObjectId;
  /** The first `bytesMax` bytes. */
  readonly bytes: Bytes;
  /** Of the whole file, in bytes. */
  readonly size: number;
  readonly kind: FileKind;
  /** Where the file is kept by Git LFS, and these bytes only name it. */
  readonly lfs: LfsPointer | undefined;
  readonly link: boolean;
}

export type FileKind = "text" | "image" | "binary";

/** What stands at a path, or `undefined`. The root is a folder. */
export async function findEntry(
  objects: ObjectReader,
  tree: ObjectId,
  path: string,
): Promise<Pick<StoredEntry, "mode" | "kind" | "oid"> | undefined> {
  const names = parsePath(path);
  if (names === undefined) return undefined;
  let entry: Pick<StoredEntry, "mode" | "kind" | "oid"> = {
    mode: 0o040000,
    kind: "tree",
    oid: tree,
  };
  for (const name of names) {
    if (entry.kind !== "tree") return undefined;
    // oxlint-disable-next-line no-await-in-loop -- each folder says where the next one is.
    const entries: ReadonlyArray<StoredEntry> = await readEntries(objects, entry.oid);
    const found = entries.find((candidate) => equal(candidate.name, name));
    if (found === undefined) return undefined;
    entry = found;
  }
  return entry;
}

/** In git's order. `undefined`: there is no such folder. */
export async function readFolder(
  objects: ObjectStore,
  tree: ObjectId,
  path: string,
): Promise<ReadonlyArray<TreeEntry> | undefined> {
  const folder = await findEntry(objects, tree, path);
  if (folder?.kind !== "tree") return undefined;
  const entries = await readEntries(objects, folder.oid);
  return Promise.all(
    entries.map(async ({ name, kind, oid }) => ({
      name: formatPathName(name),
      kind: shownKindOf(kind),
      oid,
      size: kind === "tree" || kind === "submodule" ? undefined : await objects.size(oid),
    })),
  );
}

/** A link is read as the text it holds, and never followed. `undefined`: there is no such file. */
export async function readFileAt(
  objects: ObjectReader,
  tree: ObjectId,
  at: { readonly path: string; readonly bytesMax?: number | undefined },
): Promise<FileContent | undefined> {
  const entry = await findEntry(objects, tree, at.path);
  if (entry === undefined || entry.kind === "tree" || entry.kind === "submodule") return undefined;
  const bytes = await readObject(objects, entry.oid, "blob");
  return {
    oid: entry.oid,
    bytes: bytes.subarray(0, at.bytesMax ?? objectBytesMax),
    size: bytes.length,
    kind: kindOf(bytes),
    lfs: parseLfsPointer(bytes),
    link: entry.kind === "symlink",
  };
}

/** Text is strict UTF-8 without NUL at its beginning: what an editor can show and write back unchanged. */
export function kindOf(bytes: Uint8Array): FileKind {
  if (isImage(bytes)) return "image";
  return isBinary(bytes) || !startsAsUtf8(bytes) ? "binary" : "text";
}

/** As git tells binary files: by a NUL among the first 8,000 bytes. */
export function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, binaryProbeBytes).includes(0);
}

function startsAsUtf8(bytes: Uint8Array): boolean {
  if (bytes.length <= textProbeBytes) return parseUtf8(bytes) !== undefined;
  // The cut may fall inside a character of up to four bytes.
  for (let cut = 0; cut < 4; cut++)
    if (parseUtf8(bytes.subarray(0, textProbeBytes - cut)) !== undefined) return true;
  return false;
}

/** By their first bytes. SVG is text: it is shown as its source, never drawn. */
function isImage(bytes: Uint8Array): boolean {
  return imageSignatures.some(({ at, signature }) =>
    equal(bytes.subarray(at, at + signature.length), signature),
  );
}

export function shownKindOf(kind: EntryKind): TreeEntry["kind"] {
  return shownKinds[kind];
}

const shownKinds: Readonly<Record<EntryKind, TreeEntry["kind"]>> = {
  file: "file",
  executable: "file",
  symlink: "link",
  tree: "folder",
  submodule: "submodule",
};

const binaryProbeBytes = 8_000;
const textProbeBytes = 64 * 1024;

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

const imageSignatures: ReadonlyArray<{ readonly at: number; readonly signature: Uint8Array }> = [
  { at: 0, signature: Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a) },
  { at: 0, signature: Uint8Array.of(0xff, 0xd8, 0xff) },
  { at: 0, signature: ascii("GIF87a") },
  { at: 0, signature: ascii("GIF89a") },
  { at: 8, signature: ascii("WEBP") },
  { at: 4, signature: ascii("ftypavif") },
];
