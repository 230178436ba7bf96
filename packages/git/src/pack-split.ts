/** Cuts a large pack into segments: each is a pack that stands on its own, of entries copied as they are. */

import { formatHex } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { formatIdx, sortByOid, type PackColumns } from "./idx.ts";
import type { GitObject } from "./object.ts";
import { formatOffsetDeltaHeader, readEntryHeader, type EntryHeader } from "./pack-entry.ts";
import { openPackWriter, wholeEntry, type PackWriter } from "./pack-write.ts";
import type { MadePack } from "./stored-pack.ts";

export interface Splitting {
  readonly pack: Uint8Array;
  /** In the order of the pack. */
  readonly columns: PackColumns;
  /** The index of an id among them, or -1. */
  readonly find: (id: Uint8Array, offset: number) => number;
  readonly read: (index: number) => GitObject;
}

/**
 * One segment after the other, each of at most `most` bytes unless a single object is more. A base that stands in another
 * segment is there once more, whole: native git wants every base in the same pack.
 */
export function* splitPack(given: Splitting, most: number): Generator<MadePack> {
  const { pack, columns } = given;
  const { count, offsets } = columns;
  let segment = openSegment(given);
  for (let index = 0; index < count; index++) {
    const start = offsets[index] ?? 0;
    const end = index + 1 < count ? (offsets[index + 1] ?? 0) : pack.length - trailerBytes;
    const header = readEntryHeader(pack, start);
    assert(header !== undefined, "an entry that was read can be read again");
    const entry: Entry = { index, start, end, header, base: baseOf(given, start, header) };
    if (segment.places.has(index)) continue;
    const missing = missingBase(given, segment, entry);
    const room = end - start + growthBytes + missing.reduce((sum, part) => sum + part.length, 0);
    if (segment.writer.offset() + room > most - trailerBytes && segment.writer.count() > 0) {
      yield finish(segment.writer);
      segment = openSegment(given);
      putEntry(given, segment, { entry, missing: missingBase(given, segment, entry) });
    } else putEntry(given, segment, { entry, missing });
  }
  if (segment.writer.count() > 0) yield finish(segment.writer);
}

interface Segment {
  readonly writer: PackWriter;
  /** Where in the segment the objects begin that are in it. */
  readonly places: Map<number, number>;
  readonly idOf: (index: number) => Uint8Array;
}

interface Entry {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly header: EntryHeader;
  /** The index of its base, or -1. */
  readonly base: number;
}

function openSegment({ columns }: Splitting): Segment {
  return {
    writer: openPackWriter(),
    places: new Map(),
    idOf: (index) => columns.oids.subarray(index * 20, index * 20 + 20),
  };
}

/** The entry's base whole, if it has one that is not in the segment. */
function missingBase(
  { read }: Splitting,
  { places }: Segment,
  { base }: Entry,
): ReadonlyArray<Uint8Array> {
  return base < 0 || places.has(base) ? [] : wholeEntry(read(base));
}

function putEntry(
  { pack }: Splitting,
  { writer, places, idOf }: Segment,
  { entry, missing }: { readonly entry: Entry; readonly missing: ReadonlyArray<Uint8Array> },
): void {
  const { index, start, end, header, base } = entry;
  if (missing.length > 0) {
    places.set(base, writer.offset());
    writer.append(idOf(base), ...missing);
  }
  const offset = writer.offset();
  places.set(index, offset);
  if (header.form === "whole") {
    writer.append(idOf(index), pack.subarray(start, end));
    return;
  }
  const distance = offset - (places.get(base) ?? 0);
  const head = formatOffsetDeltaHeader(header.size, distance);
  writer.append(idOf(index), head, pack.subarray(header.data, end));
}

function baseOf({ pack, columns, find }: Splitting, start: number, header: EntryHeader): number {
  if (header.form === "whole") return -1;
  const base =
    header.form === "ref-delta"
      ? find(pack, header.base)
      : indexAt(columns, start - header.distance);
  assert(base >= 0, "every base is in the pack");
  return base;
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
