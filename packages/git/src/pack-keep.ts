/** Keeps the packs of a repository few, by copying small ones together, and free of what nobody can reach. */

/* oxlint-disable eslint/no-await-in-loop -- one pack is rewritten after the other, and each is whole in itself. */

import { formatHex } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { packSegmentBytesMax } from "@skein/protocol/limits";
import { formatIdx, sortByOid } from "./idx.ts";
import { oidAt, type GitObject } from "./object.ts";
import { writePackOf, type BuildSource } from "./pack-build.ts";
import type { MadePack, StoredPack } from "./stored-pack.ts";
import type { StopSignal } from "./stop-signal.ts";
import type { StoredPacks } from "./stored-packs.ts";

export interface Keeping {
  readonly packs: StoredPacks;
  readonly read: (oid: ObjectId) => Promise<GitObject>;
  readonly turn: (done: number) => Promise<void> | void;
  readonly stop: StopSignal;
}

/**
 * Which of packs of these sizes to copy into one: as few bytes as will do for each pack to be twice as large as all
 * smaller ones together. None as long as there are few, and none that would make more than a segment.
 */
export function chooseMerge(sizes: ReadonlyArray<number>): ReadonlyArray<number> {
  const order = sizes
    .map((size, index) => ({ size, index }))
    // A segment that is full is left alone, and there may be as many of those as it takes.
    .filter(({ size }) => size < packSegmentBytesMax / 2)
    .toSorted((a, b) => a.size - b.size);
  if (order.length <= packsKeptMax) return [];
  let many = 0;
  let below = 0;
  for (const [rank, { size }] of order.entries()) {
    if (below + size > packSegmentBytesMax) break;
    if (rank > 0 && size < growth * below) many = rank + 1;
    below += size;
  }
  // Few would be left by doubling alone; there are too many all the same.
  if (many < 2) many = Math.min(order.length, order.length - packsKeptMax + 1);
  let total = 0;
  return order.slice(0, many).flatMap(({ size, index }) => {
    total += size;
    return total <= packSegmentBytesMax ? [index] : [];
  });
}

/** Copies small packs into one, if there are many. Answers how many went into it. */
export async function mergePacks(keeping: Keeping): Promise<number> {
  const all = [...keeping.packs.all()];
  const chosen = chooseMerge(all.map(({ bytes }) => bytes)).flatMap((index) => all[index] ?? []);
  if (chosen.length < 2) return 0;
  // The largest first, as its objects are likely to be the bases of the others.
  const merging = chosen.toSorted((a, b) => b.bytes - a.bytes);
  await keeping.packs.replace(merging, await copyOf(keeping, merging, () => true));
  return merging.length;
}

export interface Dropped {
  readonly objects: number;
  /** Of packs, as they were stored. */
  readonly bytes: number;
}

/** Whether what stands at a position of a pack is reachable. It holds until packs are replaced. */
export type Reachable = (pack: StoredPack, position: number) => boolean;

/**
 * Copies what is reachable out of every pack that holds something unreachable, then removes all of those packs at once.
 * So it may end at any moment: whatever is here is here with all that it leads to, also what nobody reaches yet.
 * Does nothing where fewer than `worthBytes` would be won.
 */
export async function dropUnreachable(
  keeping: Keeping,
  isReachable: Reachable,
  worthBytes: number,
): Promise<Dropped> {
  const { packs } = keeping;
  let objects = 0;
  let bytes = 0;
  const losing: StoredPack[] = [];
  for (const pack of packs.all()) {
    const lost = sumOf(pack, (at) => !isReachable(pack, at));
    if (lost.objects > 0) losing.push(pack);
    objects += lost.objects;
    bytes += lost.bytes;
  }
  if (losing.length === 0 || bytes < worthBytes) return { objects: 0, bytes: 0 };
  for (const pack of losing) {
    const made = await copyOf(keeping, [pack], isReachable);
    if (made !== undefined) await packs.add(made.name, made.idx, made.pack);
  }
  keeping.stop.throwIfAborted();
  await packs.replace(losing, undefined);
  return { objects, bytes };
}

/** What of a pack is chosen, by its position. */
export function sumOf(pack: StoredPack, isChosen: (position: number) => boolean): Dropped {
  let objects = 0;
  let bytes = 0;
  let end = pack.bytes - trailerBytes;
  for (const position of pack.byOffset().toReversed()) {
    const start = pack.idx.packOffset(position);
    if (isChosen(position)) {
      objects += 1;
      bytes += end - start;
    }
    end = start;
  }
  return { objects, bytes };
}

/** Everything that is kept of some packs, as one pack; `undefined` where that is nothing. */
export async function copyOf(
  { packs, read, turn }: Keeping,
  from: ReadonlyArray<StoredPack>,
  keeps: Reachable,
): Promise<MadePack | undefined> {
  const objects = new Set<ObjectId>();
  for (const pack of from)
    for (const position of pack.byOffset()) {
      if (keeps(pack, position)) objects.add(oidAt(pack.idx.oids, position * 20));
    }
  if (objects.size === 0) return undefined;
  const source: BuildSource = { find: packs.findAmong(from), stretch: packs.stretch };
  const had = new Set<ObjectId>();
  const { pack, columns } = await writePackOf(source, { objects: [...objects], had, read, turn });
  const packHash = pack.subarray(-trailerBytes);
  const idx = formatIdx(columns, sortByOid(columns.oids, columns.count), packHash);
  return { name: formatHex(packHash), pack, idx };
}

/** Looking an object up takes a search in each pack. */
export const packsKeptMax = 10;
const growth = 2;
const trailerBytes = 20;
