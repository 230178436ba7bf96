/** What is known of a pack while it arrives: which entries are resolved, where they are at hand, and what others wait for. */

import { formatHex, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { parseObjectId, type ObjectId } from "@skein/protocol/ids";
import { deltaChainMax, packInflatedBytesMax } from "@skein/protocol/limits";
import { openByteCache, type ByteCache } from "./byte-cache.ts";
import { openIdTable, type IdTable } from "./id-table.ts";
import { oidBytes, type GitObject, type ObjectType } from "./object.ts";
import { codeOfType, typeOfPackCode, type EntryHeader } from "./pack-entry.ts";
import { inflateDelta, inflateTo, streamAgain } from "./pack-again.ts";
import { growRows, openRows, type Rows } from "./pack-rows.ts";
import { packLimits, type PackLimits } from "./pack-limits.ts";
import { openPackJudge, type PackJudge } from "./pack-judge.ts";
import { namedAtOnce, openPackMemory, type Held, type PackMemory } from "./pack-memory.ts";
import { BytesAwayError, type PackSpool } from "./pack-spool.ts";
import { PackRejectedError } from "./pack-rejected.ts";
import { readWord, writeWord } from "./kernel-words.ts";

/** A base that a thin pack left out. */
export interface OutsideBase extends GitObject {
  readonly id: Bytes;
}

export interface PackReading {
  readonly limits: PackLimits;
  readonly memory: PackMemory;
  readonly rows: Rows;
  readonly judge: PackJudge;
  readonly ids: IdTable;
  readonly outside: OutsideBase[];
  /** Which of them has an id: many deltas may be on one. */
  readonly outsideByOid: Map<string, number>;
  readonly waitingForIndex: Map<number, number[]>;
  readonly waitingForOid: Map<string, number[]>;
  /** Deltas whose base is resolved. The last goes first, so that its base is still at hand. */
  readonly ready: number[];
  /** Made, and not named yet. The first of them lies at `unnamedPlace` in the ring. */
  readonly unnamed: number[];
  unnamedPlace: number;
  /** What is too large for the ring. */
  readonly large: ByteCache<number, { readonly bytes: Bytes }>;
  /** The pack as far as it has come. */
  readonly spool: PackSpool;
  /** How long it will be, as far as that is known. */
  expectedBytes: number;
  /** Entries read so far; the next one begins at `offset`. */
  read: number;
  offset: number;
  resolved: number;
  inflatedBytes: number;
  repeatedBytes: number;
}

interface Opening {
  readonly limits?: PackLimits | undefined;
  readonly spool: PackSpool;
}

export function openPackReading(
  expectedBytes: number,
  { limits = packLimits, spool }: Opening,
): PackReading {
  const rows = openRows();
  return {
    limits,
    memory: openPackMemory(ringBytesFor(expectedBytes)),
    rows,
    judge: openPackJudge(),
    ids: openIdTable(() => rows.oids),
    outside: [],
    outsideByOid: new Map(),
    waitingForIndex: new Map(),
    waitingForOid: new Map(),
    ready: [],
    unnamed: [],
    unnamedPlace: noPlace,
    large: openByteCache(largeBytes),
    spool,
    expectedBytes,
    read: 0,
    offset: 0,
    resolved: 0,
    inflatedBytes: 0,
    repeatedBytes: 0,
  };
}

export function typeAt({ rows }: PackReading, index: number): ObjectType {
  const type = typeOfPackCode(rows.codes[index] ?? 0);
  assert(type !== undefined, "a resolved entry has a type");
  return type;
}

/** An entry whose stream is in the kernel's memory, from `from` to `end` or less. A named base is at `memory.idAt`. */
export interface EntryHere {
  readonly header: EntryHeader;
  readonly from: number;
  readonly end: number;
}

/** Reads the next entry, and resolves it if its base was seen. Answers how long its stream is, or -1 if it needs more. */
export function readEntry(reading: PackReading, { header, from, end }: EntryHere): number {
  const { memory, rows } = reading;
  const index = reading.read;
  claim(reading, header.size);
  growRows(rows, index);
  const mark = memory.mark();
  const held =
    header.form === "whole" ? roomFor(reading, index, header.size) : memory.lend(header.size);
  const length = memory.kernel.inflate(from, end, held.at, header.size);
  if (length === needsMore) {
    reading.inflatedBytes -= header.size;
    memory.release(mark);
    return -1;
  }
  if (length < 0)
    throw new PackRejectedError(
      "broken-stream",
      `a broken zlib stream in the entry at byte ${reading.offset}`,
    );
  rows.offsets[index] = reading.offset;
  rows.bases[index] = wholeBase;
  reading.read += 1;
  if (header.form === "whole") {
    rows.codes[index] = codeOfType(header.type);
    finish(reading, index, kept(reading, index, held));
  } else if (findBase(reading, index, header)) resolveSoon(reading, index, held);
  memory.release(mark);
  return length;
}

/** At once, unless what its base is made of has to be brought first. */
function resolveSoon(reading: PackReading, index: number, delta: Held): void {
  try {
    resolve(reading, index, delta);
  } catch (error) {
    if (!(error instanceof BytesAwayError)) throw error;
    reading.ready.push(index);
  }
}

/** Resolves one delta whose base is resolved. Answers its size, or `undefined` if there is none. */
export function resolveNext(reading: PackReading): number | undefined {
  const index = reading.ready.pop();
  if (index === undefined) return undefined;
  const mark = reading.memory.mark();
  let delta: Held;
  try {
    delta = inflateDelta(reading, index);
    repeat(reading, delta.size);
    resolve(reading, index, delta);
  } catch (error) {
    if (error instanceof BytesAwayError) reading.ready.push(index);
    throw error;
  }
  reading.memory.release(mark);
  return delta.size;
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
  const given = outsideBase - (reading.outside.length - 1);
  reading.outsideByOid.set(oid, given);
  wake(reading, waiting, given);
}

/** The object at `index`, as bytes of its own. */
export function bytesOf(reading: PackReading, index: number): Bytes {
  const { memory } = reading;
  const mark = memory.mark();
  const bytes = memory.view(objectAt(reading, index)).slice();
  memory.release(mark);
  return bytes;
}

/** Whether the base of the delta just read is resolved. If not, the delta waits for it. */
function findBase(reading: PackReading, index: number, header: EntryHeader): boolean {
  const { rows, memory } = reading;
  if (header.form === "offset-delta") {
    const base = indexAt(reading, reading.offset - header.distance, index);
    rows.bases[index] = base;
    if ((rows.codes[base] ?? 0) !== 0) return true;
    wait(reading.waitingForIndex, base, index);
    return false;
  }
  nameAll(reading);
  const base = reading.ids.find(memory.kernel.bytes(), memory.idAt);
  if (base >= 0) {
    rows.bases[index] = base;
    return true;
  }
  const oid = formatHex(memory.view({ at: memory.idAt, size: 20 }));
  const given = reading.outsideByOid.get(oid);
  if (given === undefined) wait(reading.waitingForOid, oid, index);
  else rows.bases[index] = given;
  return given !== undefined;
}

function resolve(reading: PackReading, index: number, delta: Held): void {
  const { rows } = reading;
  const base = rows.bases[index] ?? wholeBase;
  const depth = base <= outsideBase ? 1 : (rows.depths[base] ?? 0) + 1;
  if (depth > deltaChainMax)
    throw new PackRejectedError("delta-chain", `a chain of more than ${deltaChainMax} deltas`);
  const from = objectAt(reading, base);
  const made = apply(reading, index, { from, delta, first: true });
  if (made === undefined)
    throw new PackRejectedError("misfit-delta", "a delta that does not fit its base");
  rows.depths[index] = depth;
  rows.codes[index] = codeOf(reading, base);
  finish(reading, index, made);
}

/** From the ring, from what is large, or made again from the nearest base that is at hand. */
function objectAt(reading: PackReading, index: number): Held {
  const { memory, rows } = reading;
  const mark = memory.mark();
  const chain: number[] = [];
  let at = index;
  let held = heldAt(reading, at);
  while (held === undefined) {
    const base = rows.bases[at] ?? wholeBase;
    if (base === wholeBase) {
      held = memory.release(mark, inflateWhole(reading, at));
      repeat(reading, held.size);
      break;
    }
    chain.push(at);
    at = base;
    held = heldAt(reading, at);
  }
  for (let next = chain.pop(); next !== undefined; next = chain.pop()) {
    const delta = inflateDelta(reading, next);
    const made = apply(reading, next, { from: held, delta, first: false });
    assert(made !== undefined, "a delta that was resolved can be resolved again");
    repeat(reading, made.size);
    held = memory.release(mark, made);
  }
  return held;
}

function heldAt(reading: PackReading, index: number): Held | undefined {
  const { memory, rows, large, outside } = reading;
  const given = index <= outsideBase ? outside[outsideBase - index]?.bytes : undefined;
  const place = given === undefined ? (rows.places[index] ?? noPlace) : noPlace;
  if (memory.holds(place)) {
    const size = rows.sizes[index] ?? 0;
    const at = memory.addressOf(place);
    if (!memory.isOld(place)) return { at, size };
    const next = takePlace(reading, size);
    rows.places[index] = next;
    const moved = { at: memory.addressOf(next), size };
    memory.kernel.bytes().copyWithin(moved.at, at, at + size);
    return moved;
  }
  const bytes = given ?? large.read(index)?.bytes;
  if (bytes === undefined) return undefined;
  const held = memory.lend(bytes.length);
  memory.view(held).set(bytes);
  return held;
}

/** Room for the object at `index`: in the ring, if it is not too large. */
function roomFor(reading: PackReading, index: number, size: number): Held {
  const { memory, rows } = reading;
  rows.sizes[index] = size;
  rows.places[index] = noPlace;
  if (size > memory.ringBlockMax) return memory.lend(size);
  const place = takePlace(reading, size);
  rows.places[index] = place;
  return { at: memory.addressOf(place), size };
}

/** An object that was just made is remembered, also if it is too large for the ring. */
function kept({ memory, large }: PackReading, index: number, held: Held): Held {
  if (memory.isLent(held)) large.write(index, { bytes: memory.view(held).slice() });
  return held;
}

function apply(
  reading: PackReading,
  index: number,
  { from, delta, first }: { readonly from: Held; readonly delta: Held; readonly first: boolean },
): Held | undefined {
  const { kernel } = reading.memory;
  const size = kernel.deltaResult(delta.at, delta.size, from.size);
  if (size < 0) return undefined;
  if (first) claim(reading, size);
  const to = roomFor(reading, index, size);
  if (kernel.applyDelta(from.at, from.size, delta.at, delta.size, to.at, size) !== 1)
    return undefined;
  return kept(reading, index, to);
}

/** What is not named yet must not be written over. */
function takePlace(reading: PackReading, size: number): number {
  if (reading.unnamedPlace >= 0 && reading.memory.isOld(reading.unnamedPlace)) nameAll(reading);
  return reading.memory.take(size);
}

/** An object that is made is named with others, as soon as there are some or it would be gone. */
function finish(reading: PackReading, index: number, held: Held): void {
  const { memory, rows, unnamed } = reading;
  const isLent = memory.isLent(held);
  if (reading.unnamedPlace < 0 && !isLent) reading.unnamedPlace = rows.places[index] ?? noPlace;
  const many = unnamed.push(index);
  const record = memory.listAt + (many - 1) * 16;
  writeWord(memory.kernel, record, rows.codes[index] ?? 0);
  writeWord(memory.kernel, record + 4, held.at);
  writeWord(memory.kernel, record + 8, held.size);
  writeWord(memory.kernel, record + 12, memory.namesAt + (many - 1) * 20);
  if (isLent || many === namedAtOnce) nameAll(reading);
}

/** Names and judges what was made. Whatever waits for it is ready then. */
export function nameAll(reading: PackReading): void {
  const { memory, unnamed, rows } = reading;
  const { kernel, listAt, namesAt } = memory;
  reading.unnamedPlace = noPlace;
  if (unnamed.length === 0) return;
  if (kernel.nameObjects(listAt, unnamed.length) > 0)
    throw new PackRejectedError("collision", "an object made to collide with another (SHA-1)");
  for (const [at, index] of unnamed.entries()) {
    const bytes = kernel.bytes();
    const name = namesAt + at * 20;
    for (let byte = 0; byte < 20; byte++) rows.oids[index * 20 + byte] = bytes[name + byte] ?? 0;
    const held = {
      at: readWord(kernel, listAt + at * 16 + 4),
      size: readWord(kernel, listAt + at * 16 + 8),
    };
    settle(reading, index, held);
  }
  unnamed.length = 0;
}

function settle(reading: PackReading, index: number, held: Held): void {
  const { rows } = reading;
  if (!reading.ids.add(index))
    throw new PackRejectedError("object-twice", "an object appears twice");
  judge(reading, index, held);
  reading.resolved += 1;
  const waiting = reading.waitingForIndex.get(index);
  if (waiting !== undefined) {
    reading.waitingForIndex.delete(index);
    wake(reading, waiting, index);
  }
  if (reading.waitingForOid.size === 0) return;
  const oid = formatHex(rows.oids.subarray(index * 20, index * 20 + 20));
  const named = reading.waitingForOid.get(oid);
  if (named === undefined) return;
  reading.waitingForOid.delete(oid);
  wake(reading, named, index);
}

function judge(reading: PackReading, index: number, held: Held): void {
  const { memory, rows } = reading;
  const { kernel } = memory;
  const type = typeAt(reading, index);
  const id = { bytes: rows.oids, offset: index * 20 };
  if (type === "blob") return;
  if (type === "tree") {
    const mark = memory.mark();
    // An entry has a digit, a space, a letter, a zero and an id: 24 bytes, for which eight are listed.
    const list = memory.lend(Math.ceil(held.size / 3));
    const many = kernel.judgeTree(held.at, held.size, list.at);
    memory.release(mark);
    if (many >= 0) {
      const tree = { bytes: kernel.bytes(), words: memory.words(), list: list.at / 4, many };
      reading.judge.takeTree(tree, id);
      return;
    }
  }
  reading.judge.judge({ type, bytes: memory.view(held) }, id);
}

function codeOf({ rows, outside }: PackReading, base: number): number {
  if (base > outsideBase) return rows.codes[base] ?? 0;
  const given = outside[outsideBase - base];
  assert(given !== undefined, "a base outside the pack was given");
  return codeOfType(given.type);
}

function wake(reading: PackReading, waiting: ReadonlyArray<number>, base: number): void {
  for (const index of waiting) {
    reading.rows.bases[index] = base;
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
  const { objectBytes, inflatedBytes, inflatedBytesOf } = reading.limits;
  if (size > objectBytes)
    throw new PackRejectedError("object-bytes", `an object of more than ${objectBytes} bytes`);
  reading.inflatedBytes += size;
  const packBytes = Math.max(reading.expectedBytes, reading.spool.length());
  const most = Math.min(inflatedBytes, inflatedBytesOf(packBytes));
  if (reading.inflatedBytes > most)
    throw new PackRejectedError("inflated-bytes", `more than ${most} bytes once inflated`);
}

/** What fell out of the ring is made again, but not for ever. */
function repeat(reading: PackReading, size: number): void {
  reading.repeatedBytes += size;
  if (reading.repeatedBytes > repeatedBytesMax)
    throw new PackRejectedError("work", "its deltas take too much work");
}

function inflateWhole(reading: PackReading, index: number): Held {
  const { header, stream } = streamAgain(reading, index);
  const held = roomFor(reading, index, header.size);
  inflateTo(reading, stream, held);
  return kept(reading, index, held);
}

/** The index of the entry that begins at `offset`, among those before `end`. */
function indexAt({ rows: { offsets } }: PackReading, offset: number, end: number): number {
  let low = 0;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  if (low >= end || offsets[low] !== offset)
    throw new PackRejectedError("base-out-of-bounds", "a delta's base is out of bounds");
  return low;
}

/** A small pack needs a small ring. */
function ringBytesFor(expectedBytes: number): number {
  if (expectedBytes === 0) return ringBytesMax;
  return Math.min(ringBytesMax, Math.max(ringBytesMin, ringBytesPerByte * expectedBytes));
}

const needsMore = -2;
const noPlace = -1;
const wholeBase = -1;
/** The first base outside; the others are below. */
export const outsideBase = -2;
const ringBytesMax = 16 * 1024 * 1024;
const ringBytesMin = 1024 * 1024;
const ringBytesPerByte = 4;
const largeBytes = 48 * 1024 * 1024;
/** Real packs ask for almost nothing twice. */
const repeatedBytesMax = 2 * packInflatedBytesMax;
