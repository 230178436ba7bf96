/** Keeps the packs of a repository few, by copying small ones together, and free of what nobody can reach. */

/* oxlint-disable eslint/no-await-in-loop -- one pack is rewritten after the other, and each is whole in itself. */

import { formatHex } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { formatIdx, sortByOid } from "./idx.ts";
import { oidAt, type GitObject } from "./object.ts";
import { writePackOf, type BuildSource } from "./pack-build.ts";
import type { StoredPack } from "./stored-pack.ts";
import type { StoredPacks } from "./stored-packs.ts";

interface Keeping {
  readonly packs: StoredPacks;
  readonly read: (oid: ObjectId) => Promise<GitObject>;
  readonly turn: (done: number) => Promise<void> | void;
}

/**
 * Which of packs of these sizes to copy into one: as few bytes as will do for each pack to be twice as large as all
 * smaller ones together. None as long as there are few, and none that would make more than a segment.
 */
export function chooseMerge(sizes: ReadonlyArray<number>): ReadonlyArray<number> {
  if (sizes.length <= packsKeptMax) return [];
  const order = sizes
    .map((size, index) => ({ size, index }))
    .filter(({ size }) => size < segmentBytesMax)
    .toSorted((a, b) => a.size - b.size);
  let many = 0;
  let below = 0;
  for (const [rank, { size }] of order.entries()) {
    if (below + size > segmentBytesMax) break;
    if (rank > 0 && size < growth * below) many = rank + 1;
    below += size;
  }
  // Few would be left by doubling alone; there are too many all the same.
  if (many < 2) many = Math.min(order.length, sizes.length - packsKeptMax + 1);
  let total = 0;
  return order.slice(0, many).flatMap(({ size, index }) => {
    total += size;
    return total <= segmentBytesMax ? [index] : [];
  });
}

/** Copies small packs into one, if there are many. Answers how many went into it. */
export async function mergePacks(keeping: Keeping): Promise<number> {
  const all = [...keeping.packs.all()];
  const chosen = chooseMerge(all.map(({ bytes }) => bytes)).flatMap((index) => all[index] ?? []);
  if (chosen.length < 2) return 0;
  // The largest first, as its objects are likely to be the bases of the others.
  const merging = chosen.toSorted((a, b) => b.bytes - a.bytes);
  await rewrite(keeping, merging, () => true);
  return merging.length;
}

/** Rewrites each pack that holds something unreachable, without it. Answers how many objects went. */
export async function dropUnreachable(
  keeping: Keeping,
  isReachable: (oid: ObjectId) => boolean,
): Promise<number> {
  let dropped = 0;
  // The list changes as packs are rewritten.
  for (const pack of keeping.packs.all().slice()) {
    let lost = 0;
    for (let position = 0; position < pack.idx.count; position++)
      if (!isReachable(oidAt(pack.idx.oids, position * 20))) lost += 1;
    if (lost === 0) continue;
    await rewrite(keeping, [pack], isReachable);
    dropped += lost;
  }
  return dropped;
}

/** One pack takes the place of others, in one change of the storage. */
async function rewrite(
  { packs, read, turn }: Keeping,
  from: ReadonlyArray<StoredPack>,
  keeps: (oid: ObjectId) => boolean,
): Promise<void> {
  const objects = new Set<ObjectId>();
  for (const pack of from)
    for (const position of pack.byOffset()) {
      const oid = oidAt(pack.idx.oids, position * 20);
      if (keeps(oid)) objects.add(oid);
    }
  if (objects.size === 0) {
    await packs.replace(from, undefined);
    return;
  }
  const source: BuildSource = { find: packs.findAmong(from), stretch: packs.stretch };
  const had = new Set<ObjectId>();
  const { pack, columns } = await writePackOf(source, { objects: [...objects], had, read, turn });
  const packHash = pack.subarray(-20);
  const idx = formatIdx(columns, sortByOid(columns.oids, columns.count), packHash);
  await packs.replace(from, { name: formatHex(packHash), pack, idx });
}

/** Looking an object up takes a search in each pack. */
export const packsKeptMax = 10;
/** What a pack may grow to by merging: as much as is moved, or held in memory, at once. */
export const segmentBytesMax = 16 * 1024 * 1024;
const growth = 2;
