/** Lets go of objects that are stored twice, once the copy that stays was read and is what its id says. */

/* oxlint-disable eslint/no-await-in-loop -- one pack is looked at after the other; to wait between objects is to give way. */

import { oidAt } from "./object.ts";
import { rankOf } from "./pack-build.ts";
import { readEntryHeader } from "./pack-entry.ts";
import {
  copyOf,
  dropUnreachable,
  sumOf,
  type Dropped,
  type Keeping,
  type Reachable,
} from "./pack-keep.ts";
import type { PackReader } from "./pack-reader.ts";
import { damaged, StorageDamagedError, type StoredPack } from "./stored-pack.ts";

interface Work extends Keeping {
  readonly worthBytes: number;
  /** Packs that stay as they are: a copy elsewhere is damaged, or little would be won. */
  readonly stays: Set<string>;
  readonly step: () => Promise<void> | void;
}

/** Lets go of second copies, and of what is not reachable. Throws what `reach` throws, and then all is as it was. */
export async function dropAll(
  given: Keeping,
  reach: () => Promise<Reachable>,
  worthBytes: number,
): Promise<Dropped> {
  const work = openWork(given, worthBytes);
  const isReachable = await reach();
  // Mostly nothing is stored twice, and what is not reachable leaves no doubles.
  const { areThere } = await countCopies(work);
  if (!areThere) return await dropUnreachable(work, isReachable, worthBytes);
  const dropped = [
    // What takes no room comes first.
    await dropWhole(work),
    // By now other objects may stand where those were that it was asked about.
    await dropUnreachable(work, await reach(), worthBytes),
    await dropParts(work),
  ];
  return {
    objects: dropped.reduce((sum, { objects }) => sum + objects, 0),
    bytes: dropped.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/**
 * Removes, at once, packs all of whose objects are in others that stay. Each of them was read there before: a pack that
 * holds the only sound copy of anything stays. It takes no room.
 */
async function dropWhole(work: Work): Promise<Dropped> {
  const { packs, stays, stop, worthBytes } = work;
  for (;;) {
    const goes = await chooseWhole(work);
    const bytes = goes.reduce((sum, pack) => sum + pack.bytes, 0);
    if (goes.length === 0 || bytes < worthBytes) return { objects: 0, bytes: 0 };
    const before = stays.size;
    const staying = packs.all().filter((pack) => !goes.includes(pack));
    await packs.readAlone(staying, async (others) => {
      for (const pack of goes)
        if (!(await isSoundIn(work, others, { pack, goes: () => true }))) stays.add(pack.name);
    });
    // What stays now may be what another one would have relied on.
    if (stays.size > before) continue;
    stop.throwIfAborted();
    await packs.replace(goes, undefined);
    return { objects: goes.reduce((sum, { idx }) => sum + idx.count, 0), bytes };
  }
}

/**
 * Writes anew, without what is elsewhere, each pack that loses at least a quarter by it; what its own deltas stand on
 * stays. Each is one change of the storage, after which all is here that was: it may end at any moment.
 */
async function dropParts(work: Work): Promise<Dropped> {
  let objects = 0;
  let bytes = 0;
  for (;;) {
    const part = await dropPart(work, await countCopies(work));
    if (part === undefined) return { objects, bytes };
    objects += part.objects;
    bytes += part.bytes;
  }
}

function openWork(given: Keeping, worthBytes: number): Work {
  let steps = 0;
  const step = (): Promise<void> | void => given.turn(++steps);
  return { ...given, turn: step, step, worthBytes, stays: new Set() };
}

/** Packs that can all go at once, the largest first. */
async function chooseWhole(work: Work): Promise<ReadonlyArray<StoredPack>> {
  const copies = await countCopies(work);
  const chosen: StoredPack[] = [];
  for (const pack of work.packs.all().toSorted((a, b) => b.bytes - a.bytes)) {
    if (work.stays.has(pack.name) || !(await isDoubled(work, copies, pack))) continue;
    for (let position = 0; position < pack.idx.count; position++) copies.without(pack, position);
    chosen.push(pack);
  }
  return chosen;
}

async function isDoubled({ step }: Work, copies: Copies, pack: StoredPack): Promise<boolean> {
  for (let position = 0; position < pack.idx.count; position++) {
    if (!copies.isElsewhere(pack, position)) return false;
    const waited = step();
    if (waited !== undefined) await waited;
  }
  return true;
}

/** `undefined`: there is no pack left that it would be worth it for. */
async function dropPart(work: Work, copies: Copies): Promise<Dropped | undefined> {
  for (const pack of work.packs.all()) {
    if (work.stays.has(pack.name)) continue;
    try {
      const dropped = await dropFrom(work, copies, pack);
      if (dropped !== undefined) return dropped;
    } catch (error) {
      // Whoever reads it is told; it is not for this to make it worse.
      if (!(error instanceof StorageDamagedError)) throw error;
    }
    work.stays.add(pack.name);
  }
  return undefined;
}

async function dropFrom(
  work: Work,
  copies: Copies,
  pack: StoredPack,
): Promise<Dropped | undefined> {
  const { packs, stop } = work;
  const isElsewhere = (position: number): boolean => copies.isElsewhere(pack, position);
  if (!isWorth(work, pack, sumOf(pack, isElsewhere).bytes)) return undefined;
  const needed = await neededOf(work, pack, isElsewhere);
  const goes = (position: number): boolean => needed[position] === 0;
  const { objects, bytes } = sumOf(pack, goes);
  if (!isWorth(work, pack, bytes)) return undefined;
  const staying = packs.all().filter((other) => other !== pack);
  if (!(await packs.readAlone(staying, (others) => isSoundIn(work, others, { pack, goes }))))
    return undefined;
  const made = await copyOf(work, [pack], (_, position) => !goes(position));
  const won = pack.bytes - (made?.pack.length ?? 0);
  if (!isWorth(work, pack, won)) return undefined;
  stop.throwIfAborted();
  await packs.replace([pack], made);
  return { objects, bytes: won };
}

function isWorth({ worthBytes }: Work, pack: StoredPack, bytes: number): boolean {
  return bytes >= Math.max(worthBytes, pack.bytes / worthShare);
}

/** 1 for each object that is here only, and for what its deltas stand on. */
async function neededOf(
  { packs, step }: Work,
  pack: StoredPack,
  isElsewhere: (position: number) => boolean,
): Promise<Uint8Array> {
  const needed = new Uint8Array(pack.idx.count);
  for (let position = 0; position < pack.idx.count; position++) {
    if (isElsewhere(position)) continue;
    for (let at = position; at >= 0 && needed[at] === 0;) {
      needed[at] = 1;
      const base = baseIn(packs, pack, at);
      at = typeof base === "number" ? base : await base;
    }
    const waited = step();
    if (waited !== undefined) await waited;
  }
  return needed;
}

/** The position of what an entry stands on in the same pack, or -1. */
function baseIn(
  packs: Work["packs"],
  pack: StoredPack,
  position: number,
): number | Promise<number> {
  const start = pack.idx.packOffset(position);
  const end = Math.min(start + headerBytesMax, pack.bytes);
  return packs.stretch({ pack, start, end }, (kernel, at) => {
    const header = readEntryHeader(kernel.bytes(), at);
    if (header === undefined) throw damaged(pack, start);
    if (header.form === "whole") return -1;
    if (header.form === "ref-delta") return pack.idx.find(kernel.bytes(), header.base);
    const offset = start - header.distance;
    const base = pack.byOffset()[rankOf(pack, offset)];
    if (base === undefined || pack.idx.packOffset(base) !== offset) throw damaged(pack, start);
    return base;
  });
}

/** Reads what goes where it stays: inflated, made of its deltas and named anew, it must be what it is called. */
async function isSoundIn(
  { step }: Work,
  others: PackReader,
  { pack, goes }: { readonly pack: StoredPack; readonly goes: (position: number) => boolean },
): Promise<boolean> {
  for (const position of pack.byOffset()) {
    if (!goes(position)) continue;
    try {
      if ((await others.look(oidAt(pack.idx.oids, position * 20), () => true)) === undefined)
        return false;
    } catch (error) {
      if (error instanceof StorageDamagedError) return false;
      throw error;
    }
    const waited = step();
    if (waited !== undefined) await waited;
  }
  return true;
}

/** In how many packs each object is. */
interface Copies {
  /** Whether anything is in more than one. */
  readonly areThere: boolean;
  readonly isElsewhere: (pack: StoredPack, position: number) => boolean;
  readonly without: (pack: StoredPack, position: number) => void;
}

async function countCopies({ packs, step }: Work): Promise<Copies> {
  const rows = packs.all().reduce((most, { base, idx }) => Math.max(most, base + idx.count), 0);
  const counts = new Uint16Array(rows);
  // All copies of an object are found in one row.
  const add = ({ idx }: StoredPack, position: number, many: number): void => {
    const row = packs.rowOf(idx.oids, position * 20);
    counts[row] = (counts[row] ?? 0) + many;
  };
  for (const pack of packs.all())
    for (let position = 0; position < pack.idx.count; position++) {
      add(pack, position, 1);
      const waited = step();
      if (waited !== undefined) await waited;
    }
  return {
    areThere: counts.some((many) => many > 1),
    isElsewhere: ({ idx }, position) => (counts[packs.rowOf(idx.oids, position * 20)] ?? 0) > 1,
    without: (pack, position) => add(pack, position, -1),
  };
}

/** A pack is written anew for so much of it. */
const worthShare = 4;
/** A size of up to six bytes, and an id or a distance. */
const headerBytesMax = 32;
