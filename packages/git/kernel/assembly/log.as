/**
 * Commits in the order of a log: of those that are known the latest is next, and then its parents are known. And, in the
 * same order, which of them the other side has, as far back as there are any that it has not.
 */

import { madeAt, madeSize, makeRow, packsFind, packsMake, verifyRow } from "./packs";

/** A log: how many rows there are, and a bit for each that is known; a heap of those that wait, how many, and how many ever did. */
const rowsAt: usize = 0;
const knownAt: usize = 4;
const heapAt: usize = 8;
const waitingAt: usize = 12;
const cameAt: usize = 16;
/** The row that is at work, and 1; whether only first parents count; the id of the parent that was looked for last. */
const currentAt: usize = 20;
const firstOnlyAt: usize = 24;
const parentIdAt: usize = 28;
/** A bit for each row that is had, and for each that waits; how many wait that are not had; and when the oldest of these was committed. */
const hadAt: usize = 48;
const waitsAt: usize = 52;
const freshAt: usize = 56;
const oldestAt: usize = 64;

/** In the heap: when it was committed, how many came before it, and its row. */
const entryBits: u32 = 4;

const tired: i32 = 1;
const over: i32 = -4;
const missing: i32 = -5;
const noParent: i32 = -2;
const secondsDigitsMax: u32 = 15;

/** Begins with a commit. */
export function logMeet(log: usize, row: u32): void {
  know(log, row, 0);
}

/** Makes the next commit, and verifies its name. Answers its row; or that there is none, that a parent is missing, or what went wrong. */
export function logNext(log: usize): i32 {
  if (load<u32>(log + currentAt) == 0) {
    if (load<u32>(log + waitingAt) == 0) return over;
    store<u32>(log + currentAt, pop(log) + 1);
  }
  const row = load<u32>(log + currentAt) - 1;
  const most: u32 = load<u32>(log + firstOnlyAt) ? 1 : 0xffffffff;
  for (let index: u32 = 0; index < most; index++) {
    let code = makeRow(row);
    if (code < 0) return code;
    const parent = parentRow(log, index);
    if (parent == noParent) break;
    if (parent < 0) return missing;
    if (isKnown(log, parent)) continue;
    code = makeRow(parent);
    if (code < 0) return code;
    know(log, parent, committedAt());
  }
  const code = packsMake(row);
  if (code < 0) return code;
  store<u32>(log + currentAt, 0);
  return verifyRow(row, code);
}

/** Begins with what is had, or with what is not. What leads to no commit is passed over. */
export function paintMeet(log: usize, row: u32, isHad: bool): i32 {
  let code = makeRow(row);
  while (code == 4 && madeSize > 47) {
    const target = rowNamedAt(log, madeAt + 7);
    if (target < 0) return 0;
    row = target;
    code = makeRow(row);
  }
  if (code < 0) return code;
  if (code == 1) paint(log, row, isHad, committedAt());
  return 0;
}

/** Goes on to so many commits. Answers whether it is tired or over, or what went wrong. */
export function paintOn(log: usize, budget: u32): i32 {
  const heap: usize = load<u32>(log + heapAt);
  for (; budget > 0; budget--) {
    if (load<u32>(log + currentAt) == 0) {
      if (load<u32>(log + waitingAt) == 0) return over;
      // What is older than all that is not had cannot lead to any of it.
      if (load<u32>(log + freshAt) == 0 && load<u64>(heap) < load<u64>(log + oldestAt)) return over;
      const seconds = load<u64>(heap);
      const row = pop(log);
      clearBit(load<u32>(log + waitsAt), row);
      if (!hasBit(load<u32>(log + hadAt), row)) {
        store<u32>(log + freshAt, load<u32>(log + freshAt) - 1);
        if (seconds < load<u64>(log + oldestAt)) store<u64>(log + oldestAt, seconds);
      }
      store<u32>(log + currentAt, row + 1);
    }
    const code = paintParents(log, load<u32>(log + currentAt) - 1);
    if (code < 0) return code;
    store<u32>(log + currentAt, 0);
  }
  return tired;
}

/** The parents of what is had are had. */
function paintParents(log: usize, row: u32): i32 {
  const isHad = hasBit(load<u32>(log + hadAt), row);
  for (let index: u32 = 0; index < 0xffffffff; index++) {
    let code = makeRow(row);
    if (code < 0) return code;
    const parent = parentRow(log, index);
    if (parent == noParent) break;
    if (parent < 0 || (isKnown(log, parent) && (!isHad || hasBit(load<u32>(log + hadAt), parent)))) continue;
    code = makeRow(parent);
    if (code < 0) return code;
    paint(log, parent, isHad, committedAt());
  }
  return 0;
}

/** A commit that was gone through and turns out to be had waits once more, so that its parents are told. */
function paint(log: usize, row: u32, isHad: bool, seconds: u64): void {
  const had: usize = load<u32>(log + hadAt);
  const waits: usize = load<u32>(log + waitsAt);
  const isWaiting = hasBit(waits, row);
  if (isKnown(log, row) && (!isHad || hasBit(had, row))) return;
  if (isHad) {
    setBit(had, row);
    if (isWaiting) {
      store<u32>(log + freshAt, load<u32>(log + freshAt) - 1);
      return;
    }
  } else store<u32>(log + freshAt, load<u32>(log + freshAt) + 1);
  setBit(waits, row);
  know(log, row, seconds);
}

/** The row of a parent of the commit that was just made, or -1 if it is not here. */
function parentRow(log: usize, index: u32): i32 {
  const line = madeAt + 46 + index * 48;
  if (line + 48 > madeAt + madeSize || load<u8>(line) != 0x70) return noParent;
  return rowNamedAt(log, line + 7);
}

function rowNamedAt(log: usize, hex: usize): i32 {
  const id = log + parentIdAt;
  for (let at: usize = 0; at < 20; at++) {
    const high = digit(load<u8>(hex + at * 2));
    store<u8>(id + at, (high << 4) | digit(load<u8>(hex + at * 2, 1)));
  }
  const row = packsFind(id);
  // What came after the log began is not a part of it.
  return row >= 0 && u32(row) < load<u32>(log + rowsAt) ? row : -1;
}

@inline
function digit(byte: u32): u32 {
  return (byte & 15) + (byte >> 6) * 9;
}

/** The seconds in the committer's line of what was just made, or 0. */
function committedAt(): u64 {
  const end = madeAt + madeSize;
  let line = madeAt;
  while (line < end && load<u8>(line) != 0x0a) {
    let stop = line;
    while (stop < end && load<u8>(stop) != 0x0a) stop++;
    // "committ"
    if (stop - line > 10 && (load<u64>(line) & 0xffffffffffffff) == 0x7474696d6d6f63) return secondsIn(line, stop);
    line = stop + 1;
  }
  return 0;
}

/** Behind the address and a space. */
function secondsIn(line: usize, end: usize): u64 {
  while (line < end && load<u8>(line) != 0x3e) line++;
  line += 2;
  let seconds: u64 = 0;
  for (let digits: u32 = 0; digits < secondsDigitsMax && line < end; digits++) {
    const byte: u32 = load<u8>(line++);
    if (byte < 0x30 || byte > 0x39) break;
    seconds = seconds * 10 + byte - 0x30;
  }
  return seconds;
}

@inline
function isKnown(log: usize, row: u32): bool {
  return hasBit(load<u32>(log + knownAt), row);
}

@inline
function hasBit(bits: usize, row: u32): bool {
  return ((load<u32>(bits + ((row >> 5) << 2)) >> (row & 31)) & 1) != 0;
}

@inline
function setBit(bits: usize, row: u32): void {
  const word = bits + ((row >> 5) << 2);
  store<u32>(word, load<u32>(word) | (1 << (row & 31)));
}

@inline
function clearBit(bits: usize, row: u32): void {
  const word = bits + ((row >> 5) << 2);
  store<u32>(word, load<u32>(word) & ~(1 << (row & 31)));
}

/** It is known from now on, and waits for its turn. */
function know(log: usize, row: u32, seconds: u64): void {
  setBit(load<u32>(log + knownAt), row);
  const heap: usize = load<u32>(log + heapAt);
  const came = load<u32>(log + cameAt);
  let index = load<u32>(log + waitingAt);
  store<u32>(log + cameAt, came + 1);
  store<u32>(log + waitingAt, index + 1);
  while (index > 0) {
    const above = (index - 1) >> 1;
    // Of equals the one that came first is in front, and that is never this one.
    if (load<u64>(heap + (above << entryBits)) >= seconds) break;
    move(heap, above, index);
    index = above;
  }
  put(heap, index, seconds, came, row);
}

/** Takes out the first. The last one finds a new place from the top. */
function pop(log: usize): u32 {
  const heap: usize = load<u32>(log + heapAt);
  const first = load<u32>(heap, 12);
  const count = load<u32>(log + waitingAt) - 1;
  store<u32>(log + waitingAt, count);
  const last = heap + (count << entryBits);
  const seconds = load<u64>(last);
  const came = load<u32>(last, 8);
  const row = load<u32>(last, 12);
  let index: u32 = 0;
  for (;;) {
    let below = index * 2 + 1;
    if (below >= count) break;
    if (below + 1 < count) {
      const right = heap + ((below + 1) << entryBits);
      if (isBefore(load<u64>(right), load<u32>(right, 8), heap + (below << entryBits))) below++;
    }
    if (isBefore(seconds, came, heap + (below << entryBits))) break;
    move(heap, below, index);
    index = below;
  }
  put(heap, index, seconds, came, row);
  return first;
}

@inline
function isBefore(seconds: u64, came: u32, other: usize): bool {
  const theirs = load<u64>(other);
  return seconds == theirs ? came < load<u32>(other, 8) : seconds > theirs;
}

@inline
function put(heap: usize, index: u32, seconds: u64, came: u32, row: u32): void {
  const at = heap + (index << entryBits);
  store<u64>(at, seconds);
  store<u32>(at, came, 8);
  store<u32>(at, row, 12);
}

@inline
function move(heap: usize, from: u32, to: u32): void {
  v128.store(heap + (to << entryBits), v128.load(heap + (from << entryBits)));
}
