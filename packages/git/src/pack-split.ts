/** Cuts a large pack into segments: each is a pack that stands on its own, of entries copied as they are. */

/* oxlint-disable eslint/no-await-in-loop -- a segment is written one entry after the other. */

import { formatHex } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { formatIdx, sortByOid, type PackColumns } from "./idx.ts";
import { hashBytes } from "./object-hash.ts";
import type { GitObject } from "./object.ts";
import { formatOffsetDeltaHeader, readEntryHeader, type EntryHeader } from "./pack-entry.ts";
import { openPackWriter, wholeEntry, type PackWriter } from "./pack-write.ts";
import type { MadePack } from "./stored-pack.ts";

export interface Splitting {
  /** In the order of the pack. */
  readonly columns: PackColumns;
  /** Where its last entry ends. */
  readonly end: number;
  /** Bytes of the pack, which must not be changed. */
  readonly bytes: (start: number, end: number) => Promise<Uint8Array>;
  /** The index of an id: among the columns or, behind those, among what the pack builds on. Or -1. */
  readonly find: (id: Uint8Array, offset: number) => number;
  readonly read: (index: number) => Promise<GitObject>;
}

/**
 * One segment after the other, each of at most `most` bytes unless a single object is more. A base that stands in another
 * segment, or was left out, is there once more, whole: native git wants every base in the same pack.
 */
export async function* splitPack(
  given: Splitting,
  most: number,
): AsyncGenerator<MadePack, void, void> {
  const { count, offsets } = given.columns;
  let segment = openSegment(Math.min(most, given.end + trailerBytes));
  for (let index = 0; index < count; index++) {
    if (segment.places.has(index)) continue;
    const start = offsets[index] ?? 0;
    const end = index + 1 < count ? (offsets[index + 1] ?? 0) : given.end;
    const entry = readEntry(given, index, await given.bytes(start, end));
    let missing = await missingBase(given, segment, entry);
    const room = end - start + growthBytes + lengthOf(missing?.parts ?? []);
    if (segment.writer.offset() + room > most - trailerBytes && segment.writer.count() > 0) {
      yield finish(segment.writer);
      segment = openSegment(Math.min(most, given.end + trailerBytes));
      missing = await missingBase(given, segment, entry);
    }
    putEntry(segment, entry, missing);
  }
  if (segment.writer.count() > 0) yield finish(segment.writer);
}

interface Segment {
  readonly writer: PackWriter;
  /** Where in the segment the objects begin that are in it. */
  readonly places: Map<number, number>;
}

interface Entry {
  readonly index: number;
  readonly id: Uint8Array;
  readonly bytes: Uint8Array;
  readonly header: EntryHeader;
  /** The index of its base, or -1. */
  readonly base: number;
}

/** An object, whole. */
interface Whole {
  readonly id: Uint8Array;
  readonly parts: ReadonlyArray<Uint8Array>;
}

function openSegment(roomBytes: number): Segment {
  return { writer: openPackWriter({ roomBytes }), places: new Map() };
}

function readEntry(given: Splitting, index: number, bytes: Uint8Array): Entry {
  const { oids, offsets } = given.columns;
  const header = readEntryHeader(bytes, 0);
  assert(header !== undefined, "an entry that was read can be read again");
  const id = oids.subarray(index * 20, index * 20 + 20);
  const base = baseOf(given, offsets[index] ?? 0, { bytes, header });
  return { index, id, bytes, header, base };
}

/** The entry's base, if it has one that is not in the segment. */
async function missingBase(
  { read }: Splitting,
  { places }: Segment,
  { base }: Entry,
): Promise<Whole | undefined> {
  if (base < 0 || places.has(base)) return undefined;
  const object = await read(base);
  return { id: hashBytes(object.type, object.bytes), parts: wholeEntry(object) };
}

function putEntry({ writer, places }: Segment, entry: Entry, missing: Whole | undefined): void {
  const { index, id, bytes, header, base } = entry;
  if (missing !== undefined) {
    places.set(base, writer.offset());
    writer.append(missing.id, ...missing.parts);
  }
  const offset = writer.offset();
  places.set(index, offset);
  if (header.form === "whole") {
    writer.append(id, bytes);
    return;
  }
  const head = formatOffsetDeltaHeader(header.size, offset - (places.get(base) ?? 0));
  writer.append(id, head, bytes.subarray(header.data));
}

function baseOf(
  { columns, find }: Splitting,
  start: number,
  { bytes, header }: { readonly bytes: Uint8Array; readonly header: EntryHeader },
): number {
  if (header.form === "whole") return -1;
  const base =
    header.form === "ref-delta"
      ? find(bytes, header.base)
      : indexAt(columns, start - header.distance);
  assert(base >= 0, "every base is known");
  return base;
}

function lengthOf(parts: ReadonlyArray<Uint8Array>): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function indexAt({ offsets, count }: PackColumns, offset: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return offsets[low] === offset ? low : -1;
}

function finish(writer: PackWriter): MadePack {
  const { pack, columns } = writer.finish();
  const packHash = pack.subarray(-trailerBytes);
  const idx = formatIdx(columns, sortByOid(columns.oids, columns.count), packHash);
  return { name: formatHex(packHash), pack, idx };
}

const trailerBytes = 20;
/** What a header may grow by when its base moves. */
const growthBytes = 8;
