/** Pack indexes, version 2: where in its pack each object stands (gitformat-pack, "pack-*.idx files"). */

import { equal, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { sha1 } from "./sha1.ts";

/** What an index says of a pack, in the order of the pack. */
export interface PackColumns {
  readonly count: number;
  /** 20 bytes each. */
  readonly oids: Uint8Array;
  readonly offsets: Uint32Array;
  readonly crcs: Uint32Array;
}

/** An index at hand. Positions count objects in the order of their ids. */
export interface Idx {
  readonly count: number;
  readonly packHash: Bytes;
  /** The position of the id at `offset` of `bytes`, or -1. */
  readonly find: (bytes: Uint8Array, offset: number) => number;
  readonly packOffset: (position: number) => number;
  readonly crc: (position: number) => number;
  /** The ids one after the other, 20 bytes each. */
  readonly oids: Uint8Array;
  /** The offsets, 4 bytes each, the high one first. */
  readonly offsets: Uint8Array;
}

/** Indexes of the objects, sorted by id. */
export function sortByOid(oids: Uint8Array, count: number): Uint32Array {
  assert(count <= sortedMax, "no pack has so many objects");
  const view = new DataView(oids.buffer, oids.byteOffset, oids.byteLength);
  // Numbers alone are sorted without a call for each comparison: the first four bytes, and whose they are.
  const keys = new Float64Array(count);
  for (let index = 0; index < count; index++)
    keys[index] = view.getUint32(index * 20) * sortedMax + index;
  keys.sort();
  const order = new Uint32Array(count);
  for (let at = 0; at < count; at++) order[at] = (keys[at] ?? 0) % sortedMax;
  for (let start = 0, end = 1; start < count; start = end++) {
    while (end < count && firstWord(keys, end) === firstWord(keys, start)) end += 1;
    if (end - start > 1) order.subarray(start, end).sort((a, b) => compareRest(view, a, b));
  }
  return order;
}

function firstWord(keys: Float64Array, at: number): number {
  return Math.floor((keys[at] ?? 0) / sortedMax);
}

function compareRest(view: DataView, a: number, b: number): number {
  for (let offset = 4; offset < 20; offset += 4) {
    const difference = view.getUint32(a * 20 + offset) - view.getUint32(b * 20 + offset);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** What `git index-pack` writes. Packs are too small here for the table of 64-bit offsets. */
export function formatIdx(
  { count, oids, offsets, crcs }: PackColumns,
  order: Uint32Array,
  packHash: Uint8Array,
): Bytes {
  const bytes = new Uint8Array(headerBytes + count * 28 + 40);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  view.setUint32(4, version);
  const oidsAt = headerBytes;
  const crcsAt = oidsAt + count * 20;
  const offsetsAt = crcsAt + count * 4;
  const perByte = new Uint32Array(256);
  order.forEach((index, position) => {
    bytes.set(oids.subarray(index * 20, index * 20 + 20), oidsAt + position * 20);
    view.setUint32(crcsAt + position * 4, crcs[index] ?? 0);
    view.setUint32(offsetsAt + position * 4, offsets[index] ?? 0);
    const first = oids[index * 20] ?? 0;
    perByte[first] = (perByte[first] ?? 0) + 1;
  });
  let below = 0;
  perByte.forEach((many, byte) => {
    below += many;
    view.setUint32(8 + byte * 4, below);
  });
  bytes.set(packHash, bytes.length - 40);
  bytes.set(sha1(bytes.subarray(0, -20)), bytes.length - 20);
  return bytes;
}

/** Reads an index of our own making; one that is damaged is `undefined`. */
export function parseIdx(bytes: Uint8Array): Idx | undefined {
  if (bytes.length < headerBytes + 40) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(headerBytes - 4);
  if (view.getUint32(0) !== magic || view.getUint32(4) !== version) return undefined;
  if (bytes.length !== headerBytes + count * 28 + 40) return undefined;
  if (!equal(sha1(bytes.subarray(0, -20)), bytes.subarray(-20))) return undefined;
  // Each number says where ids that begin so end: a search between two of them comes to an end.
  for (let at = 8; at < headerBytes - 4; at += 4)
    if (view.getUint32(at) > view.getUint32(at + 4)) return undefined;
  const oids = bytes.subarray(headerBytes, headerBytes + count * 20);
  const crcsAt = headerBytes + count * 20;
  const offsetsAt = crcsAt + count * 4;
  return {
    count,
    packHash: bytes.slice(-40, -20),
    oids,
    offsets: bytes.subarray(offsetsAt, offsetsAt + count * 4),
    find: (id, offset) => {
      const first = id[offset] ?? 0;
      let low = first === 0 ? 0 : view.getUint32(8 + (first - 1) * 4);
      let high = view.getUint32(8 + first * 4);
      while (low < high) {
        const middle = (low + high) >>> 1;
        const order = compareIds(oids, middle * 20, id, offset);
        if (order === 0) return middle;
        if (order < 0) low = middle + 1;
        else high = middle;
      }
      return -1;
    },
    packOffset: (position) => view.getUint32(offsetsAt + position * 4),
    crc: (position) => view.getUint32(crcsAt + position * 4),
  };
}

function compareIds(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number): number {
  for (let index = 0; index < 20; index++) {
    const difference = (a[aOffset + index] ?? 0) - (b[bOffset + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const magic = 0xff74_4f63;
const version = 2;
const headerBytes = 8 + 256 * 4;
/** With four bytes of an id this is still an exact number. */
const sortedMax = 2 ** 21;
