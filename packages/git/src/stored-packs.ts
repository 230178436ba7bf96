/** The packs of a repository as they are kept: which there are, where an object stands in them, and what it says. */

/* oxlint-disable eslint/no-await-in-loop -- a chain of deltas is followed from one to the next. */

import type { Bytes } from "@skein/protocol/bytes";
import { assert, SkeinError } from "@skein/protocol/errors";
import type { ObjectId } from "@skein/protocol/ids";
import { deltaChainMax, objectBytesMax } from "@skein/protocol/limits";
import { openByteCache, type ByteCache } from "./byte-cache.ts";
import { applyDelta, readDeltaSizes } from "./delta.ts";
import type { Files } from "./files.ts";
import { parseIdx, type Idx } from "./idx.ts";
import { inflateAt } from "./inflate.ts";
import { equalHash, oidBytes, type GitObject, type ObjectType } from "./object.ts";
import { readEntryHeader, type EntryHeader } from "./pack-entry.ts";
import { indexPack } from "./pack-index.ts";
import { PackRejectedError } from "./pack-rejected.ts";

/** Bytes that were kept are not what they were. */
export class StorageDamagedError extends SkeinError {
  override readonly name = "StorageDamagedError";
  readonly code = "storage_damaged";
  readonly blame = "environment";
  readonly hint = "This device's copy is damaged. Get the repository again from another device.";
}

export interface StoredPack {
  readonly name: string;
  readonly idx: Idx;
  /** Positions in the order of the pack. */
  readonly byOffset: () => Uint32Array;
}

/** One object's entry in one pack. */
export interface Place {
  readonly pack: StoredPack;
  readonly position: number;
}

export interface StoredPacks {
  readonly all: () => ReadonlyArray<StoredPack>;
  readonly add: (name: string, idx: Bytes, pack: Uint8Array) => Promise<void>;
  readonly find: (id: Uint8Array, offset: number) => Place | undefined;
  readonly load: (pack: StoredPack) => Promise<Bytes>;
  readonly read: (oid: ObjectId) => Promise<GitObject | undefined>;
  readonly type: (oid: ObjectId) => Promise<ObjectType | undefined>;
  readonly size: (oid: ObjectId) => Promise<number | undefined>;
}

export function packPath(name: string, extension: "pack" | "idx"): string {
  return `${packFolder}/pack-${name}.${extension}`;
}

export async function openStoredPacks(files: Files): Promise<StoredPacks> {
  const packs: StoredPack[] = [];
  const names = await files.list(packFolder);
  for (const [, name = ""] of names.flatMap((file) => [packName.exec(file) ?? []])) {
    // A pack without its index was never acknowledged: both are written at once.
    if (name === "" || !names.includes(`pack-${name}.idx`)) continue;
    const idx = await readIdx(files, name);
    if (idx !== undefined) packs.push(asStored(name, idx));
  }
  const load = openLoader(files);
  const reader = openReader(packs, load);
  return {
    all: () => packs,
    add: async (name, idx, pack) => {
      if (packs.some((known) => known.name === name)) return;
      await files.commit(
        {
          put: [
            [packPath(name, "pack"), pack],
            [packPath(name, "idx"), idx],
          ],
          delete: [],
        },
        { durability: "strict" },
      );
      const parsed = parseIdx(idx);
      assert(parsed !== undefined, "an index that was just made can be read");
      if (!packs.some((known) => known.name === name)) packs.unshift(asStored(name, parsed));
    },
    find: (id, offset) => findPlace(packs, id, offset),
    load,
    ...reader,
  };
}

/** The index as it is kept or, if it is damaged, made anew. A pack that is damaged as well is as good as gone. */
async function readIdx(files: Files, name: string): Promise<Idx | undefined> {
  const kept = await files.read(packPath(name, "idx"));
  const idx = kept && parseIdx(kept);
  if (idx !== undefined) return idx;
  const pack = await files.read(packPath(name, "pack"));
  if (pack === undefined) return undefined;
  try {
    const again = await indexPack({
      pack,
      // What is kept holds all of its bases.
      resolveBase: async () => undefined,
      breathe: async () => {},
      signal: neverStopped,
    });
    return parseIdx(again.idx);
  } catch (error) {
    if (error instanceof PackRejectedError) return undefined;
    throw error;
  }
}

function asStored(name: string, idx: Idx): StoredPack {
  let byOffset: Uint32Array | undefined;
  return {
    name,
    idx,
    byOffset: () => {
      byOffset ??= Uint32Array.from({ length: idx.count }, (_, position) => position).toSorted(
        (a, b) => idx.packOffset(a) - idx.packOffset(b),
      );
      return byOffset;
    },
  };
}

function findPlace(
  packs: ReadonlyArray<StoredPack>,
  id: Uint8Array,
  offset: number,
): Place | undefined {
  for (const pack of packs) {
    const position = pack.idx.find(id, offset);
    if (position >= 0) return { pack, position };
  }
  return undefined;
}

/** Keeps the packs that were used last in memory: reads are scattered over all of one. */
function openLoader(files: Files): (pack: StoredPack) => Promise<Bytes> {
  const loaded = new Map<string, Bytes>();
  return async ({ name }) => {
    const kept = loaded.get(name);
    if (kept !== undefined) {
      loaded.delete(name);
      loaded.set(name, kept);
      return kept;
    }
    const bytes = await files.read(packPath(name, "pack"));
    if (bytes === undefined) throw new StorageDamagedError(`Pack ${name} is gone`);
    loaded.set(name, bytes);
    let total = [...loaded.values()].reduce((sum, { length }) => sum + length, 0);
    for (const [oldest, { length }] of loaded) {
      if (total <= loadedBytesMax || oldest === name) break;
      loaded.delete(oldest);
      total -= length;
    }
    return bytes;
  };
}

/** An entry on the way from an object down to the base that is whole. */
interface Step {
  readonly pack: StoredPack;
  readonly bytes: Bytes;
  readonly offset: number;
  readonly header: EntryHeader;
}

interface Reading {
  readonly packs: ReadonlyArray<StoredPack>;
  readonly load: (pack: StoredPack) => Promise<Bytes>;
  readonly objects: ByteCache<ObjectId, GitObject>;
  readonly bases: ByteCache<string, GitObject>;
}

function openReader(
  packs: ReadonlyArray<StoredPack>,
  load: (pack: StoredPack) => Promise<Bytes>,
): Pick<StoredPacks, "read" | "type" | "size"> {
  const reading: Reading = {
    packs,
    load,
    objects: openByteCache(objectCacheBytes),
    bases: openByteCache(baseCacheBytes),
  };
  const stepOf = async (oid: ObjectId): Promise<Step | undefined> => {
    const place = findPlace(packs, oidBytes(oid), 0);
    return place && (await stepAt(reading, place.pack, place.pack.idx.packOffset(place.position)));
  };
  return {
    read: async (oid) => reading.objects.read(oid) ?? (await readObject(reading, oid)),
    type: async (oid) => {
      let step = await stepOf(oid);
      for (let depth = 0; step !== undefined && depth <= deltaChainMax; depth++) {
        if (step.header.form === "whole") return step.header.type;
        step = await stepToBase(reading, step);
      }
      return undefined;
    },
    size: async (oid) => {
      const step = await stepOf(oid);
      if (step === undefined || step.header.form === "whole") return step?.header.size;
      return readDeltaSizes(inflateStep(step))?.result;
    },
  };
}

async function readObject(reading: Reading, oid: ObjectId): Promise<GitObject | undefined> {
  const id = oidBytes(oid);
  const place = findPlace(reading.packs, id, 0);
  if (place === undefined) return undefined;
  const offset = place.pack.idx.packOffset(place.position);
  const object = await readAt(reading, place.pack, offset);
  if (!equalHash(object, id)) throw damaged(place.pack, offset);
  reading.objects.write(oid, object);
  return object;
}

/** Down to the nearest base that is at hand or whole, and up again by the deltas. */
async function readAt(reading: Reading, pack: StoredPack, offset: number): Promise<GitObject> {
  const { bases } = reading;
  const deltas: Step[] = [];
  let step = await stepAt(reading, pack, offset);
  let object = bases.read(placeOf(step));
  while (object === undefined && step.header.form !== "whole") {
    if (deltas.push(step) > deltaChainMax) throw damaged(pack, offset);
    step = await stepToBase(reading, step);
    object = bases.read(placeOf(step));
  }
  if (object === undefined && step.header.form === "whole") {
    object = { type: step.header.type, bytes: inflateStep(step) };
    if (deltas.length > 0) bases.write(placeOf(step), object);
  }
  assert(object !== undefined, "a chain of deltas ends in an object that is whole");
  for (let delta = deltas.pop(); delta !== undefined; delta = deltas.pop()) {
    const bytes = applyDelta(object.bytes, inflateStep(delta), objectBytesMax);
    if (bytes === undefined) throw damaged(pack, offset);
    object = { type: object.type, bytes };
    bases.write(placeOf(delta), object);
  }
  return object;
}

async function stepAt({ load }: Reading, pack: StoredPack, offset: number): Promise<Step> {
  const bytes = await load(pack);
  const header = readEntryHeader(bytes, offset);
  if (header === undefined) throw damaged(pack, offset);
  return { pack, bytes, offset, header };
}

async function stepToBase(reading: Reading, step: Step): Promise<Step> {
  const { pack, bytes, offset, header } = step;
  assert(header.form !== "whole", "only a delta has a base");
  if (header.form === "offset-delta") return await stepAt(reading, pack, offset - header.distance);
  const inside = pack.idx.find(bytes, header.base);
  const place =
    inside >= 0 ? { pack, position: inside } : findPlace(reading.packs, bytes, header.base);
  if (place === undefined) throw damaged(pack, offset);
  return await stepAt(reading, place.pack, place.pack.idx.packOffset(place.position));
}

function placeOf({ pack, offset }: Step): string {
  return `${pack.name}:${offset}`;
}

function inflateStep({ pack, bytes, offset, header }: Step): Bytes {
  const inflated =
    header.size > objectBytesMax ? undefined : inflateAt(bytes, header.data, header.size);
  if (inflated === undefined) throw damaged(pack, offset);
  return inflated.bytes;
}

function damaged(pack: StoredPack, offset: number): StorageDamagedError {
  return new StorageDamagedError(`Pack ${pack.name} is damaged at byte ${offset}`);
}

const neverStopped = { aborted: false, throwIfAborted: () => {} };
const packFolder = "objects/pack";
const packName = /^pack-([0-9a-f]{40})\.pack$/u;
const loadedBytesMax = 320 * 1024 * 1024;
const objectCacheBytes = 24 * 1024 * 1024;
const baseCacheBytes = 32 * 1024 * 1024;
