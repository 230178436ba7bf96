/** Git's deltas (gitformat-pack, "Deltified representation"). */

import { copyOver } from "./copy";

/** The size of what a delta makes of a base of `base` bytes, or -1 where it is for another base or too large. */
export function deltaResult(delta: usize, length: u32, base: u32): i32 {
  const end = delta + length;
  for (let part = 0; part < 2; part++) {
    let value: u64 = 0;
    let shift: u64 = 0;
    let byte: u32 = 0x80;
    while (byte >= 0x80) {
      if (delta >= end || shift > 42) return -1;
      byte = load<u8>(delta++);
      value |= u64(byte & 0x7f) << shift;
      shift += 7;
    }
    if (part == 1) return value > 0x7fffffff ? -1 : i32(value);
    if (value != u64(base)) return -1;
  }
  return -1;
}

/** Makes exactly `size` bytes at `to`; 16 behind them may change. Answers whether every instruction was sound and stayed in its bounds. */
export function applyDelta(
  base: usize,
  baseLength: u32,
  delta: usize,
  length: u32,
  to: usize,
  size: u32,
): bool {
  const end = delta + length;
  const toEnd = to + size;
  while (delta < end && load<u8>(delta++) >= 0x80) {}
  while (delta < end && load<u8>(delta++) >= 0x80) {}
  // Git refuses a delta without an instruction, whatever it would make.
  if (delta >= end) return false;
  while (delta < end) {
    const opcode: u32 = load<u8>(delta++);
    if (opcode >= 0x80) {
      if (u32(popcnt(opcode & 0x7f)) > u32(end - delta)) return false;
      let from: u32 = 0;
      let many: u32 = 0;
      if (opcode & 1) from = load<u8>(delta++);
      if (opcode & 2) from |= u32(load<u8>(delta++)) << 8;
      if (opcode & 4) from |= u32(load<u8>(delta++)) << 16;
      if (opcode & 8) from |= u32(load<u8>(delta++)) << 24;
      if (opcode & 16) many = load<u8>(delta++);
      if (opcode & 32) many |= u32(load<u8>(delta++)) << 8;
      if (opcode & 64) many |= u32(load<u8>(delta++)) << 16;
      if (many == 0) many = 0x10000;
      if (from > baseLength || many > baseLength - from || many > u32(toEnd - to)) return false;
      copyOver(to, base + from, many);
      to += many;
    } else {
      // Opcode 0 is reserved.
      if (opcode == 0 || opcode > u32(end - delta) || opcode > u32(toEnd - to)) return false;
      copyOver(to, delta, opcode);
      to += opcode;
      delta += opcode;
    }
  }
  return to == toEnd;
}

/** Of the base, so many bytes at every fourth place are looked up. Shorter copies are not worth telling. */
const windowBytes: u32 = 8;
/** What a shorter copy saves, telling it takes. */
const copyMin: u32 = 12;
const triesMax: u32 = 32;
const longEnough: u32 = 4096;
const copyMax: u32 = 0x10000;
const insertMax: u32 = 127;

@inline
function hashOf(at: usize, bits: u32): u32 {
  return ((load<u32>(at) * 0x9e3779b1) ^ (load<u32>(at, 4) * 0x85ebca6b)) >> (32 - bits);
}

/**
 * Tells `length` bytes at `target` as a delta on those at `base`. `index` is room for 4 << `bits` bytes and as many as
 * the base has, and four more. Answers how long the delta is, or 0 if that would be more than `most`.
 */
export function makeDelta(
  base: usize,
  baseLength: u32,
  target: usize,
  length: u32,
  index: usize,
  bits: u32,
  to: usize,
  most: u32,
): u32 {
  const links = index + (4 << bits);
  memory.fill(index, 0, 4 << bits);
  if (baseLength >= windowBytes) {
    // From the end, so that what stands first is found first.
    for (let from = i32((baseLength - windowBytes) & ~3); from >= 0; from -= 4) {
      const slot = index + (hashOf(base + from, bits) << 2);
      store<u32>(links + from, load<u32>(slot));
      store<u32>(slot, from + 1);
    }
  }
  // Git refuses a delta without an instruction.
  if (most < 20 || length == 0) return 0;
  const end = to + most;
  let out = putSize(putSize(to, baseLength), length);
  let at: u32 = 0;
  let told: u32 = 0;
  while (at < length) {
    let best: u32 = 0;
    let bestFrom: u32 = 0;
    if (at + windowBytes <= length) {
      let candidate = load<u32>(index + (hashOf(target + at, bits) << 2));
      for (let tries: u32 = 0; candidate != 0 && tries < triesMax && best < longEnough; tries++) {
        const from = candidate - 1;
        const same = sameBytes(base + from, target + at, min<u32>(baseLength - from, length - at));
        if (same > best) {
          best = same;
          bestFrom = from;
        }
        candidate = load<u32>(links + from);
      }
    }
    if (best < copyMin) {
      at++;
      continue;
    }
    while (bestFrom > 0 && at > told && load<u8>(base + bestFrom - 1) == load<u8>(target + at - 1)) {
      bestFrom--;
      at--;
      best++;
    }
    if (out + room(at - told, best) > end) return 0;
    out = putInserts(out, target + told, at - told);
    at += best;
    told = at;
    for (; best > 0; ) {
      const many = min<u32>(best, copyMax);
      out = putCopy(out, bestFrom, many);
      bestFrom += many;
      best -= many;
    }
  }
  if (out + room(at - told, 0) > end) return 0;
  return u32(putInserts(out, target + told, at - told) - to);
}

/** The most that so many bytes take that are told as they are, and then so many that are copied. */
@inline
function room(inserted: u32, copied: u32): u32 {
  return inserted + inserted / insertMax + 1 + (copied / copyMax + 1) * 8;
}

function sameBytes(one: usize, other: usize, most: u32): u32 {
  let same: u32 = 0;
  while (same + 8 <= most) {
    const differ = load<u64>(one + same) ^ load<u64>(other + same);
    if (differ != 0) return same + u32(ctz(differ) >> 3);
    same += 8;
  }
  while (same < most && load<u8>(one + same) == load<u8>(other + same)) same++;
  return same;
}

function putSize(to: usize, size: u32): usize {
  for (; size >= 0x80; size >>= 7) store<u8>(to++, size | 0x80);
  store<u8>(to++, size);
  return to;
}

function putInserts(to: usize, from: usize, length: u32): usize {
  while (length > 0) {
    const many = min<u32>(length, insertMax);
    store<u8>(to++, many);
    memory.copy(to, from, many);
    to += many;
    from += many;
    length -= many;
  }
  return to;
}

/** The opcode says which bytes of the offset and of the length follow: those that are not zero. */
function putCopy(to: usize, from: u32, many: u32): usize {
  const at = to++;
  let opcode: u32 = 0x80;
  for (let bit: u32 = 0; bit < 4; bit++) {
    const byte = (from >> (bit * 8)) & 255;
    if (byte == 0) continue;
    opcode |= 1 << bit;
    store<u8>(to++, byte);
  }
  for (let bit: u32 = 0; bit < 2; bit++) {
    const byte = (many >> (bit * 8)) & 255;
    if (byte == 0 || many == copyMax) continue;
    opcode |= 0x10 << bit;
    store<u8>(to++, byte);
  }
  store<u8>(at, opcode);
  return to;
}
