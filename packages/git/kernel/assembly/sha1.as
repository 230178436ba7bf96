/** SHA-1 (FIPS 180-4), and whether a message is half of a collision (Stevens, "Counter-cryptanalysis", 2013). */

import { candidates, differences, sharedSteps } from "./conditions";

/** A hash under way: five words, whether to look for collisions, whether one was found, the length, a block. */
const lookAt: usize = 20;
const foundAt: usize = 24;
const totalAt: usize = 32;
const blockAt: usize = 40;

/** The 80 words of a block, and the state before steps 58 and 65. */
const words: usize = memory.data(80 * 4, 16);
const before58: usize = memory.data(5 * 4, 16);
const before65: usize = memory.data(5 * 4, 16);
const other: usize = memory.data(80 * 4, 16);
const objectState: usize = memory.data(104, 16);
const header: usize = memory.data(32, 16);

export function sha1Begin(state: usize, look: bool): void {
  store<u32>(state, 0x67452301);
  store<u32>(state, 0xefcdab89, 4);
  store<u32>(state, 0x98badcfe, 8);
  store<u32>(state, 0x10325476, 12);
  store<u32>(state, 0xc3d2e1f0, 16);
  store<u32>(state + lookAt, u32(look));
  store<u32>(state + foundAt, 0);
  store<u64>(state + totalAt, 0);
}

export function sha1Update(state: usize, from: usize, length: u32): void {
  const total = load<u64>(state + totalAt);
  store<u64>(state + totalAt, total + length);
  const filled = u32(total & 63);
  let rest = length;
  if (filled > 0) {
    const many = min<u32>(64 - filled, rest);
    memory.copy(state + blockAt + filled, from, many);
    if (filled + many < 64) return;
    block(state, state + blockAt);
    from += many;
    rest -= many;
  }
  for (; rest >= 64; rest -= 64) {
    block(state, from);
    from += 64;
  }
  if (rest > 0) memory.copy(state + blockAt, from, rest);
}

/** Writes the digest. Answers whether the message is half of a collision. */
export function sha1Finish(state: usize, to: usize): bool {
  const total = load<u64>(state + totalAt);
  const at = state + blockAt;
  let filled = u32(total & 63);
  store<u8>(at + filled, 0x80);
  filled++;
  if (filled > 56) {
    memory.fill(at + filled, 0, 64 - filled);
    block(state, at);
    filled = 0;
  }
  memory.fill(at + filled, 0, 56 - filled);
  store<u64>(at + 56, bswap<u64>(total << 3));
  block(state, at);
  for (let word: usize = 0; word < 20; word += 4) store<u32>(to + word, bswap<u32>(load<u32>(state + word)));
  return load<u32>(state + foundAt) != 0;
}

/** Names an object: `type` as packs write it. Answers whether it is half of a collision that was looked for. */
export function nameObject(type: u32, from: usize, length: u32, to: usize, look: bool): bool {
  sha1Begin(objectState, look);
  sha1Update(objectState, header, beginObject(header, type, length));
  sha1Update(objectState, from, length);
  return sha1Finish(objectState, to);
}

/** Writes what stands in front of an object that is hashed, at most 20 bytes; nothing for type 0. Answers how long it is. */
export function beginObject(to: usize, type: u32, length: u32): u32 {
  if (type == 0) return 0;
  let at = to;
  if (type == 1) {
    store<u64>(at, 0x2074696d6d6f63); // "commit "
    at += 7;
  } else if (type == 2) {
    store<u64>(at, 0x2065657274); // "tree "
    at += 5;
  } else if (type == 3) {
    store<u64>(at, 0x20626f6c62); // "blob "
    at += 5;
  } else {
    store<u64>(at, 0x20676174); // "tag "
    at += 4;
  }
  let ten: u32 = 1;
  while (length / ten >= 10) ten *= 10;
  for (; ten > 0; ten /= 10) store<u8>(at++, 0x30 + ((length / ten) % 10));
  store<u8>(at++, 0);
  return u32(at - to);
}

export function keepWord(step: usize, word: u32): void {
  store<u32>(words + (step << 2), word);
}

/** Whether the block whose words were kept leads from one state to the other as a half of a collision. */
export function isCollision(one: usize, other: usize): bool {
  const mask = candidates(words);
  if (mask == 0) return false;
  let a = load<u32>(one);
  let b = load<u32>(one, 4);
  let c = load<u32>(one, 8);
  let d = load<u32>(one, 12);
  let e = load<u32>(one, 16);
  for (let index = 0; index < 65; index++) {
    if (index == 58) keepState(before58, a, b, c, d, e);
    const next = rotl<u32>(a, 5) + mixed(index, b, c, d) + e + load<u32>(words + (index << 2));
    e = d;
    d = c;
    c = rotl<u32>(b, 30);
    b = a;
    a = next;
  }
  keepState(before65, a, b, c, d, e);
  return collides(other, mask);
}

@inline
function choose(b: u32, c: u32, d: u32): u32 {
  return (d ^ (b & (c ^ d))) + 0x5a827999;
}

@inline
function parity(b: u32, c: u32, d: u32): u32 {
  return (b ^ c ^ d) + 0x6ed9eba1;
}

@inline
function majority(b: u32, c: u32, d: u32): u32 {
  return (b & c) + (d & (b ^ c)) + 0x8f1bbcdc;
}

@inline
function parityLast(b: u32, c: u32, d: u32): u32 {
  return (b ^ c ^ d) + 0xca62c1d6;
}

@inline
function keepState(at: usize, a: u32, b: u32, c: u32, d: u32, e: u32): void {
  store<u32>(at, a);
  store<u32>(at, b, 4);
  store<u32>(at, c, 8);
  store<u32>(at, d, 12);
  store<u32>(at, e, 16);
}

/** One block of 64 bytes. Five steps at a time, so that no word has to move. */
function block(state: usize, from: usize): void {
  const a0 = load<u32>(state);
  const b0 = load<u32>(state, 4);
  const c0 = load<u32>(state, 8);
  const d0 = load<u32>(state, 12);
  const e0 = load<u32>(state, 16);
  let a = a0;
  let b = b0;
  let c = c0;
  let d = d0;
  let e = e0;
  //STEPS
  store<u32>(state, a0 + a);
  store<u32>(state, b0 + b, 4);
  store<u32>(state, c0 + c, 8);
  store<u32>(state, d0 + d, 12);
  store<u32>(state, e0 + e, 16);
  if (load<u32>(state + lookAt) == 0) return;
  const mask = candidates(words);
  if (mask != 0 && collides(state, mask)) store<u32>(state + foundAt, 1);
}

/** Whether another message, told by one of these vectors, leads from some state to the same hash. */
function collides(state: usize, mask: u32): bool {
  for (; mask != 0; mask &= mask - 1) {
    const vector = ctz(mask);
    const difference = differences + vector * 320;
    for (let at: usize = 0; at < 320; at += 4)
      store<u32>(other + at, load<u32>(words + at) ^ load<u32>(difference + at));
    if ((sharedSteps >> vector) & 1 ? recompress(state, before65, 65) : recompress(state, before58, 58)) return true;
  }
  return false;
}

/** From a state in the middle back to the start and on to the end, along the other message. */
function recompress(state: usize, middle: usize, step: u32): bool {
  let a = load<u32>(middle);
  let b = load<u32>(middle, 4);
  let c = load<u32>(middle, 8);
  let d = load<u32>(middle, 12);
  let e = load<u32>(middle, 16);
  for (let index = i32(step) - 1; index >= 0; index--) {
    const next = a;
    a = b;
    b = rotr<u32>(c, 30);
    c = d;
    d = e;
    e = next - rotl<u32>(a, 5) - mixed(index, b, c, d) - load<u32>(other + (index << 2));
  }
  const a0 = a;
  const b0 = b;
  const c0 = c;
  const d0 = d;
  const e0 = e;
  a = load<u32>(middle);
  b = load<u32>(middle, 4);
  c = load<u32>(middle, 8);
  d = load<u32>(middle, 12);
  e = load<u32>(middle, 16);
  for (let index = i32(step); index < 80; index++) {
    const next = rotl<u32>(a, 5) + mixed(index, b, c, d) + e + load<u32>(other + (index << 2));
    e = d;
    d = c;
    c = rotl<u32>(b, 30);
    b = a;
    a = next;
  }
  return (
    a0 + a == load<u32>(state) &&
    b0 + b == load<u32>(state, 4) &&
    c0 + c == load<u32>(state, 8) &&
    d0 + d == load<u32>(state, 12) &&
    e0 + e == load<u32>(state, 16)
  );
}

function mixed(index: i32, b: u32, c: u32, d: u32): u32 {
  if (index < 20) return choose(b, c, d);
  if (index < 40) return parity(b, c, d);
  if (index < 60) return majority(b, c, d);
  return parityLast(b, c, d);
}
