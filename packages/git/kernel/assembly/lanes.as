/** SHA-1 of many objects, four at a time: each lane of a vector works on another one. */

import { someCandidates } from "./conditions";
import { beginObject, isCollision, keepWord } from "./sha1";

/** An object to name: its type as packs write it, where it is, its length, and where its name goes. */
const recordBytes: u32 = 16;

/** A lane: its record (0: none), whether its first block is to come, where the next is, and how many, and of the last. */
const firstAt: usize = 4;
const nextAt: usize = 8;
const nextCountAt: usize = 12;
const lastAt: usize = 16;
const lastCountAt: usize = 20;
const foundAt: usize = 24;
const firstBlock: usize = 64;
const lastBlocks: usize = 128;
const laneBytes: u32 = 256;

const lanes: usize = memory.data(4 * 256, 16);
const zeros: usize = memory.data(64, 16);
const state: usize = memory.data(5 * 16, 16);
const before: usize = memory.data(5 * 16, 16);
const words: usize = memory.data(80 * 16, 16);
const one: usize = memory.data(32, 16);
const other: usize = memory.data(32, 16);

/** Names `count` objects. Answers the first that is half of a collision, counted from 1, or 0. */
export function nameObjects(list: usize, count: u32): u32 {
  let next: u32 = 0;
  let collided: u32 = 0;
  let busy: u32 = 0;
  for (let lane: u32 = 0; lane < 4; lane++) {
    store<u32>(lanes + lane * laneBytes, 0);
    if (next == count) continue;
    begin(lane, list + next * recordBytes);
    next++;
    busy++;
  }
  while (busy > 0) {
    fourBlocks(takeBlock(0), takeBlock(1), takeBlock(2), takeBlock(3));
    const suspects = i32x4.bitmask(i32x4.ne(someCandidates(words), i32x4.splat(0)));
    for (let lane: u32 = 0; lane < 4; lane++) {
      const at = lanes + lane * laneBytes;
      const record: usize = load<u32>(at);
      if (record == 0) continue;
      if ((suspects >> lane) & 1 && collides(lane)) store<u32>(at + foundAt, 1);
      if (load<u32>(at + firstAt) + load<u32>(at + nextCountAt) + load<u32>(at + lastCountAt) > 0) continue;
      const to: usize = load<u32>(record, 12);
      for (let word: usize = 0; word < 5; word++)
        store<u32>(to + word * 4, bswap<u32>(load<u32>(state + word * 16 + lane * 4)));
      if (load<u32>(at + foundAt) && collided == 0) collided = u32((record - list) / recordBytes) + 1;
      if (next < count) {
        begin(lane, list + next * recordBytes);
        next++;
      } else {
        store<u32>(at, 0);
        busy--;
      }
    }
  }
  return collided;
}

/** The header of an object shifts all of it: the first block and the last ones are laid out, those between stay where they are. */
function begin(lane: u32, record: usize): void {
  const at = lanes + lane * laneBytes;
  const from: usize = load<u32>(record, 4);
  const length = load<u32>(record, 8);
  const head = beginObject(at + firstBlock, load<u32>(record), length);
  const total = head + length;
  let rest = total;
  let source = at + firstBlock;
  store<u32>(at, u32(record));
  store<u32>(at + foundAt, 0);
  store<u32>(at + firstAt, 0);
  store<u32>(at + nextCountAt, 0);
  if (total >= 64) {
    memory.copy(at + firstBlock + head, from, 64 - head);
    store<u32>(at + firstAt, 1);
    store<u32>(at + nextAt, u32(from) + 64 - head);
    store<u32>(at + nextCountAt, (total - 64) >> 6);
    rest = total & 63;
    source = from + length - rest;
  } else memory.copy(at + firstBlock + head, from, length);
  const last = at + lastBlocks;
  memory.fill(last, 0, 128);
  memory.copy(last, source, rest);
  store<u8>(last + rest, 0x80);
  const many: u32 = rest < 56 ? 1 : 2;
  store<u64>(last + many * 64 - 8, bswap<u64>(u64(total) << 3));
  store<u32>(at + lastAt, u32(last));
  store<u32>(at + lastCountAt, many);
  store<u32>(state + lane * 4, 0x67452301);
  store<u32>(state + lane * 4, 0xefcdab89, 16);
  store<u32>(state + lane * 4, 0x98badcfe, 32);
  store<u32>(state + lane * 4, 0x10325476, 48);
  store<u32>(state + lane * 4, 0xc3d2e1f0, 64);
}

/** Where the next block of a lane is. */
function takeBlock(lane: u32): usize {
  const at = lanes + lane * laneBytes;
  if (load<u32>(at) == 0) return zeros;
  if (load<u32>(at + firstAt) == 1) {
    store<u32>(at + firstAt, 0);
    return at + firstBlock;
  }
  const list = load<u32>(at + nextCountAt) > 0 ? nextAt : lastAt;
  const block: usize = load<u32>(at + list);
  store<u32>(at + list, u32(block) + 64);
  store<u32>(at + list + 4, load<u32>(at + list + 4) - 1);
  return block;
}

/** Whether the block that a lane has just gone through is one of two that collide. */
function collides(lane: u32): bool {
  for (let step: usize = 0; step < 80; step++) keepWord(step, load<u32>(words + step * 16 + lane * 4));
  for (let word: usize = 0; word < 5; word++) {
    store<u32>(one + word * 4, load<u32>(before + word * 16 + lane * 4));
    store<u32>(other + word * 4, load<u32>(state + word * 16 + lane * 4));
  }
  return isCollision(one, other);
}

@inline
function swapped(from: usize): v128 {
  const bytes = v128.load(from);
  return i8x16.shuffle(bytes, bytes, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

@inline
function turned(word: v128, by: i32): v128 {
  return v128.or(i32x4.shl(word, by), i32x4.shr_u(word, 32 - by));
}

@inline
function choose(b: v128, c: v128, d: v128): v128 {
  return v128.bitselect(c, d, b);
}

@inline
function parity(b: v128, c: v128, d: v128): v128 {
  return v128.xor(v128.xor(b, c), d);
}

@inline
function majority(b: v128, c: v128, d: v128): v128 {
  return v128.bitselect(d, b, v128.xor(b, c));
}

/** One block of each lane. */
function fourBlocks(from0: usize, from1: usize, from2: usize, from3: usize): void {
  const a0 = v128.load(state);
  const b0 = v128.load(state, 16);
  const c0 = v128.load(state, 32);
  const d0 = v128.load(state, 48);
  const e0 = v128.load(state, 64);
  v128.store(before, a0);
  v128.store(before, b0, 16);
  v128.store(before, c0, 32);
  v128.store(before, d0, 48);
  v128.store(before, e0, 64);
  let a = a0;
  let b = b0;
  let c = c0;
  let d = d0;
  let e = e0;
  //STEPS
  v128.store(state, i32x4.add(a0, a));
  v128.store(state, i32x4.add(b0, b), 16);
  v128.store(state, i32x4.add(c0, c), 32);
  v128.store(state, i32x4.add(d0, d), 48);
  v128.store(state, i32x4.add(e0, e), 64);
}
