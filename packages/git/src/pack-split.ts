/** Cuts a large pack into segments: each is a pack that stands on its own, of entries copied as they are. */

/* oxlint-disable eslint/no-await-in-loop -- a segment is written one entry after the other. */

import { formatHex } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { crc32 } from "./crc32.ts";
import { formatIdx, sortByOid, type PackColumns } from "./idx.ts";
import { hashBytes } from "./object-hash.ts";
import type { GitObject } from "./object.ts";
import { formatOffsetDeltaHeader, readEntryHeader } from "./pack-entry.ts";
import { openPackWriter, wholeEntry, type PackWriter } from "./pack-write.ts";
import { StorageDamagedError, type MadePack } from "./stored-pack.ts";

export interface Splitting {
  /** In the order of the pack. */
  readonly columns: PackColumns;
  /** Where its last entry ends. */
  readonly end: number;
  /** Bytes of the pack, which must not be changed. */
  readonly bytes: (start: number, end: number) => Promise<Uint8Array>;
  /** What each entry stands on, by index, or -1. Behind the entries come the bases that the pack left out. No circles. */
  readonly bases: Int32Array;
  /** Reads a base that was left out, or an entry that is a delta and is said to stand on nothing. */
  readonly read: (index: number) => Promise<GitObject>;
  /** Gives way, and throws if the work is to stop. */
  readonly turn: () => Promise<void>;
}

/**
 * One segment after the other. What stands on the same object comes together, so that only a chain that is cut is there
 * once more, copied as it is: native git wants every base in the same pack. A segment is more than `most` bytes only for a
 * single object, or for what stands on a chain of more than a third of that: a chain is not copied before twice as many
 * bytes stand behind it. So all segments together are at most one and a half times what is in them.
 */
export async function* splitPack(
  given: Splitting,
  most: number,
): AsyncGenerator<MadePack, void, void> {
  const roomBytes = Math.min(most, given.end + trailerBytes);
  const places = new Uint32Array(given.bases.length);
  /** How long the chain is that ends with each. */
  const chains = new Float64Array(given.bases.length);
  let segment: Segment = { writer: openPackWriter({ roomBytes }), places, fresh: 0 };
  let since = 0;
  for (const index of inFamilies(given.bases)) {
    const entry = await readEntry(given, index);
    const base = given.bases[index] ?? -1;
    const chain = base < 0 ? 0 : (chains[base] ?? 0);
    chains[index] = chain + entry.bytes;
    const isFull = segment.writer.offset() + entry.bytes > most - trailerBytes;
    if (isFull && segment.writer.count() > 0 && segment.fresh >= 2 * chain) {
      yield finish(segment.writer);
      await given.turn();
      segment = { writer: openPackWriter({ roomBytes }), places, fresh: 0 };
      for (const above of chainOf(given.bases, base))
        put(segment, given.bases, await readEntry(given, above));
    }
    put(segment, given.bases, entry);
    segment.fresh += entry.bytes;
    since += entry.bytes;
    if (since < turnBytes) continue;
    since = 0;
    await given.turn();
  }
  if (segment.writer.count() > 0) yield finish(segment.writer);
  await given.turn();
}

interface Segment {
  readonly writer: PackWriter;
  /** Where objects begin. Of the chain that is being written, all is in this segment. */
  readonly places: Uint32Array;
  /** Bytes of it that are in no segment before. */
  fresh: number;
}

interface Entry {
  readonly index: number;
  readonly id: Uint8Array;
  /** How long it is, at the most. */
  readonly bytes: number;
  /** Of a delta, how long it is once inflated; its header is made anew. */
  readonly deltaSize: number | undefined;
  readonly parts: ReadonlyArray<Uint8Array>;
}

/** Every index after what it stands on, and all that stands on one object before anything else. */
function* inFamilies(bases: Int32Array): Generator<number, void, void> {
  const { firsts, nexts } = familiesOf(bases);
  let seen = 0;
  for (const [root, base] of bases.entries()) {
    if (base >= 0) continue;
    for (let at = root; at >= 0;) {
      seen += 1;
      yield at;
      let next = firsts[at] ?? -1;
      for (; next < 0 && at !== root; at = bases[at] ?? -1) next = nexts[at] ?? -1;
      at = next;
    }
  }
  assert(seen === bases.length, "no entry stands on itself");
}

/** The first that stands on each, and for each the next that stands on the same, or -1. */
function familiesOf(bases: Int32Array): {
  readonly firsts: Int32Array;
  readonly nexts: Int32Array;
} {
  const firsts = new Int32Array(bases.length).fill(-1);
  const nexts = new Int32Array(bases.length).fill(-1);
  for (let index = bases.length - 1; index >= 0; index--) {
    const base = bases[index] ?? -1;
    if (base < 0) continue;
    nexts[index] = firsts[base] ?? -1;
    firsts[base] = index;
  }
  return { firsts, nexts };
}

/** What stands on nothing comes first. */
function chainOf(bases: Int32Array, last: number): ReadonlyArray<number> {
  const chain: number[] = [];
  for (let at = last; at >= 0; at = bases[at] ?? -1) chain.push(at);
  return chain.toReversed();
}

async function readEntry(given: Splitting, index: number): Promise<Entry> {
  const { count, oids, offsets, crcs } = given.columns;
  const isDelta = (given.bases[index] ?? -1) >= 0;
  if (index < count) {
    const start = offsets[index] ?? 0;
    const end = index + 1 < count ? (offsets[index + 1] ?? 0) : given.end;
    const bytes = await given.bytes(start, end);
    // It may have waited on the device since it was read.
    if (crc32(bytes, 0, bytes.length) !== crcs[index])
      throw new StorageDamagedError(`What arrived is damaged at byte ${start}`);
    const header = readEntryHeader(bytes, 0);
    assert(header !== undefined, "an entry that was read can be read again");
    const id = oids.subarray(index * 20, index * 20 + 20);
    if (header.form === "whole")
      return { index, id, bytes: bytes.length, deltaSize: undefined, parts: [bytes] };
    if (isDelta) {
      const parts = [bytes.subarray(header.data)];
      return { index, id, bytes: bytes.length + growthBytes, deltaSize: header.size, parts };
    }
  }
  const object = await given.read(index);
  const parts = wholeEntry(object);
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  return { index, id: hashBytes(object.type, object.bytes), bytes, deltaSize: undefined, parts };
}

function put({ writer, places }: Segment, bases: Int32Array, entry: Entry): void {
  const { index, id, deltaSize, parts } = entry;
  const offset = writer.offset();
  places[index] = offset;
  if (deltaSize === undefined) {
    writer.append(id, ...parts);
    return;
  }
  const distance = offset - (places[bases[index] ?? 0] ?? 0);
  writer.append(id, formatOffsetDeltaHeader(deltaSize, distance), ...parts);
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
/** About 10 ms of work. */
const turnBytes = 1024 * 1024;
