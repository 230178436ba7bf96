/** Objects of stored packs: found by id, and made from their entries, down a chain of deltas and up again. */

import { applyDelta, deltaResult } from "./delta";
import { inflate } from "./inflate";
import { nameObject } from "./sha1";

/** What functions here answer instead of a type; `told` says which page, where, or how much memory. */
const pageMissing: i32 = -1;
const damaged: i32 = -2;
const memoryWanted: i32 = -3;

const pageBits: u32 = 20;
const pageMask: u32 = 0xfffff;
const packRecord: u32 = 16;
const chainMax: u32 = 4095;
const headerMax: u32 = 48;
const slack: u32 = 32;
const strangeBytes: u32 = 1048576;

const told: usize = memory.data(16, 16);
const chain: usize = memory.data(4096 * 16, 16);

/** One row for each object: its id, where its entry begins (the high byte first), and its pack. A table of slots leads from ids to rows. */
let ids: usize = 0;
let offsets: usize = 0;
let owners: usize = 0;
let slots: usize = 0;
let slotMask: u32 = 0;
/** For each pack: its first row, how many there are, where its entries end, and where its pages are listed. */
let packs: usize = 0;

/** What was made last lies in a ring, and a table says where. Places only ever grow. */
let ring: usize = 0;
let ringBytes: u64 = 0;
let head: u64 = 0;
let places: usize = 0;
let placeMask: u32 = 0;
let objectMax: u32 = 0;

/** Room that is lent while one object is made. */
let lentFrom: usize = 0;
let lentTop: usize = 0;
let lentEnd: usize = 0;

let clock: u32 = 0;
let fault: i32 = 0;

export let madeAt: usize = 0;
export let madeSize: u32 = 0;

let entryCode: u32 = 0;
let entrySize: u32 = 0;
let entryData: u32 = 0;
let entryBase: u32 = 0;

export function packsTold(): usize {
  return told;
}

/** What is noted beside a page that is used now. */
export function packsClock(): u32 {
  return clock;
}

export function packsRing(at: usize, bytes: u32, table: usize, mask: u32, largest: u32): void {
  ring = at;
  ringBytes = bytes;
  head = bytes;
  places = table;
  placeMask = mask;
  objectMax = largest;
}

export function packsRows(idsAt: usize, offsetsAt: usize, ownersAt: usize, table: usize, mask: u32): void {
  ids = idsAt;
  offsets = offsetsAt;
  owners = ownersAt;
  slots = table;
  slotMask = mask;
}

export function packsRoom(records: usize, from: usize, end: usize): void {
  packs = records;
  lentFrom = from;
  lentEnd = end;
}

/** Makes rows known by their ids. Of rows with the same id the first one stays. */
export function packsKnow(first: u32, count: u32): void {
  for (let row = first; row < first + count; row++) {
    const id = ids + row * 20;
    let slot = load<u32>(id) & slotMask;
    for (;;) {
      const at = slots + (slot << 2);
      const other = load<u32>(at);
      if (other == 0) {
        store<u32>(at, row + 1);
        break;
      }
      if (sameId(ids + (other - 1) * 20, id)) break;
      slot = (slot + 1) & slotMask;
    }
  }
}

/** The row of the id at `id`, or -1. */
export function packsFind(id: usize): i32 {
  let slot = load<u32>(id) & slotMask;
  while (true) {
    const row = load<u32>(slots + (slot << 2));
    if (row == 0) return -1;
    if (sameId(ids + (row - 1) * 20, id)) return i32(row - 1);
    slot = (slot + 1) & slotMask;
  }
}

@inline
function sameId(a: usize, b: usize): bool {
  return (
    load<u64>(a) == load<u64>(b) && load<u64>(a, 8) == load<u64>(b, 8) && load<u32>(a, 16) == load<u32>(b, 16)
  );
}

/** The row of an id in one pack, whose rows are in the order of their ids; or -1. */
function findInside(pack: u32, id: usize): i32 {
  const record = packs + pack * packRecord;
  const base = load<u32>(record);
  const first = bswap<u64>(load<u64>(id));
  let low = base;
  let high = base + load<u32>(record, 4);
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = ids + middle * 20;
    const here = bswap<u64>(load<u64>(at));
    let less = here < first;
    if (here == first) {
      if (sameId(at, id)) return i32(middle);
      const second = bswap<u64>(load<u64>(at, 8));
      const other = bswap<u64>(load<u64>(id, 8));
      less = second == other ? bswap<u32>(load<u32>(at, 16)) < bswap<u32>(load<u32>(id, 16)) : second < other;
    }
    if (less) low = middle + 1;
    else high = middle;
  }
  return -1;
}

/** Makes the object of a row. Answers its type as packs write it; where it lies and its size are told. */
export function packsMake(row: u32): i32 {
  const code = make(load<u16>(owners + (row << 1)), bswap<u32>(load<u32>(offsets + (row << 2))));
  if (code > 0) {
    store<u32>(told, u32(madeAt));
    store<u32>(told, madeSize, 4);
  }
  return code;
}

const verified: usize = memory.data(20, 16);

/** The row, if what was just made for it has its name. */
export function verifyRow(row: u32, code: u32): i32 {
  nameObject(code, madeAt, madeSize, verified, false);
  if (sameId(verified, ids + row * 20)) return i32(row);
  return tellDamage(load<u16>(owners + (row << 1)), bswap<u32>(load<u32>(offsets + (row << 2))));
}

/** The type of a row's object, without making it. */
export function packsType(row: u32): i32 {
  lentTop = lentFrom;
  clock++;
  let pack: u32 = load<u16>(owners + (row << 1));
  let offset = bswap<u32>(load<u32>(offsets + (row << 2)));
  for (let depth: u32 = 0; depth <= chainMax; depth++) {
    if (!readEntry(pack, offset)) return fault;
    if (entryCode < 5) return entryCode;
    if (!goToBase(pack, offset)) return fault;
    pack = basePack;
    offset = baseOffset;
  }
  return tellDamage(pack, offset);
}

/** The size of a row's object. */
export function packsSize(row: u32): i32 {
  lentTop = lentFrom;
  clock++;
  const pack: u32 = load<u16>(owners + (row << 1));
  const offset = bswap<u32>(load<u32>(offsets + (row << 2)));
  if (!readEntry(pack, offset)) return fault;
  if (entryCode < 5) return i32(entrySize);
  const delta = lend(entrySize);
  if (delta == 0) return fault;
  if (!inflateEntry(pack, offset, entryData, entrySize, delta)) return fault;
  let at = delta;
  const end = delta + entrySize;
  while (at < end && load<u8>(at++) >= 0x80) {}
  let size: u64 = 0;
  for (let shift: u64 = 0; at < end && shift < 42; shift += 7) {
    const byte: u64 = load<u8>(at++);
    size |= (byte & 0x7f) << shift;
    if (byte < 0x80) return size > u64(objectMax) ? tellDamage(pack, offset) : i32(size);
  }
  return tellDamage(pack, offset);
}

/** Bytes of a pack, one behind the other, as they are stored; 0 if a page is missing. */
export function packsBytes(pack: u32, offset: u32, length: u32): i32 {
  lentTop = lentFrom;
  clock++;
  const at = bytesAt(pack, offset, length);
  return at == 0 ? fault : i32(at);
}

let basePack: u32 = 0;
let baseOffset: u32 = 0;

export function makeRow(row: u32): i32 {
  return make(load<u16>(owners + (row << 1)), bswap<u32>(load<u32>(offsets + (row << 2))));
}

function make(wanted: u32, from: u32): i32 {
  lentTop = lentFrom;
  clock++;
  let pack = wanted;
  let offset = from;
  let depth: u32 = 0;
  let code = atHand(pack, offset);
  while (code == 0) {
    if (!readEntry(pack, offset)) return fault;
    if (entryCode < 5) {
      code = entryCode;
      if (!makeWhole(pack, offset)) return fault;
      break;
    }
    if (depth == chainMax) return tellDamage(wanted, from);
    const step = chain + depth * 16;
    depth++;
    store<u32>(step, pack);
    store<u32>(step, offset, 4);
    store<u32>(step, entryData, 8);
    store<u32>(step, entrySize, 12);
    if (!goToBase(pack, offset)) return fault;
    pack = basePack;
    offset = baseOffset;
    code = atHand(pack, offset);
  }
  while (depth > 0) {
    depth--;
    if (!makeDelta(chain + depth * 16, code)) return fault;
  }
  return code;
}

/** Where the base of the entry just read stands. */
function goToBase(pack: u32, offset: u32): bool {
  if (entryCode == 6) {
    if (entryBase == 0 || entryBase > offset) {
      tellDamage(pack, offset);
      return false;
    }
    basePack = pack;
    baseOffset = offset - entryBase;
    return true;
  }
  const id = bytesAt(pack, entryBase, 20);
  if (id == 0) return false;
  let row = findInside(pack, id);
  if (row < 0) row = packsFind(id);
  if (row < 0) {
    tellDamage(pack, offset);
    return false;
  }
  basePack = load<u16>(owners + (row << 1));
  baseOffset = bswap<u32>(load<u32>(offsets + (row << 2)));
  return true;
}

@inline
function placeOf(pack: u32, offset: u32): usize {
  return places + (((offset ^ (offset >> 15)) * 0x9e3779b1 + pack) & placeMask) * 24;
}

function atHand(pack: u32, offset: u32): i32 {
  const at = placeOf(pack, offset);
  if (load<u64>(at) != ((u64(pack) + 1) << 32 | offset)) return 0;
  const place = load<u64>(at, 8);
  if (place + ringBytes < head) return 0;
  madeSize = load<u32>(at, 16);
  madeAt = ring + usize(place % ringBytes);
  if (place + (ringBytes >> 1) < head) {
    // It would soon be written over.
    const next = take(madeSize);
    const to = ring + usize(next % ringBytes);
    memory.copy(to, madeAt, madeSize);
    store<u64>(at, next, 8);
    madeAt = to;
  }
  return load<u32>(at, 20);
}

function take(size: u32): u64 {
  const room: u64 = (u64(size) + slack) & ~15;
  const offset = head % ringBytes;
  if (offset + room > ringBytes) head += ringBytes - offset;
  const place = head;
  head += room;
  return place;
}

function remember(pack: u32, offset: u32, place: u64, code: u32): void {
  const at = placeOf(pack, offset);
  store<u64>(at, ((u64(pack) + 1) << 32) | offset);
  store<u64>(at, place, 8);
  store<u32>(at, madeSize, 16);
  store<u32>(at, code, 20);
}

function makeWhole(pack: u32, offset: u32): bool {
  const size = entrySize;
  const code = entryCode;
  const inRing = u64(size) + slack <= ringBytes >> 3;
  const place = inRing ? take(size) : 0;
  const to = inRing ? ring + usize(place % ringBytes) : lend(size);
  if (to == 0) return false;
  const mark = lentTop;
  if (!inflateEntry(pack, offset, entryData, size, to)) return false;
  lentTop = mark;
  madeAt = to;
  madeSize = size;
  if (inRing) remember(pack, offset, place, code);
  return true;
}

/** Makes the object of one step from the one that was just made. */
function makeDelta(step: usize, code: u32): bool {
  const pack = load<u32>(step);
  const offset = load<u32>(step, 4);
  const deltaSize = load<u32>(step, 12);
  // A base that is too large for the ring lies in what is lent, and so may what is made of it.
  const mark = madeAt >= lentFrom ? madeAt : lentTop;
  const delta = lend(deltaSize);
  if (delta == 0) return false;
  if (!inflateEntry(pack, offset, load<u32>(step, 8), deltaSize, delta)) return false;
  const size = deltaResult(delta, deltaSize, madeSize);
  if (size < 0 || u32(size) > objectMax) {
    tellDamage(pack, offset);
    return false;
  }
  const inRing = u64(size) + slack <= ringBytes >> 3;
  const place = inRing ? take(size) : 0;
  const to = inRing ? ring + usize(place % ringBytes) : lend(size);
  if (to == 0) return false;
  if (!applyDelta(madeAt, madeSize, delta, deltaSize, to, size)) {
    tellDamage(pack, offset);
    return false;
  }
  madeSize = size;
  if (inRing) {
    madeAt = to;
    lentTop = mark;
    remember(pack, offset, place, code);
  } else {
    memory.copy(mark, to, size);
    madeAt = mark;
    lentTop = mark + ((u32(size) + slack) & ~15);
  }
  return true;
}

function inflateEntry(pack: u32, offset: u32, data: u32, size: u32, to: usize): bool {
  const most = load<u32>(packs + pack * packRecord, 8) - data;
  // What does not shrink grows a little; only a strange stream is longer than that.
  let length = min<u32>(most, size + (size >> 3) + 64);
  for (let tries = 0; tries < 2; tries++) {
    const from = bytesAt(pack, data, length);
    if (from == 0) return false;
    const taken = inflate(from, from + length, to, size);
    if (taken >= 0) return true;
    if (taken == -1 || length == most) break;
    length = min<u32>(most, 2 * size + strangeBytes);
  }
  tellDamage(pack, offset);
  return false;
}

/** Reads the header of an entry: its code, its size, where its stream begins, and how far its base is or where that is named. */
function readEntry(pack: u32, offset: u32): bool {
  const end = load<u32>(packs + pack * packRecord, 8);
  if (offset >= end) {
    tellDamage(pack, offset);
    return false;
  }
  const here = min<u32>(headerMax, end - offset);
  const from = bytesAt(pack, offset, here);
  if (from == 0) return false;
  const stop = from + here;
  let at = from;
  let byte: u32 = load<u8>(at++);
  entryCode = (byte >> 4) & 7;
  let size: u64 = byte & 15;
  for (let shift: u64 = 4; byte >= 0x80; shift += 7) {
    if (shift > 40 || at >= stop) return spoiled(pack, offset);
    byte = load<u8>(at++);
    size |= u64(byte & 0x7f) << shift;
  }
  if (size > u64(objectMax) || entryCode == 0 || entryCode == 5) return spoiled(pack, offset);
  entrySize = u32(size);
  if (entryCode == 6) {
    if (at >= stop) return spoiled(pack, offset);
    byte = load<u8>(at++);
    let distance: u64 = byte & 0x7f;
    while (byte >= 0x80) {
      if (at >= stop || distance > 0xffffffff) return spoiled(pack, offset);
      byte = load<u8>(at++);
      distance = ((distance + 1) << 7) | (byte & 0x7f);
    }
    entryBase = distance > u64(offset) ? 0 : u32(distance);
  } else if (entryCode == 7) {
    entryBase = offset + u32(at - from);
    at += 20;
  }
  if (at >= stop) return spoiled(pack, offset);
  entryData = offset + u32(at - from);
  return true;
}

function spoiled(pack: u32, offset: u32): bool {
  tellDamage(pack, offset);
  return false;
}

function tellDamage(pack: u32, offset: u32): i32 {
  fault = damaged;
  store<u32>(told, pack);
  store<u32>(told, offset, 4);
  return damaged;
}

function bytesAt(pack: u32, offset: u32, length: u32): usize {
  const pages = load<u32>(packs + pack * packRecord, 12);
  let index = offset >> pageBits;
  const last = (offset + length - 1) >> pageBits;
  const page = pageAt(pages, pack, index);
  if (page == 0) return 0;
  if (index == last) return page + (offset & pageMask);
  const to = lend(length);
  if (to == 0) return 0;
  let filled = pageMask + 1 - (offset & pageMask);
  memory.copy(to, page + (offset & pageMask), filled);
  while (++index <= last) {
    const next = pageAt(pages, pack, index);
    if (next == 0) return 0;
    const many = min<u32>(length - filled, pageMask + 1);
    memory.copy(to + filled, next, many);
    filled += many;
  }
  return to;
}

/** Where a page lies, or 0. When it was last needed is noted beside. */
@inline
function pageAt(pages: usize, pack: u32, index: u32): usize {
  const at = pages + (index << 3);
  const page = load<u32>(at);
  if (page == 0) {
    fault = pageMissing;
    store<u32>(told, pack);
    store<u32>(told, index, 4);
    return 0;
  }
  store<u32>(at, clock, 4);
  return page;
}

function lend(size: u32): usize {
  const at = lentTop;
  const end = at + ((size + slack) & ~15);
  if (end > lentEnd) {
    fault = memoryWanted;
    store<u32>(told, u32(end));
    return 0;
  }
  lentTop = end;
  return at;
}

const digitBits: u32 = 11;
const digitCounts: usize = memory.data(2048 * 4, 16);

/** Writes the positions of the offsets at `from` to `to`, in the order of the offsets. `spare` is as much room again. */
export function packsOrder(from: usize, count: u32, to: usize, spare: usize): void {
  for (let position: u32 = 0; position < count; position++) store<u32>(spare + (position << 2), position);
  let source = spare;
  let target = to;
  // Eleven bits at a time, the low ones first: three times, so that it ends at `to`.
  for (let shift: u32 = 0; shift < 33; shift += digitBits) {
    memory.fill(digitCounts, 0, 2048 * 4);
    for (let at: u32 = 0; at < count; at++) {
      const place = digitCounts + (digitOf(from, at, shift) << 2);
      store<u32>(place, load<u32>(place) + 1);
    }
    let below: u32 = 0;
    for (let digit: u32 = 0; digit < 2048; digit++) {
      const many = load<u32>(digitCounts + (digit << 2));
      store<u32>(digitCounts + (digit << 2), below);
      below += many;
    }
    for (let at: u32 = 0; at < count; at++) {
      const position = load<u32>(source + (at << 2));
      const place = digitCounts + (digitOf(from, position, shift) << 2);
      const next = load<u32>(place);
      store<u32>(target + (next << 2), position);
      store<u32>(place, next + 1);
    }
    const other = source;
    source = target;
    target = other;
  }
}

@inline
function digitOf(from: usize, position: u32, shift: u32): u32 {
  return (bswap<u32>(load<u32>(from + (position << 2))) >> shift) & 2047;
}
