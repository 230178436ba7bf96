/** SHA-1 (FIPS 180-4) in plain TypeScript, in pieces, and whether a message is half of a collision. */

import {
  listConditions,
  messageDifference,
  sharedStep,
  vectors,
  type Condition,
} from "./sha1-vectors.ts";

export interface PlainSha1 {
  readonly begin: (lookForCollision: boolean) => void;
  readonly update: (bytes: Uint8Array) => void;
  /** Writes the 20 bytes of the digest. Answers whether what was hashed is half of a collision. */
  readonly finish: (to: Uint8Array, offset: number) => boolean;
}

export function openPlainSha1(): PlainSha1 {
  const state = Int32Array.from(initialState);
  const before = new Int32Array(5);
  const words = new Int32Array(80);
  const block = new Uint8Array(64);
  const view = new DataView(block.buffer);
  let filled = 0;
  let total = 0;
  let look = false;
  let found = false;

  const take = (bytes: Uint8Array, offset: number): void => {
    expand(words, bytes, offset);
    before.set(state);
    run(state, words);
    if (look) found ||= isHalfOfCollision(words, before, state);
  };
  const begin: PlainSha1["begin"] = (lookForCollision) => {
    state.set(initialState);
    filled = 0;
    total = 0;
    look = lookForCollision;
    found = false;
  };
  const update: PlainSha1["update"] = (bytes) => {
    total += bytes.length;
    let offset = 0;
    if (filled > 0) {
      offset = Math.min(64 - filled, bytes.length);
      block.set(bytes.subarray(0, offset), filled);
      filled += offset;
      if (filled < 64) return;
      take(block, 0);
      filled = 0;
    }
    for (; offset + 64 <= bytes.length; offset += 64) take(bytes, offset);
    block.set(bytes.subarray(offset), 0);
    filled = bytes.length - offset;
  };
  const finish: PlainSha1["finish"] = (to, offset) => {
    block[filled] = 0x80;
    block.fill(0, filled + 1);
    if (filled >= 56) {
      take(block, 0);
      block.fill(0);
    }
    view.setUint32(56, Math.floor(total / 0x2000_0000));
    view.setUint32(60, (total * 8) % 0x1_0000_0000);
    take(block, 0);
    const out = new DataView(to.buffer, to.byteOffset + offset, 20);
    for (let index = 0; index < 5; index++) out.setInt32(index * 4, state[index] ?? 0);
    return found;
  };
  return { begin, update, finish };
}

/** The 80 words go into `state`. */
function run(state: Int32Array, words: Int32Array): void {
  const after = forward(Int32Array.from(state), words, 0, 80);
  for (let index = 0; index < 5; index++)
    state[index] = ((state[index] ?? 0) + (after[index] ?? 0)) | 0;
}

/** Makes the steps from `start` to `end` on `state`, and answers it. */
function forward(state: Int32Array, words: Int32Array, start: number, end: number): Int32Array {
  let [a = 0, b = 0, c = 0, d = 0, e = 0] = state;
  for (let step = start; step < end; step++) {
    const next = (((a << 5) | (a >>> 27)) + mix(step, b, c, d) + e + (words[step] ?? 0)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state.set([a, b, c, d, e]);
  return state;
}

/** Takes back the steps before `start`. */
function backward(state: Int32Array, words: Int32Array, start: number): Int32Array {
  let [a = 0, b = 0, c = 0, d = 0, e = 0] = state;
  for (let step = start - 1; step >= 0; step--) {
    const next = a;
    a = b;
    b = (c << 2) | (c >>> 30);
    c = d;
    d = e;
    e = (next - ((a << 5) | (a >>> 27)) - mix(step, b, c, d) - (words[step] ?? 0)) | 0;
  }
  state.set([a, b, c, d, e]);
  return state;
}

function mix(step: number, b: number, c: number, d: number): number {
  if (step < 20) return (d ^ (b & (c ^ d))) + 0x5a82_7999;
  if (step < 40) return (b ^ c ^ d) + 0x6ed9_eba1;
  if (step < 60) return ((b & c) | (d & (b | c))) - 0x70e4_4324;
  return (b ^ c ^ d) - 0x359d_3e2a;
}

function expand(words: Int32Array, bytes: Uint8Array, offset: number): void {
  for (let index = 0, at = offset; index < 16; index++, at += 4)
    words[index] =
      ((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0);
  for (let index = 16; index < 80; index++) {
    const mixed =
      (words[index - 3] ?? 0) ^
      (words[index - 8] ?? 0) ^
      (words[index - 14] ?? 0) ^
      (words[index - 16] ?? 0);
    words[index] = (mixed << 1) | (mixed >>> 31);
  }
}

/** Whether another block, from another state, leads to where this one led from `before`. */
function isHalfOfCollision(words: Int32Array, before: Int32Array, after: Int32Array): boolean {
  let mask = -1;
  conditions ??= listConditions();
  for (const { one, other, equal, mask: whose } of conditions) {
    const differ =
      (((words[one.step] ?? 0) >>> one.bit) ^ ((words[other.step] ?? 0) >>> other.bit)) & 1;
    if ((differ === 0) !== equal) mask &= ~whose;
    if (mask === 0) return false;
  }
  return vectors.some((vector, index) => {
    if ((mask & (1 << index)) === 0) return false;
    const difference = messageDifference(vector);
    const other = words.map((word, step) => word ^ (difference[step] ?? 0));
    const step = sharedStep(vector);
    const middle = forward(Int32Array.from(before), words, 0, step);
    const start = backward(Int32Array.from(middle), other, step);
    const end = forward(middle, other, step, 80);
    return after.every((word, at) => (((start[at] ?? 0) + (end[at] ?? 0)) | 0) === word);
  });
}

/** Read from their table when they are first needed. */
let conditions: ReadonlyArray<Condition> | undefined;

const initialState = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
