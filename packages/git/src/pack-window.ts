/** A window on a pack that arrives: its bytes come into the kernel's memory, are hashed, and are read entry by entry. */

import { equal } from "@skein/protocol/bytes";
import { packBytesMax, packObjectsMax } from "@skein/protocol/limits";
import { readEntryHeader, type EntryHeader } from "./pack-entry.ts";
import { readEntry, type PackReading } from "./pack-reading.ts";
import { PackRejectedError } from "./pack-rejected.ts";

export interface PackWindow {
  /** More of the pack was appended to `reading.pack`. `ended` when that is all of it. */
  readonly arrived: (ended: boolean) => void;
  /** Reads one entry. Answers how much it inflates to, or `undefined` until more arrives or if there are no more. */
  readonly next: () => { readonly size: number; readonly header: EntryHeader } | undefined;
  /** How many entries the header promises; `undefined` before it is here. */
  readonly count: () => number | undefined;
  /** Throws unless exactly the promised entries came, and the checksum over them. */
  readonly finish: () => void;
}

export function openPackWindow(reading: PackReading): PackWindow {
  const { memory } = reading;
  const { kernel, windowAt } = memory;
  /** Of the pack: where the window begins, where it ends, and up to where it was hashed. */
  let start = 0;
  let end = 0;
  let hashed = 0;
  let room = 0;
  let count: number | undefined;
  let ended = false;
  /** A stream that is cut short here is tried again once twice as much is here. */
  let wanted = 0;
  kernel.sha1Begin(memory.hashAt, 0);

  const address = (offset: number): number => windowAt + offset - start;

  const hash = (): void => {
    const until = Math.max(hashed, ended ? reading.packBytes - trailerBytes : end - trailerBytes);
    kernel.sha1Update(memory.hashAt, address(hashed), Math.min(until, end) - hashed);
    hashed = Math.min(until, end);
  };

  /** Moves what is still needed to the front, and brings more behind it. Answers whether there was more. */
  const load = (): boolean => {
    const many = Math.min(
      Math.max(stepBytes, wanted - (end - reading.offset)),
      reading.packBytes - end,
    );
    if (many <= 0) return false;
    const keep = Math.min(reading.offset, hashed);
    const left = end - keep;
    if (room < left + many) {
      // What is in the window stays where it is.
      room = Math.max(2 * stepBytes, left + many, 2 * (left + many) - stepBytes);
      memory.widen(room + (keep - start));
    }
    kernel.bytes().copyWithin(windowAt, address(keep), address(end));
    start = keep;
    kernel.bytes().set(reading.pack.subarray(end, end + many), address(end));
    end += many;
    hash();
    return true;
  };

  const readHeader = (): number | undefined => {
    if (reading.packBytes < headerBytes) return undefined;
    return readPackHeader(reading, ended);
  };

  const tryEntry = (most: number): { size: number; header: EntryHeader } | undefined => {
    const here = Math.min(end, most) - reading.offset;
    if (here < wanted && (!ended || end < most)) return undefined;
    if (here < entryHeaderMax && !ended) return undefined;
    const window = memory.view({ at: address(reading.offset), size: Math.max(0, here) });
    const header = here > 0 ? readEntryHeader(window, 0) : undefined;
    if (header === undefined || header.data > here)
      throw new PackRejectedError(`no entry of a known kind at byte ${reading.offset}`);
    if (header.form === "ref-delta") {
      const { idAt } = memory;
      kernel.bytes().set(window.subarray(header.base, header.base + 20), idAt);
    }
    const from = address(reading.offset) + header.data;
    const index = reading.read;
    const length = readEntry(reading, { header, from, end: address(reading.offset) + here });
    if (length < 0) {
      wanted = 2 * here;
      if (here > longestStream(header.size))
        throw new PackRejectedError(`a zlib stream without an end at byte ${reading.offset}`);
      return undefined;
    }
    wanted = 0;
    const entryBytes = header.data + length;
    reading.rows.crcs[index] = kernel.crc32(address(reading.offset), entryBytes);
    reading.offset += entryBytes;
    return { size: header.size, header };
  };

  return {
    arrived: (all) => {
      ended = all;
      if (count !== undefined) return;
      count = readHeader();
      if (count !== undefined) reading.offset = headerBytes;
    },
    count: () => count,
    next: () => {
      if (count === undefined || reading.read === count) return undefined;
      for (;;) {
        const most = ended ? reading.packBytes - trailerBytes : reading.packBytes;
        const entry = tryEntry(most);
        if (entry !== undefined) return entry;
        if (load()) continue;
        if (ended) throw new PackRejectedError("cut short");
        return undefined;
      }
    },
    finish: () => {
      if (count === undefined || reading.read < count) throw new PackRejectedError("cut short");
      if (reading.offset !== reading.packBytes - trailerBytes)
        throw new PackRejectedError("junk after the last object");
      while (load()) continue;
      hash();
      kernel.sha1Finish(memory.hashAt, memory.idAt);
      const trailer = reading.pack.subarray(reading.packBytes - trailerBytes, reading.packBytes);
      if (!equal(memory.view({ at: memory.idAt, size: trailerBytes }), trailer))
        throw new PackRejectedError("a wrong checksum at its end");
    },
  };
}

/** Magic, version 2, and a count that the bytes could hold. */
function readPackHeader({ pack, packBytes }: PackReading, ended: boolean): number {
  const view = new DataView(pack.buffer, pack.byteOffset, packBytes);
  if (view.getUint32(0) !== magic) throw new PackRejectedError("not a pack");
  if (view.getUint32(4) !== version) throw new PackRejectedError("a version other than 2");
  const count = view.getUint32(8);
  if (count > packObjectsMax) throw new PackRejectedError(`more than ${packObjectsMax} objects`);
  if (count * entryBytesMin > (ended ? packBytes : packBytesMax))
    throw new PackRejectedError("cut short");
  return count;
}

/** Deflate adds little to what it cannot shrink; only a stream made to be long is longer. */
function longestStream(size: number): number {
  return 2 * size + 1024 * 1024;
}

const magic = 0x5041_434b;
const version = 2;
const headerBytes = 12;
export const trailerBytes = 20;
/** One byte of header and an empty zlib stream. */
const entryBytesMin = 9;
/** The longest header there is, with a base's id, and a little of the stream. */
const entryHeaderMax = 48;
const stepBytes = 256 * 1024;
