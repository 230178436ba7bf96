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
