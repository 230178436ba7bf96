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

interface Slot {
  readonly at: number;
  readonly room: number;
  readonly entry: number;
}

export function openPageSlots(files: Files): PageSlots {
  const taken = new Map<number, Slot>();
  let free: Slot[] = [];
  let total = 0;

  /** The page that was used longest ago, unless that is needed now. */
  const dropOne = ({ lastUsed, drop, now }: Asked): boolean => {
    let oldest: Slot | undefined;
    for (const slot of taken.values())
      if (oldest === undefined || lastUsed(slot.entry) < lastUsed(oldest.entry)) oldest = slot;
    if (oldest === undefined || lastUsed(oldest.entry) === now) return false;
    drop(oldest.entry);
    taken.delete(oldest.entry);
    free.push(oldest);
    return true;
  };
  const reuse = (size: number): Slot | undefined => {
    const found = free.find(({ room }) => room >= size && room <= 2 * size);
    free = free.filter((slot) => slot !== found);
    return found;
  };
  return {
    read: (pack, index) =>
      readStored(files, pack, { start: index * pageBytes, end: (index + 1) * pageBytes }),
    take: (asked) => {
      let slot = reuse(asked.size);
      while (slot === undefined && total + asked.size > pagesBytesMax && dropOne(asked))
        slot = reuse(asked.size);
      if (slot === undefined) total += asked.size;
      const at = slot?.at ?? asked.setAside(asked.size);
      taken.set(asked.entry, { at, room: slot?.room ?? asked.size, entry: asked.entry });
      return at;
    },
  };
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
/** Of all packs. What one object is made of may be more, and is there at once all the same. */
const pagesBytesMax = 32 * 1024 * 1024;
