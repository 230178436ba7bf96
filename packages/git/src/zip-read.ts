/** Zips read: what their directory lists, with every size checked before it is believed and every checksum after. */

import type { Bytes } from "@skein/protocol/bytes";
import { SkeinError } from "@skein/protocol/errors";
import { objectBytesMax, packInflatedBytesMax } from "@skein/protocol/limits";
import { Inflate } from "fflate";
import { crc32 } from "./crc32.ts";

export interface UnzippedFile {
  /** Between slashes, as bytes: what they mean is for whoever takes them in. */
  readonly names: ReadonlyArray<Bytes>;
  readonly bytes: Bytes;
  readonly kind: "file" | "executable" | "symlink";
}

/** A file that is no zip, or one of a kind that cannot be read here. */
export class ZipRejectedError extends SkeinError {
  override readonly name = "ZipRejectedError";
  readonly code = "zip_rejected";
  readonly blame = "caller";
  readonly hint =
    "Make the zip again without a password, or take the files out and import the folder.";
}

/** Files one zip may hold. */
export const unzippedFilesMax = 65_535;

/** Throws `ZipRejectedError`. Folders are not told: they exist by what is in them. */
export function* readZip(bytes: Uint8Array): Generator<UnzippedFile, void, void> {
  const { count, start } = findDirectory(bytes);
  let offset = start;
  let room = packInflatedBytesMax;
  for (let index = 0; index < count; index++) {
    const entry = readEntry(bytes, offset);
    offset = entry.end;
    room -= entry.size;
    if (entry.size > objectBytesMax || room < 0)
      throw new ZipRejectedError("The zip holds more than can be taken in at once");
    const names = splitNames(entry.name);
    if (names.at(-1)?.length === 0) continue;
    yield { names, bytes: readContent(bytes, entry), kind: entry.kind };
  }
}

interface Directory {
  readonly count: number;
  readonly start: number;
}

/** It is found from the end: a comment of up to 65,535 bytes may follow it. */
function findDirectory(bytes: Uint8Array): Directory {
  const view = viewOf(bytes);
  const last = bytes.length - directoryEndBytes;
  for (let at = last; at >= 0 && at >= last - 0xffff; at--) {
    if (view.getUint32(at, true) !== directoryEndSignature) continue;
    if (at + directoryEndBytes + view.getUint16(at + 20, true) !== bytes.length) continue;
    const count = view.getUint16(at + 10, true);
    const start = view.getUint32(at + 16, true);
    if (start === 0xffff_ffff || count === 0xffff)
      throw new ZipRejectedError("The zip is of the large form (zip64), which is not read here");
    if (view.getUint16(at + 4, true) !== 0 || count !== view.getUint16(at + 8, true))
      throw new ZipRejectedError("The zip is one part of several");
    if (start > at) throw new ZipRejectedError("The zip's directory is not where it says");
    return { count, start };
  }
  throw new ZipRejectedError("This file is not a zip");
}

interface Entry {
  readonly name: Uint8Array;
  readonly kind: UnzippedFile["kind"];
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly local: number;
  readonly end: number;
}

function readEntry(bytes: Uint8Array, at: number): Entry {
  const view = viewOf(bytes);
  if (at + entryBytes > bytes.length || view.getUint32(at, true) !== entrySignature)
    throw new ZipRejectedError("The zip's directory is cut short");
  if ((view.getUint16(at + 8, true) & encryptedFlag) !== 0)
    throw new ZipRejectedError("The zip is locked with a password");
  const nameEnd = at + entryBytes + view.getUint16(at + 28, true);
  const end = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  if (end > bytes.length) throw new ZipRejectedError("The zip's directory is cut short");
  const isUnix = view.getUint16(at + 4, true) >> 8 === unix;
  return {
    name: bytes.subarray(at + entryBytes, nameEnd),
    kind: isUnix ? kindOfMode(view.getUint32(at + 38, true) >>> 16) : "file",
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    packed: view.getUint32(at + 20, true),
    size: view.getUint32(at + 24, true),
    local: view.getUint32(at + 42, true),
    end,
  };
}

function readContent(bytes: Uint8Array, entry: Entry): Bytes {
  const view = viewOf(bytes);
  const { local } = entry;
  if (local + localBytes > bytes.length || view.getUint32(local, true) !== localSignature)
    throw new ZipRejectedError("A file of the zip is not where its directory says");
  const start =
    local + localBytes + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (start + entry.packed > bytes.length) throw new ZipRejectedError("The zip is cut short");
  const packed = bytes.subarray(start, start + entry.packed);
  const content = unpack(packed, entry);
  if (content.length !== entry.size || crc32(content, 0, content.length) !== entry.crc)
    throw new ZipRejectedError("A file of the zip is damaged");
  return content;
}

function unpack(packed: Uint8Array, { method, size }: Entry): Bytes {
  if (method === stored) {
    if (packed.length !== size) throw new ZipRejectedError("A file of the zip is damaged");
    return new Uint8Array(packed);
  }
  if (method !== deflated)
    throw new ZipRejectedError(`The zip uses a compression (${method}) that is not read here`);
  if (size > packed.length * inflationMax + inflationMax)
    throw new ZipRejectedError("A file of the zip claims to be larger than it can be");
  return inflate(packed, size);
}

/** Stops soon after the first byte too many, whatever is still to come. */
function inflate(packed: Uint8Array, size: number): Bytes {
  const out = new Uint8Array(size);
  let length = 0;
  const inflater = new Inflate((chunk) => {
    if (length + chunk.length <= size) out.set(chunk, length);
    length += chunk.length;
  });
  try {
    for (let at = 0; at < packed.length; at += pieceBytes) {
      inflater.push(packed.subarray(at, at + pieceBytes), at + pieceBytes >= packed.length);
      if (length > size) break;
    }
  } catch (error) {
    throw new ZipRejectedError("A file of the zip is damaged", { cause: error });
  }
  if (length !== size) throw new ZipRejectedError("A file of the zip is not as long as it says");
  return out;
}

function splitNames(name: Uint8Array): ReadonlyArray<Bytes> {
  const names: Bytes[] = [];
  let start = 0;
  for (let at = name.indexOf(slash); at >= 0; at = name.indexOf(slash, start)) {
    names.push(name.slice(start, at));
    start = at + 1;
  }
  names.push(name.slice(start));
  return names.filter((part, index) => index > 0 || part.length > 0 || names.length === 1);
}

function kindOfMode(mode: number): UnzippedFile["kind"] {
  if ((mode & 0o170000) === 0o120000) return "symlink";
  return (mode & 0o100) === 0 ? "file" : "executable";
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const directoryEndBytes = 22;
const directoryEndSignature = 0x06054b50;
const entryBytes = 46;
const entrySignature = 0x02014b50;
const localBytes = 30;
const localSignature = 0x04034b50;
const encryptedFlag = 1;
const stored = 0;
const deflated = 8;
const unix = 3;
const slash = 0x2f;
/** What deflate can do at best. */
const inflationMax = 1_032;
const pieceBytes = 4_096;
