/** What is known of a pack while it is being read: which entries are resolved, and what the others wait for. */

import { formatHex, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { parseObjectId, type ObjectId } from "@skein/protocol/ids";
import {
  deltaChainMax,
  objectBytesMax,
  packInflatedBytesFree,
  packInflatedBytesMax,
  packInflationMax,
} from "@skein/protocol/limits";
import { openByteCache, type ByteCache } from "./byte-cache.ts";
import { applyDelta, readDeltaSizes } from "./delta.ts";
import { sortByOid } from "./idx.ts";
import { inflateAt } from "./inflate.ts";
import { hashBytes, oidBytes, type GitObject, type ObjectType } from "./object.ts";
import { codeOfType, readEntryHeader, typeOfPackCode, type EntryHeader } from "./pack-entry.ts";
import { openPackJudge, type PackJudge } from "./pack-judge.ts";
import { PackRejectedError } from "./pack-rejected.ts";

export interface PackReading {
  readonly pack: Uint8Array;
  readonly count: number;
  readonly oids: Bytes;
  readonly offsets: Uint32Array;
  readonly crcs: Uint32Array;
  readonly judge: PackJudge;
  /** Types as packs write them; 0 as long as an entry is not resolved. */
  readonly codes: Uint8Array;
  /** Deltas below each entry. */
  readonly depths: Uint16Array;
  /** The index of each delta's base; from `outsideBase` downwards, those that stand outside. */
  readonly bases: Int32Array;
  readonly outside: OutsideBase[];
  readonly waitingForIndex: Map<number, number[]>;
  readonly waitingForOid: Map<string, number[]>;
  /** Deltas whose base is resolved. The last goes first, so that its base is still at hand. */
  readonly ready: number[];
  readonly cache: ByteCache<number, { readonly bytes: Bytes }>;
  unresolved: number;
  inflatedBytes: number;
  repeatedBytes: number;
}

/** A base that a thin pack left out. */
export interface OutsideBase extends GitObject {
  readonly id: Bytes;
}

export function openPackReading(pack: Uint8Array, count: number): PackReading {
  return {
    pack,
    count,
    oids: new Uint8Array(count * 20),
    offsets: new Uint32Array(count),
    crcs: new Uint32Array(count),
    judge: openPackJudge(),
    codes: new Uint8Array(count),
    depths: new Uint16Array(count),
    bases: new Int32Array(count).fill(wholeBase),
    outside: [],
    waitingForIndex: new Map(),
    waitingForOid: new Map(),
    ready: [],
    cache: openByteCache(cacheBytes),
    unresolved: count,
    inflatedBytes: 0,
    repeatedBytes: 0,
  };
}

export function typeAt(reading: PackReading, index: number): ObjectType {
  const type = typeOfPackCode(reading.codes[index] ?? 0);
  assert(type !== undefined, "a resolved entry has a type");
  return type;
}

/** Reads the entry at `offset` for the first time and answers where it ends. */
export function readEntry(
  reading: PackReading,
  {
    index,
    offset,
    header,
  }: { readonly index: number; readonly offset: number; readonly header: EntryHeader },
): number {
  reading.offsets[index] = offset;
  claim(reading, header.size);
  const inflated = inflateAt(reading.pack, header.data, header.size);
  if (inflated === undefined)
    throw new PackRejectedError(`a broken zlib stream in the entry at byte ${offset}`);
  if (header.form === "whole") finish(reading, index, { type: header.type, bytes: inflated.bytes });
  else if (header.form === "ref-delta") {
    const base = formatHex(reading.pack.subarray(header.base, header.base + 20));
    wait(reading.waitingForOid, base, index);
  } else {
    const base = indexAt(reading, offset - header.distance, index);
    reading.bases[index] = base;
    if ((reading.codes[base] ?? 0) === 0) wait(reading.waitingForIndex, base, index);
    else resolve(reading, index, inflated.bytes);
  }
  return inflated.end;
}

/** Once all entries were seen: deltas whose base is named and stands in the pack. */
export function findBasesInside(reading: PackReading): void {
  if (reading.waitingForOid.size === 0) return;
  const order = sortByOid(reading.oids, reading.count);
  for (const [base, waiting] of reading.waitingForOid) {
    const index = findByOid(reading, order, base);
    if (index === undefined) continue;
    reading.waitingForOid.delete(base);
    wake(reading, waiting, index);
  }
}

/** Resolves one delta whose base is at hand. Answers its size, or `undefined` if there is none. */
export function resolveNext(reading: PackReading): number | undefined {
  const index = reading.ready.pop();
  if (index === undefined) return undefined;
  const delta = inflateEntry(reading, index);
  repeat(reading, delta.length);
  resolve(reading, index, delta);
  return delta.length;
}

export function missingBases(reading: PackReading): ReadonlyArray<ObjectId> {
  return [...reading.waitingForOid.keys()].flatMap((base) => parseObjectId(base) ?? []);
}

export function giveBase(reading: PackReading, oid: ObjectId, object: GitObject): void {
  const waiting = reading.waitingForOid.get(oid);
  if (waiting === undefined) return;
  reading.waitingForOid.delete(oid);
  claim(reading, object.bytes.length);
  reading.outside.push({ ...object, id: oidBytes(oid) });
  wake(reading, waiting, outsideBase - (reading.outside.length - 1));
}

/** The object at `index`, from the cache or made again from the nearest base that is. */
export function bytesOf(reading: PackReading, index: number): Bytes {
  const chain: number[] = [];
  let at = index;
  let bytes: Bytes | undefined;
  while (bytes === undefined) {
    const base = reading.bases[at] ?? wholeBase;
    bytes = reading.cache.read(at)?.bytes;
    if (bytes !== undefined) break;
    if (base === wholeBase) {
      bytes = inflateEntry(reading, at);
      repeat(reading, bytes.length);
      reading.cache.write(at, { bytes });
      break;
    }
    chain.push(at);
    if (base <= outsideBase) bytes = reading.outside[outsideBase - base]?.bytes;
    at = base;
  }
  for (let delta = chain.pop(); delta !== undefined; delta = chain.pop()) {
    const made = applyDelta(bytes, inflateEntry(reading, delta), objectBytesMax);
    assert(made !== undefined, "a delta that was resolved can be resolved again");
    bytes = made;
    repeat(reading, bytes.length);
    reading.cache.write(delta, { bytes });
  }
  return bytes;
}

function resolve(reading: PackReading, index: number, delta: Uint8Array): void {
  const base = reading.bases[index] ?? wholeBase;
  const depth = base <= outsideBase ? 1 : (reading.depths[base] ?? 0) + 1;
  if (depth > deltaChainMax)
    throw new PackRejectedError(`a chain of more than ${deltaChainMax} deltas`);
  const sizes = readDeltaSizes(delta);
  if (sizes !== undefined) claim(reading, sizes.result);
  const from = objectAt(reading, base);
  const bytes = applyDelta(from.bytes, delta, objectBytesMax);
  if (bytes === undefined) throw new PackRejectedError("a delta that does not fit its base");
  reading.depths[index] = depth;
  finish(reading, index, { type: from.type, bytes });
}

function objectAt(reading: PackReading, base: number): GitObject {
  if (base > outsideBase) return { type: typeAt(reading, base), bytes: bytesOf(reading, base) };
  const outside = reading.outside[outsideBase - base];
  assert(outside !== undefined, "a base outside the pack was given");
  return outside;
}

function finish(reading: PackReading, index: number, object: GitObject): void {
  reading.oids.set(hashBytes(object.type, object.bytes), index * 20);
  reading.judge.judge(object, { bytes: reading.oids, offset: index * 20 });
  reading.codes[index] = codeOfType(object.type);
  reading.unresolved -= 1;
  reading.cache.write(index, { bytes: object.bytes });
  const waiting = reading.waitingForIndex.get(index);
  if (waiting !== undefined) {
    reading.waitingForIndex.delete(index);
    wake(reading, waiting, index);
  }
  if (reading.waitingForOid.size === 0) return;
  const oid = formatHex(reading.oids.subarray(index * 20, index * 20 + 20));
  const named = reading.waitingForOid.get(oid);
  if (named === undefined) return;
  reading.waitingForOid.delete(oid);
  wake(reading, named, index);
}

function wake(reading: PackReading, waiting: ReadonlyArray<number>, base: number): void {
  for (const index of waiting) {
    reading.bases[index] = base;
    reading.ready.push(index);
  }
}

function wait<Key>(list: Map<Key, number[]>, key: Key, index: number): void {
  const waiting = list.get(key);
  if (waiting === undefined) list.set(key, [index]);
  else waiting.push(index);
}

/** Every inflated byte counts, before room is made for it. */
function claim(reading: PackReading, size: number): void {
  if (size > objectBytesMax)
    throw new PackRejectedError(`an object of more than ${objectBytesMax} bytes`);
  reading.inflatedBytes += size;
  const most = Math.min(
    packInflatedBytesMax,
    packInflatedBytesFree + packInflationMax * reading.pack.length,
  );
  if (reading.inflatedBytes > most)
    throw new PackRejectedError(`more than ${most} bytes once inflated`);
}

/** What fell out of the cache is made again, but not for ever. */
function repeat(reading: PackReading, size: number): void {
  reading.repeatedBytes += size;
  if (reading.repeatedBytes > repeatedBytesMax)
    throw new PackRejectedError("its deltas take too much work");
}

function inflateEntry(reading: PackReading, index: number): Bytes {
  const header = readEntryHeader(reading.pack, reading.offsets[index] ?? 0);
  const inflated = header && inflateAt(reading.pack, header.data, header.size);
  assert(inflated !== undefined, "an entry that was read can be read again");
  return inflated.bytes;
}

/** The index of the entry that begins at `offset`, among those before `end`. */
function indexAt({ offsets }: PackReading, offset: number, end: number): number {
  let low = 0;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  if (low >= end || offsets[low] !== offset)
    throw new PackRejectedError("a delta's base is out of bounds");
  return low;
}

function findByOid(reading: PackReading, order: Uint32Array, oid: string): number | undefined {
  const id = parseObjectId(oid);
  const position = id === undefined ? -1 : findOid(reading.oids, order, oidBytes(id), 0);
  return position < 0 || reading.codes[position] === 0 ? undefined : position;
}

/** The index of an id in `oids`, by their `order`, or -1. */
export function findOid(
  oids: Uint8Array,
  order: Uint32Array,
  id: Uint8Array,
  offset: number,
): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const index = order[middle] ?? 0;
    let difference = 0;
    for (let at = 0; at < 20 && difference === 0; at++)
      difference = (oids[index * 20 + at] ?? 0) - (id[offset + at] ?? 0);
    if (difference === 0) return index;
    if (difference < 0) low = middle + 1;
    else high = middle;
  }
  return -1;
}

const wholeBase = -1;
const outsideBase = -2;
const cacheBytes = 64 * 1024 * 1024;
/** Real packs ask for almost nothing twice. */
const repeatedBytesMax = 2 * packInflatedBytesMax;
