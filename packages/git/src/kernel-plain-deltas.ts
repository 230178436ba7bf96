/** Deltas as the plain kernel makes them: byte for byte those of the compiled one. */

import type { CoreKernel } from "./kernel.ts";

/** The index lies in maps here: its room is not used. */
export const makePlainDelta =
  (memory: () => Uint8Array): CoreKernel["makeDelta"] =>
  // oxlint-disable-next-line eslint/max-params -- the kernel is told numbers, one beside the other.
  (base, baseLength, target, length, _index, bits, to, most) => {
    const delta = tell(
      memory().slice(base, base + baseLength),
      memory().slice(target, target + length),
      { bits, most },
    );
    memory().set(delta, to);
    return delta.length;
  };

/** Nothing if it would be longer than `most`. */
function tell(
  base: Uint8Array,
  target: Uint8Array,
  { bits, most }: { readonly bits: number; readonly most: number },
): Uint8Array {
  if (most < 20 || target.length === 0) return nothing;
  const places = indexOf(base, bits);
  const out: number[] = [...sizeBytes(base.length), ...sizeBytes(target.length)];
  let told = 0;
  for (let at = 0; at < target.length;) {
    const match = bestMatch(places, { base, target, at, bits });
    if (match.length < copyMin) {
      at += 1;
      continue;
    }
    while (match.from > 0 && at > told && base[match.from - 1] === target[at - 1]) {
      match.from -= 1;
      match.length += 1;
      at -= 1;
    }
    if (out.length + roomOf(at - told, match.length) > most) return nothing;
    putInserts(out, target.subarray(told, at));
    at += match.length;
    told = at;
    for (; match.length > 0; match.length -= Math.min(match.length, copyMax)) {
      putCopy(out, match.from, Math.min(match.length, copyMax));
      match.from += copyMax;
    }
  }
  if (out.length + roomOf(target.length - told, 0) > most) return nothing;
  putInserts(out, target.subarray(told));
  return Uint8Array.from(out);
}

/** Where each hash stands at every fourth place of the base, the first places first. */
function indexOf(base: Uint8Array, bits: number): ReadonlyMap<number, ReadonlyArray<number>> {
  const places = new Map<number, number[]>();
  for (let from = 0; from + windowBytes <= base.length; from += 4) {
    const hash = hashOf(base, from, bits);
    const same = places.get(hash);
    if (same === undefined) places.set(hash, [from]);
    else if (same.length < triesMax) same.push(from);
  }
  return places;
}

function bestMatch(
  places: ReadonlyMap<number, ReadonlyArray<number>>,
  given: {
    readonly base: Uint8Array;
    readonly target: Uint8Array;
    readonly at: number;
    readonly bits: number;
  },
): { from: number; length: number } {
  const { base, target, at, bits } = given;
  const best = { from: 0, length: 0 };
  if (at + windowBytes > target.length) return best;
  for (const from of places.get(hashOf(target, at, bits)) ?? []) {
    if (best.length >= longEnough) break;
    const most = Math.min(base.length - from, target.length - at);
    let length = 0;
    while (length < most && base[from + length] === target[at + length]) length += 1;
    if (length > best.length) Object.assign(best, { from, length });
  }
  return best;
}

function hashOf(bytes: Uint8Array, at: number, bits: number): number {
  const word = (from: number): number =>
    (bytes[from] ?? 0) |
    ((bytes[from + 1] ?? 0) << 8) |
    ((bytes[from + 2] ?? 0) << 16) |
    ((bytes[from + 3] ?? 0) << 24);
  const mixed = Math.imul(word(at), 0x9e37_79b1) ^ Math.imul(word(at + 4), 0x85eb_ca6b);
  return mixed >>> (32 - bits);
}

function roomOf(inserted: number, copied: number): number {
  return inserted + Math.floor(inserted / insertMax) + 1 + (Math.floor(copied / copyMax) + 1) * 8;
}

function sizeBytes(size: number): ReadonlyArray<number> {
  const out: number[] = [];
  let rest = size;
  for (; rest >= 0x80; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
  return [...out, rest];
}

function putInserts(out: number[], bytes: Uint8Array): void {
  for (let start = 0; start < bytes.length; start += insertMax) {
    const part = bytes.subarray(start, start + insertMax);
    out.push(part.length, ...part);
  }
}

function putCopy(out: number[], from: number, many: number): void {
  const at = out.push(0x80) - 1;
  const put = (byte: number, flag: number): void => {
    if (byte === 0) return;
    out[at] = (out[at] ?? 0) | flag;
    out.push(byte);
  };
  for (let bit = 0; bit < 4; bit++) put((from >>> (bit * 8)) & 255, 1 << bit);
  if (many === copyMax) return;
  for (let bit = 0; bit < 2; bit++) put((many >>> (bit * 8)) & 255, 0x10 << bit);
}

const nothing = new Uint8Array(0);
const windowBytes = 8;
const copyMin = 12;
const triesMax = 32;
const longEnough = 4096;
const copyMax = 0x1_0000;
const insertMax = 127;
