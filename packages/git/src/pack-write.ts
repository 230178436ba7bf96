/** Writes packs: entry after entry, then the header's count and the checksum. */

import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { crc32 } from "./crc32.ts";
import type { PackColumns } from "./idx.ts";
import { deflate } from "./inflate.ts";
import { hashBytes } from "./object-hash.ts";
import type { GitObject } from "./object.ts";
import { formatWholeHeader } from "./pack-entry.ts";
import { sha1 } from "./sha1.ts";

export interface WrittenPack {
  readonly pack: Bytes;
  readonly columns: PackColumns;
}

export interface PackWriter {
  /** Where the next entry will begin. */
  readonly offset: () => number;
  readonly count: () => number;
  /** Adds one entry, in pieces. `id` is the object's. */
  readonly append: (id: Uint8Array, ...parts: ReadonlyArray<Uint8Array>) => void;
  readonly finish: () => WrittenPack;
}

/**
 * Begins a pack, or goes on with one: `before` is its header and entries, without the checksum. `roomBytes` is set aside at
 * once, where it is known how long the pack will be.
 */
export function openPackWriter({
  before = emptyPack,
  roomBytes = 0,
}: {
  readonly before?: { readonly bytes: Uint8Array; readonly columns: PackColumns };
  readonly roomBytes?: number;
} = {}): PackWriter {
  const ids: Uint8Array[] = [];
  const offsets: number[] = [];
  let end = before.bytes.length;
  let room = new Uint8Array(Math.max(roomBytes, end));
  room.set(before.bytes);
  const reserve = (bytes: number): void => {
    if (bytes <= room.length) return;
    const larger = new Uint8Array(Math.max(bytes, 2 * room.length));
    larger.set(room.subarray(0, end));
    room = larger;
  };
  return {
    offset: () => end,
    count: () => before.columns.count + offsets.length,
    append: (id, ...entry) => {
      ids.push(id);
      offsets.push(end);
      for (const part of entry) {
        reserve(end + part.length);
        room.set(part, end);
        end += part.length;
      }
    },
    finish: () => {
      assert(end < 2 ** 31, "a pack's offsets fit in 31 bits");
      reserve(end + 20);
      const pack = room.subarray(0, end + 20);
      const count = before.columns.count + offsets.length;
      new DataView(pack.buffer).setUint32(8, count);
      pack.set(sha1(pack.subarray(0, end)), end);
      return { pack, columns: columnsOf(pack, before.columns, { ids, offsets }) };
    },
  };
}

/** One entry that holds the object whole. */
export function wholeEntry(object: GitObject): ReadonlyArray<Uint8Array> {
  return [formatWholeHeader(object.type, object.bytes.length), deflate(object.bytes)];
}

/** The pack with objects added at its end, as `git index-pack --fix-thin` adds the bases of a thin one. */
export function appendObjects(
  given: { readonly pack: Uint8Array; readonly columns: PackColumns },
  objects: ReadonlyArray<GitObject>,
): WrittenPack {
  const before = { bytes: given.pack.subarray(0, -20), columns: given.columns };
  const writer = openPackWriter({ before });
  for (const object of objects)
    writer.append(hashBytes(object.type, object.bytes), ...wholeEntry(object));
  return writer.finish();
}

function columnsOf(
  pack: Uint8Array,
  before: PackColumns,
  added: { readonly ids: ReadonlyArray<Uint8Array>; readonly offsets: ReadonlyArray<number> },
): PackColumns {
  const count = before.count + added.offsets.length;
  const oids = new Uint8Array(count * 20);
  const offsets = new Uint32Array(count);
  const crcs = new Uint32Array(count);
  oids.set(before.oids.subarray(0, before.count * 20));
  offsets.set(before.offsets.subarray(0, before.count));
  crcs.set(before.crcs.subarray(0, before.count));
  added.offsets.forEach((offset, at) => {
    const index = before.count + at;
    oids.set(added.ids[at] ?? nothing, index * 20);
    offsets[index] = offset;
    crcs[index] = crc32(pack, offset, added.offsets[at + 1] ?? pack.length - 20);
  });
  return { count, oids, offsets, crcs };
}

const nothing = new Uint8Array(0);
const emptyPack = {
  // "PACK", version 2, and room for the count.
  bytes: Uint8Array.of(0x50, 0x41, 0x43, 0x4b, 0, 0, 0, 2, 0, 0, 0, 0),
  columns: { count: 0, oids: nothing, offsets: new Uint32Array(0), crcs: new Uint32Array(0) },
};
