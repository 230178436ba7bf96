/** A window on a pack that arrives: its bytes come into the kernel's memory, are hashed, and are read entry by entry. */

import { equal } from "@skein/protocol/bytes";
import { zlibStreamBytesFree, zlibStreamGrowthMax } from "@skein/protocol/limits";
import { readEntryHeader } from "./pack-entry.ts";
import { readEntry, type PackReading } from "./pack-reading.ts";
import { PackRejectedError } from "./pack-rejected.ts";

export interface PackWindow {
  readonly reading: PackReading;
  /** Of the pack: where the window begins, where it ends, and up to where it was hashed. */
  start: number;
  end: number;
  hashed: number;
  room: number;
  /** How many entries the header promises; `undefined` before it is here. */
  count: number | undefined;
  /** Whether all of the pack is here. */
  ended: boolean;
  /** A stream that is cut short here is tried again once so much is here. */
  wanted: number;
}

export interface EntryRead {
  readonly size: number;
  /** The id of its base, if that is named. */
  readonly named: Uint8Array | undefined;
}

export function openPackWindow(reading: PackReading): PackWindow {
  reading.memory.kernel.sha1Begin(reading.memory.hashAt, 0);
  return {
    reading,
    start: 0,
    end: 0,
    hashed: 0,
    room: 0,
    count: undefined,
    ended: false,
    wanted: 0,
  };
}

/** More of the pack has come. `ended` when that is all of it. */
export function noticeArrival(window: PackWindow, ended: boolean): void {
  const { reading } = window;
  window.ended = ended;
  if (window.count !== undefined || reading.spool.length() < headerBytes) return;
  window.count = readPackHeader(reading, ended);
  reading.offset = headerBytes;
}

/** Reads one entry. `undefined` until more arrives, or if there are no more. */
export function readNext(window: PackWindow): EntryRead | undefined {
  const { reading } = window;
  if (window.count === undefined || reading.read === window.count) return undefined;
  for (;;) {
    const entry = tryEntry(window);
    if (entry !== undefined) return entry;
    if (load(window)) continue;
    if (window.ended) throw new PackRejectedError("cut-short", "cut short");
    return undefined;
  }
}

/** Throws unless exactly the promised entries came, and the checksum over them. */
export function finishWindow(window: PackWindow): void {
  const { reading, count } = window;
  const { memory, spool } = reading;
  const packBytes = spool.length();
  if (count === undefined || reading.read < count)
    throw new PackRejectedError("cut-short", "cut short");
  if (reading.offset !== packBytes - trailerBytes)
    throw new PackRejectedError("junk", "junk after the last object");
  while (load(window)) continue;
  hash(window);
  memory.kernel.sha1Finish(memory.hashAt, memory.idAt);
  const trailer = spool.view(packBytes - trailerBytes, packBytes);
  if (!equal(memory.view({ at: memory.idAt, size: trailerBytes }), trailer))
    throw new PackRejectedError("wrong-checksum", "a wrong checksum at its end");
}

function tryEntry(window: PackWindow): EntryRead | undefined {
  const { reading } = window;
  const { memory } = reading;
  const { kernel } = memory;
  const here = bytesToRead(window);
  if (here === undefined) return undefined;
  if (here <= 0) throw new PackRejectedError("cut-short", "cut short");
  const at = address(window, reading.offset);
  const header = readEntryHeader(kernel.bytes(), at);
  if (header === undefined || header.data > at + here)
    throw new PackRejectedError(
      "unknown-entry",
      `no entry of a known kind at byte ${reading.offset}`,
    );
  let named: Uint8Array | undefined;
  if (header.form === "ref-delta") {
    named = kernel.bytes().slice(header.base, header.base + 20);
    kernel.bytes().set(named, memory.idAt);
  }
  const index = reading.read;
  const length = readEntry(reading, { header, from: header.data, end: at + here });
  // However it arrives: as much of the stream as was read, or as is here without an end.
  if ((length < 0 ? at + here - header.data : length) > longestStream(header.size))
    throw new PackRejectedError(
      "endless-stream",
      `a zlib stream that does not end in time at byte ${reading.offset}`,
    );
  if (length < 0) {
    window.wanted = 2 * here;
    return undefined;
  }
  window.wanted = 0;
  const entryBytes = header.data - at + length;
  reading.rows.crcs[index] = kernel.crc32(at, entryBytes);
  reading.offset += entryBytes;
  return { size: header.size, named };
}

/** How many bytes of entries are in the window and not read, or `undefined` if more should be here first. */
function bytesToRead({ reading, ended, wanted, end }: PackWindow): number | undefined {
  const packBytes = reading.spool.length();
  const most = ended ? packBytes - trailerBytes : packBytes;
  const here = Math.min(end, most) - reading.offset;
  const isAll = ended && end >= most;
  return isAll || here >= Math.max(wanted, entryHeaderMax) ? here : undefined;
}

/** Moves what is still needed to the front, and brings more behind it. Answers whether there was more. */
function load(window: PackWindow): boolean {
  const { reading, start, end } = window;
  const { memory, spool } = reading;
  const packBytes = spool.length();
  const { kernel, windowAt } = memory;
  const many = Math.min(
    Math.max(stepBytes, window.wanted - (end - reading.offset)),
    packBytes - end,
  );
  if (many <= 0) return false;
  const keep = Math.min(reading.offset, window.hashed);
  const left = end - keep;
  if (window.room < left + many) {
    window.room = Math.max(2 * stepBytes, 2 * (left + many) - stepBytes);
    // What is in the window stays where it is until it is moved.
    memory.widen(window.room + keep - start);
  }
  kernel.bytes().copyWithin(windowAt, address(window, keep), address(window, end));
  window.start = keep;
  kernel.bytes().set(spool.view(end, end + many), address(window, end));
  window.end += many;
  hash(window);
  return true;
}

/** The checksum covers all but itself, and where that begins is known at the end. */
function hash(window: PackWindow): void {
  const { reading, end, hashed } = window;
  const { memory, spool } = reading;
  const packBytes = spool.length();
  const until = Math.min(end, (window.ended ? packBytes : end) - trailerBytes);
  if (until <= hashed) return;
  memory.kernel.sha1Update(memory.hashAt, address(window, hashed), until - hashed);
  window.hashed = until;
}

function address({ reading, start }: PackWindow, offset: number): number {
  return reading.memory.windowAt + offset - start;
}

/** Magic, version 2, and a count that the bytes could hold. */
function readPackHeader({ spool, limits }: PackReading, ended: boolean): number {
  const packBytes = spool.length();
  const header = spool.view(0, headerBytes);
  const view = new DataView(header.buffer, header.byteOffset, headerBytes);
  if (view.getUint32(0) !== magic) throw new PackRejectedError("no-pack", "not a pack");
  if (view.getUint32(4) !== version)
    throw new PackRejectedError("unknown-version", "a version other than 2");
  const count = view.getUint32(8);
  if (count > limits.objects)
    throw new PackRejectedError("object-count", `more than ${limits.objects} objects`);
  if (count * entryBytesMin > (ended ? packBytes : limits.packBytes))
    throw new PackRejectedError("cut-short", "cut short");
  return count;
}

/** Only a stream made to be long is longer. */
function longestStream(size: number): number {
  return zlibStreamGrowthMax * size + zlibStreamBytesFree;
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
