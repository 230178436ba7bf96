/** Pages of stored packs in the kernel's memory: a pack is read piece by piece, and what was used last stays. */

import type { Bytes } from "@skein/protocol/bytes";
import type { Files } from "./files.ts";
import { StorageDamagedError, type StoredPack } from "./stored-pack.ts";

export interface PageSlots {
  readonly read: (pack: StoredPack, index: number) => Promise<Bytes>;
  /** Room for a page, which may have been another's. */
  readonly take: (asked: Asked) => number;
}

interface Asked {
  readonly size: number;
  /** Pages that were last used now are needed at the same time as this one. */
  readonly now: number;
  /** Where the page is listed. */
  readonly entry: number;
  readonly lastUsed: (entry: number) => number;
  readonly drop: (entry: number) => void;
  readonly setAside: (bytes: number) => number;
}

/** As much room as a page takes, for one page or for several that are small and of about one size. */
interface Slab {
  readonly at: number;
  /** For each of its pages. */
  room: number;
  /** Entries by their place in it. */
  readonly pages: Map<number, number>;
}

export function openPageSlots(files: Files): PageSlots {
  const slabs: Slab[] = [];

  /** Frees the room whose pages were used longest ago, unless one of them is needed now. */
  const freeOne = ({ lastUsed, drop, now }: Asked): Slab | undefined => {
    let oldest: Slab | undefined;
    let oldestUse = now;
    for (const slab of slabs) {
      const use = Math.max(...Array.from(slab.pages.values(), lastUsed));
      if (use >= oldestUse) continue;
      oldest = slab;
      oldestUse = use;
    }
    for (const entry of oldest?.pages.values() ?? []) drop(entry);
    oldest?.pages.clear();
    return oldest;
  };
  const makeRoom = (asked: Asked): Slab => {
    const room = roomFor(asked.size);
    const begun = slabs.find((slab) => slab.room === room && slab.pages.size < pageBytes / room);
    if (begun !== undefined) return begun;
    const isFull = (slabs.length + 1) * pageBytes > pagesBytesMax;
    const freed = isFull ? freeOne(asked) : undefined;
    if (freed !== undefined) freed.room = room;
    const slab = freed ?? { at: asked.setAside(pageBytes), room, pages: new Map() };
    if (freed === undefined) slabs.push(slab);
    return slab;
  };
  return {
    read: (pack, index) =>
      readStored(files, pack, { start: index * pageBytes, end: (index + 1) * pageBytes }),
    take: (asked) => {
      const { at, room, pages } = makeRoom(asked);
      // Pages of one room go together, so those that are there are the first.
      const place = pages.size;
      pages.set(place, asked.entry);
      return at + place * room;
    },
  };
}

/** Of few sizes, so that room that was one page's is another's, and the last pages of many packs take no more than they are worth. */
function roomFor(size: number): number {
  let room = pageBytes;
  while (room > roomMin && room / roomFactor >= size) room /= roomFactor;
  return room;
}

/** Bytes of a pack as they are stored. `end` may lie behind its end. */
export async function readStored(
  files: Files,
  pack: StoredPack,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<Bytes> {
  const stop = Math.min(end, pack.bytes);
  const bytes =
    files.readRange === undefined
      ? (await files.read(pack.path))?.subarray(start, stop)
      : await files.readRange(pack.path, start, stop);
  if (bytes?.length !== stop - start)
    throw new StorageDamagedError(`${pack.path} is gone or cut short`);
  return bytes;
}

/** What is read of a pack at a time. The kernel knows it as well. */
export const pageBytes = 1024 * 1024;
/** Room is of a page, or of a 4th, a 16th and so on of one. */
const roomFactor = 4;
const roomMin = 4 * 1024;
/** Of all packs. What one object is made of may be more, and is there at once all the same. */
const pagesBytesMax = 32 * 1024 * 1024;
