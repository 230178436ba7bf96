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
  const at: Cursor = { offset: sizes.start, filled: 0 };
  while (at.offset < delta.length) {
    const opcode = delta[at.offset++] ?? 0;
    // Opcode 0 is reserved.
    if (opcode === 0) return undefined;
    const sound =
      opcode >= 0x80
        ? copyFromBase(at, opcode, { base, delta, out })
        : insert(at, opcode, delta, out);
    if (!sound) return undefined;
  }
  return at.filled === out.length ? out : undefined;
}

interface Cursor {
  offset: number;
  filled: number;
}

function insert(at: Cursor, length: number, delta: Uint8Array, out: Uint8Array): boolean {
  if (length > delta.length - at.offset || length > out.length - at.filled) return false;
  for (let index = 0; index < length; index++)
    out[at.filled + index] = delta[at.offset + index] ?? 0;
  at.offset += length;
  at.filled += length;
  return true;
}

/** The low seven bits say which bytes of the offset and of the length follow. */
function copyFromBase(
  at: Cursor,
  opcode: number,
  {
    base,
    delta,
    out,
  }: { readonly base: Uint8Array; readonly delta: Uint8Array; readonly out: Uint8Array },
): boolean {
  if ((operandBytes[opcode & 0x7f] ?? 0) > delta.length - at.offset) return false;
  let from = 0;
  let length = 0;
  for (let bit = 0; bit < 4; bit++)
    if ((opcode & (1 << bit)) !== 0) from += (delta[at.offset++] ?? 0) * 2 ** (8 * bit);
  for (let bit = 0; bit < 3; bit++)
    if ((opcode & (0x10 << bit)) !== 0) length |= (delta[at.offset++] ?? 0) << (8 * bit);
  if (length === 0) length = 0x1_0000;
  if (length > base.length - from || length > out.length - at.filled) return false;
  out.set(base.subarray(from, from + length), at.filled);
  at.filled += length;
  return true;
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
