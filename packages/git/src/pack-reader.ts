/** Reads objects out of stored packs, at random, down their chains of deltas and up again. */

import type { ObjectId } from "@skein/protocol/ids";
import { deltaChainMax, objectBytesMax } from "@skein/protocol/limits";
import { openByteCache } from "./byte-cache.ts";
import { readDeltaSizes } from "./delta.ts";
import { sameId } from "./id-table.ts";
import { oidBytes, type GitObject, type ObjectType } from "./object.ts";
import { codeOfType, readEntryHeader, typeOfPackCode, type EntryHeader } from "./pack-entry.ts";
import { openPackMemory, type Held, type PackMemory } from "./pack-memory.ts";
import type { PackPages } from "./pack-pages.ts";
import { damaged, type Place, type StoredPack } from "./stored-pack.ts";

/**
 * Lends the bytes of a stored object, where they lie and unchecked: its code, the kernel's memory, and where in that.
 * Answers its code, or `undefined` if a page is missing.
 */
export type Peek = (
  pack: StoredPack,
  number: number,
  use: (code: number, bytes: Uint8Array, held: Held) => void,
) => number | undefined;

export interface PackReader {
  readonly peek: Peek;
  readonly read: (oid: ObjectId) => Promise<GitObject | undefined>;
  readonly type: (oid: ObjectId) => Promise<ObjectType | undefined>;
  readonly size: (oid: ObjectId) => Promise<number | undefined>;
  /** What was read from packs that are gone is forgotten. */
  readonly forget: () => void;
}

interface Reading {
  readonly pages: PackPages;
  readonly find: (id: Uint8Array, offset: number) => Place | undefined;
  readonly memory: PackMemory;
  /** What lies in the ring, by the place of its entry. */
  readonly inRing: Map<
    number,
    { readonly place: number; readonly size: number; readonly code: number }
  >;
}

/** An entry on the way from an object down to the base that is whole. */
interface Step {
  readonly pack: StoredPack;
  readonly offset: number;
  readonly header: EntryHeader;
}

export function openPackReader(
  pages: PackPages,
  find: (id: Uint8Array, offset: number) => Place | undefined,
): PackReader {
  let opened: Reading | undefined;
  const reading = (): Reading => {
    if (opened !== undefined) return opened;
    const memory = openPackMemory(ringBytes);
    memory.widen(0);
    opened = { pages, find, memory, inRing: new Map() };
    return opened;
  };
  const objects = openByteCache<ObjectId, GitObject>(objectCacheBytes);
  return {
    read: async (oid) =>
      objects.read(oid) ??
      (await pages.whenHere(() => {
        const object = readObject(reading(), oid);
        if (object !== undefined) objects.write(oid, object);
        return object;
      })),
    peek: (pack, number, use) => {
      const { memory } = reading();
      const mark = memory.mark();
      try {
        const made = readAt(reading(), pack, pack.idx.packOffset(number - pack.base));
        if (made !== undefined) use(made.code, memory.kernel.bytes(), made.held);
        return made?.code;
      } finally {
        memory.release(mark);
      }
    },
    type: (oid) => pages.whenHere(() => readType(reading(), oid)),
    size: (oid) => pages.whenHere(() => readSize(reading(), oid)),
    forget: () => {
      opened = undefined;
      objects.clear();
    },
  };
}

/** `undefined` also where a page is missing: then all of it is tried again. */
function readObject(reading: Reading, oid: ObjectId): GitObject | undefined {
  const { memory } = reading;
  const id = oidBytes(oid);
  const place = reading.find(id, 0);
  if (place === undefined) return undefined;
  const { pack, position } = place;
  const offset = pack.idx.packOffset(position);
  const mark = memory.mark();
  try {
    const made = readAt(reading, pack, offset);
    const type = made && typeOfPackCode(made.code);
    if (made === undefined || type === undefined) return undefined;
    memory.kernel.nameObject(made.code, made.held.at, made.held.size, memory.idAt);
    if (!sameId(memory.kernel.bytes(), memory.idAt, id, 0)) throw damaged(pack, offset);
    return { type, bytes: memory.view(made.held).slice() };
  } finally {
    memory.release(mark);
  }
}

function readAt(reading: Reading, pack: StoredPack, offset: number): Made | undefined {
  const { memory } = reading;
  const mark = memory.mark();
  const deltas: Step[] = [];
  let made = atHand(reading, pack, offset);
  let at: { readonly pack: StoredPack; readonly offset: number } = { pack, offset };
  while (made === undefined) {
    const step = stepAt(reading, at.pack, at.offset);
    if (step === undefined) return undefined;
    if (step.header.form === "whole") {
      const code = codeOfType(step.header.type);
      made = keep(reading, step, { code, size: step.header.size }, (to) =>
        inflateStep(reading, step, to),
      );
      if (made === undefined) return undefined;
      break;
    }
    if (deltas.push(step) > deltaChainMax) throw damaged(pack, offset);
    const base = baseOf(reading, step);
    if (base === undefined) return undefined;
    at = base;
    made = atHand(reading, at.pack, at.offset);
  }
  for (let next = deltas.pop(); next !== undefined; next = deltas.pop()) {
    const result = applyStep(reading, next, made);
    if (result === undefined) return undefined;
    made = { held: memory.release(mark, result.held), code: result.code };
  }
  return made;
}

type Made = { readonly held: Held; readonly code: number };

function atHand({ memory, inRing }: Reading, pack: StoredPack, offset: number): Made | undefined {
  const key = keyOf(pack, offset);
  const found = inRing.get(key);
  if (found === undefined) return undefined;
  if (!memory.holds(found.place)) {
    inRing.delete(key);
    return undefined;
  }
  const { size, code } = found;
  const at = memory.addressOf(found.place);
  if (!memory.isOld(found.place)) return { held: { at, size }, code };
  const place = memory.take(size);
  const moved = memory.addressOf(place);
  memory.kernel.bytes().copyWithin(moved, at, at + size);
  inRing.set(key, { place, size, code });
  return { held: { at: moved, size }, code };
}

/** Makes the object of a step, in the ring if it is not too large. */
function keep(
  { memory, inRing }: Reading,
  step: Step,
  { code, size }: { readonly code: number; readonly size: number },
  make: (to: Held) => boolean,
): Made | undefined {
  if (size > objectBytesMax) throw damaged(step.pack, step.offset);
  const place = size > memory.ringBlockMax ? undefined : memory.take(size);
  const held = place === undefined ? memory.lend(size) : { at: memory.addressOf(place), size };
  if (!make(held)) return undefined;
  if (place !== undefined) {
    if (inRing.size > ringEntriesMax) inRing.clear();
    inRing.set(keyOf(step.pack, step.offset), { place, size, code });
  }
  return { held, code };
}

function applyStep(reading: Reading, step: Step, base: Made): Made | undefined {
  const { memory } = reading;
  const { kernel } = memory;
  if (step.header.size > objectBytesMax) throw damaged(step.pack, step.offset);
  const delta = memory.lend(step.header.size);
  if (!inflateStep(reading, step, delta)) return undefined;
  const size = kernel.deltaResult(delta.at, delta.size, base.held.size);
  if (size < 0) throw damaged(step.pack, step.offset);
  return keep(reading, step, { code: base.code, size }, (to) => {
    const { at, size: length } = base.held;
    if (kernel.applyDelta(at, length, delta.at, delta.size, to.at, size) !== 1)
      throw damaged(step.pack, step.offset);
    return true;
  });
}

/** Answers whether all of the stream was at hand. */
function inflateStep(
  { memory, pages }: Reading,
  { pack, offset, header }: Step,
  to: Held,
): boolean {
  const start = offset + header.data;
  const most = pack.bytes - trailerBytes;
  // What does not shrink grows a little; only a strange stream is longer than that.
  const usual = Math.min(most, start + header.size + (header.size >>> 3) + 64);
  for (const end of usual < most ? [usual, most] : [usual]) {
    const bytes = end > start ? pages.at(pack, start, end) : undefined;
    if (bytes === undefined && end > start) return false;
    const stream = memory.lend(end - start);
    if (bytes !== undefined) memory.view(stream).set(bytes);
    const length = memory.kernel.inflate(stream.at, stream.at + stream.size, to.at, to.size);
    if (length >= 0) return true;
    if (length === -1) break;
  }
  throw damaged(pack, offset);
}

/** The header counts from the start of the entry. */
function stepAt({ pages }: Reading, pack: StoredPack, offset: number): Step | undefined {
  const end = Math.min(pack.bytes - trailerBytes, offset + headerBytesMax);
  if (end <= offset) throw damaged(pack, offset);
  const bytes = pages.at(pack, offset, end);
  if (bytes === undefined) return undefined;
  const header = readEntryHeader(bytes, 0);
  if (header === undefined || header.data > bytes.length) throw damaged(pack, offset);
  return { pack, offset, header };
}

function baseOf(
  { pages, find }: Reading,
  { pack, offset, header }: Step,
): { readonly pack: StoredPack; readonly offset: number } | undefined {
  if (header.form === "offset-delta") {
    if (header.distance <= 0 || header.distance > offset) throw damaged(pack, offset);
    return { pack, offset: offset - header.distance };
  }
  if (header.form === "whole") throw damaged(pack, offset);
  const id = pages.at(pack, offset + header.base, offset + header.base + 20);
  if (id === undefined) return undefined;
  const inside = pack.idx.find(id, 0);
  const place = inside >= 0 ? { pack, position: inside } : find(id, 0);
  if (place === undefined) throw damaged(pack, offset);
  return { pack: place.pack, offset: place.pack.idx.packOffset(place.position) };
}

function readType(reading: Reading, oid: ObjectId): ObjectType | undefined {
  let step = stepOf(reading, oid);
  for (let depth = 0; step !== undefined && depth <= deltaChainMax; depth++) {
    if (step.header.form === "whole") return step.header.type;
    const base = baseOf(reading, step);
    step = base && stepAt(reading, base.pack, base.offset);
  }
  return undefined;
}

function readSize(reading: Reading, oid: ObjectId): number | undefined {
  const { memory } = reading;
  const step = stepOf(reading, oid);
  if (step === undefined || step.header.form === "whole") return step?.header.size;
  if (step.header.size > objectBytesMax) throw damaged(step.pack, step.offset);
  const mark = memory.mark();
  try {
    const delta = memory.lend(step.header.size);
    if (!inflateStep(reading, step, delta)) return undefined;
    return readDeltaSizes(memory.view(delta))?.result;
  } finally {
    memory.release(mark);
  }
}

function stepOf(reading: Reading, oid: ObjectId): Step | undefined {
  const place = reading.find(oidBytes(oid), 0);
  return place && stepAt(reading, place.pack, place.pack.idx.packOffset(place.position));
}

function keyOf({ number }: StoredPack, offset: number): number {
  return number * 2 ** 32 + offset;
}

const trailerBytes = 20;
const headerBytesMax = 48;
const ringBytes = 16 * 1024 * 1024;
const ringEntriesMax = 100_000;
const objectCacheBytes = 24 * 1024 * 1024;
