/** A pack that is written part by part: its header, entries, and the checksum over all of it. */

import type { Bytes } from "@skein/protocol/bytes";
import { openSha1 } from "./sha1.ts";

export interface PackParts {
  /** Where the next entry will begin. */
  readonly offset: () => number;
  /** Adds bytes of an entry. */
  readonly append: (bytes: Uint8Array, start: number, end: number) => void;
  /** What came since the last part was taken. */
  readonly take: () => Bytes;
  /** The last part, with the checksum. */
  readonly finish: () => Bytes;
}

/** Measures the same pack, and writes none of it. */
export function openPackMeter(): Pick<PackParts, "offset" | "append"> {
  let end = headerBytes;
  return {
    offset: () => end,
    append: (_bytes, start, stop) => {
      end += stop - start;
    },
  };
}

export function openPackParts(objects: number): PackParts {
  const hash = openSha1();
  let room = new Uint8Array(64 * 1024);
  let filled = 0;
  let before = 0;
  const append = (bytes: Uint8Array, start: number, end: number): void => {
    const length = end - start;
    if (filled + length > room.length) {
      const larger = new Uint8Array(Math.max(filled + length, room.length * 2));
      larger.set(room.subarray(0, filled));
      room = larger;
    }
    room.set(bytes.subarray(start, end), filled);
    filled += length;
  };
  const take = (): Bytes => {
    const part = room.slice(0, filled);
    hash.update(part);
    before += filled;
    filled = 0;
    return part;
  };
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  view.setUint32(0, magic);
  view.setUint32(4, version);
  view.setUint32(8, objects);
  append(header, 0, header.length);
  return {
    offset: () => before + filled,
    append,
    take,
    finish: () => {
      hash.update(room.subarray(0, filled));
      append(hash.finish(), 0, 20);
      return room.slice(0, filled);
    },
  };
}

const headerBytes = 12;
const magic = 0x5041_434b;
const version = 2;
