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
  /** Goes on with a hash that was saved, in `hashStateBytes`. */
  readonly load: (from: Uint8Array) => void;
  readonly save: (to: Uint8Array) => void;
}

interface Hashing {
  readonly state: Int32Array;
  readonly block: Uint8Array;
  filled: number;
  total: number;
  look: boolean;
  found: boolean;
}

export function openPlainSha1(): PlainSha1 {
  const hashing: Hashing = {
    state: Int32Array.from(initialState),
    block: new Uint8Array(64),
    filled: 0,
    total: 0,
    look: false,
    found: false,
  };
  const before = new Int32Array(5);
  const words = new Int32Array(80);
  const { state, block } = hashing;
  const view = new DataView(block.buffer);

  const take = (bytes: Uint8Array, offset: number): void => {
    expand(words, bytes, offset);
    before.set(state);
    run(state, words);
    if (hashing.look) hashing.found ||= isHalfOfCollision(words, before, state);
  };
  return {
    begin: (look) => {
      state.set(initialState);
      Object.assign(hashing, { filled: 0, total: 0, look, found: false });
    },
    update: (bytes) => {
      hashing.total += bytes.length;
      let offset = 0;
      if (hashing.filled > 0) {
        offset = Math.min(64 - hashing.filled, bytes.length);
        block.set(bytes.subarray(0, offset), hashing.filled);
        hashing.filled += offset;
        if (hashing.filled < 64) return;
        take(block, 0);
      }
      for (; offset + 64 <= bytes.length; offset += 64) take(bytes, offset);
      block.set(bytes.subarray(offset), 0);
      hashing.filled = bytes.length - offset;
    },
    finish: (to, offset) => {
      block[hashing.filled] = 0x80;
      block.fill(0, hashing.filled + 1);
      if (hashing.filled >= 56) {
        take(block, 0);
        block.fill(0);
      }
      view.setUint32(56, Math.floor(hashing.total / 0x2000_0000));
      view.setUint32(60, (hashing.total * 8) % 0x1_0000_0000);
      take(block, 0);
      const out = new DataView(to.buffer, to.byteOffset + offset, 20);
      for (let index = 0; index < 5; index++) out.setInt32(index * 4, state[index] ?? 0);
      return hashing.found;
    },
    load: (from) => load(hashing, from),
    save: (to) => save(hashing, to),
  };
}

function load(hashing: Hashing, from: Uint8Array): void {
  const at = new DataView(from.buffer, from.byteOffset);
  for (let index = 0; index < 5; index++) hashing.state[index] = at.getInt32(index * 4, true);
  hashing.look = at.getUint32(20, true) === 1;
  hashing.found = at.getUint32(24, true) === 1;
  hashing.total = at.getUint32(32, true) + at.getUint32(36, true) * 2 ** 32;
  hashing.filled = hashing.total % 64;
  hashing.block.set(from.subarray(40, 104));
}

function save({ state, block, total, look, found }: Hashing, to: Uint8Array): void {
  const at = new DataView(to.buffer, to.byteOffset);
  for (let index = 0; index < 5; index++) at.setInt32(index * 4, state[index] ?? 0, true);
  at.setUint32(20, Number(look), true);
  at.setUint32(24, Number(found), true);
  at.setUint32(32, total % 2 ** 32, true);
  at.setUint32(36, Math.floor(total / 2 ** 32), true);
  to.set(block, 40);
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
