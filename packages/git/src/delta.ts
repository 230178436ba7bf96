/** Git's deltas: an object told as copies from another and what is new (gitformat-pack, "Deltified representation"). */

import type { Bytes } from "@skein/protocol/bytes";

export interface DeltaSizes {
  readonly base: number;
  readonly result: number;
  /** Where the instructions begin. */
  readonly start: number;
}

/** The two sizes at the front of a delta, or `undefined`. */
export function readDeltaSizes(delta: Uint8Array): DeltaSizes | undefined {
  const base = readSize(delta, 0);
  const result = base && readSize(delta, base.end);
  return base && result && { base: base.value, result: result.value, start: result.end };
}

/**
 * The object that `delta` makes of `base`, or `undefined` where any instruction goes out of bounds, is reserved, or
 * does not end where the delta says. The result is allocated only if it is at most `most` bytes.
 */
export function applyDelta(base: Uint8Array, delta: Uint8Array, most: number): Bytes | undefined {
  const sizes = readDeltaSizes(delta);
  if (sizes === undefined || sizes.base !== base.length || sizes.result > most) return undefined;
  // Git refuses a delta without an instruction, whatever it would make.
  if (sizes.start >= delta.length) return undefined;
  const out = new Uint8Array(sizes.result);
  let filled = 0;
  let offset = sizes.start;
  while (offset < delta.length) {
    const opcode = delta[offset++] ?? 0;
    if (opcode === 0) return undefined;
    let from = 0;
    let length = opcode;
    if (opcode >= 0x80) {
      const needed = operandBytes[opcode & 0x7f] ?? 0;
      if (needed > delta.length - offset) return undefined;
      for (let bit = 0; bit < 4; bit++)
        if ((opcode & (1 << bit)) !== 0) from += (delta[offset++] ?? 0) * 2 ** (8 * bit);
      length = 0;
      for (let bit = 0; bit < 3; bit++)
        if ((opcode & (0x10 << bit)) !== 0) length |= (delta[offset++] ?? 0) << (8 * bit);
      if (length === 0) length = 0x1_0000;
      if (length > base.length - from) return undefined;
    } else if (length > delta.length - offset) return undefined;
    if (length > out.length - filled) return undefined;
    if (opcode >= 0x80) out.set(base.subarray(from, from + length), filled);
    else {
      out.set(delta.subarray(offset, offset + length), filled);
      offset += length;
    }
    filled += length;
  }
  return filled === out.length ? out : undefined;
}

/** Seven bits a byte, the low ones first. What does not fit in 48 bits is `undefined`. */
function readSize(
  bytes: Uint8Array,
  offset: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 7; index++) {
    const byte = bytes[offset + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, end: offset + index + 1 };
  }
  return undefined;
}

/** How many bytes follow a copy instruction, by its low seven bits. */
const operandBytes = Uint8Array.from({ length: 128 }, (_, bits) => {
  let count = 0;
  for (let rest = bits; rest > 0; rest >>= 1) count += rest & 1;
  return count;
});
