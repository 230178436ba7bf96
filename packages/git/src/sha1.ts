/** SHA-1 (FIPS 180-4), at once or in pieces. It names objects; crafted collisions are not looked for here. */

import type { Bytes } from "@skein/protocol/bytes";

/** Bytes go in, then the digest comes out. */
export interface Sha1 {
  readonly update: (bytes: Uint8Array) => void;
  /** Writes the 20 bytes of the digest at `offset` of `to`, and begins anew. */
  readonly digestInto: (to: Uint8Array, offset: number) => void;
}

export const sha1Bytes = 20;

export function sha1(...parts: ReadonlyArray<Uint8Array>): Bytes {
  // Nothing here waits, so one hash serves everybody in turn.
  kept ??= openSha1();
  for (const part of parts) kept.update(part);
  const digest = new Uint8Array(sha1Bytes);
  kept.digestInto(digest, 0);
  return digest;
}

export function openSha1(): Sha1 {
  const state = Int32Array.from(initialState);
  const words = new Int32Array(80);
  const block = new Uint8Array(64);
  const view = new DataView(block.buffer);
  let filled = 0;
  let total = 0;

  const update = (bytes: Uint8Array): void => {
    total += bytes.length;
    let offset = 0;
    if (filled > 0) {
      offset = Math.min(64 - filled, bytes.length);
      block.set(bytes.subarray(0, offset), filled);
      filled += offset;
      if (filled < 64) return;
      compress(state, words, block, 0);
      filled = 0;
    }
    for (; offset + 64 <= bytes.length; offset += 64) compress(state, words, bytes, offset);
    if (offset < bytes.length) {
      block.set(bytes.subarray(offset), 0);
      filled = bytes.length - offset;
    }
  };

  const digestInto = (to: Uint8Array, offset: number): void => {
    const bits = total * 8;
    block[filled] = 0x80;
    block.fill(0, filled + 1);
    if (filled >= 56) {
      compress(state, words, block, 0);
      block.fill(0);
    }
    view.setUint32(56, Math.floor(bits / 0x1_0000_0000));
    view.setUint32(60, bits % 0x1_0000_0000);
    compress(state, words, block, 0);
    const out = new DataView(to.buffer, to.byteOffset + offset, sha1Bytes);
    for (let index = 0; index < 5; index++) out.setInt32(index * 4, state[index] ?? 0);
    state.set(initialState);
    filled = 0;
    total = 0;
  };

  return { update, digestInto };
}

/** The 64 bytes at `offset` go into `state`. `words` is room to work in. */
// oxlint-disable-next-line eslint/complexity -- the four rounds of the specification stand one below the other.
function compress(state: Int32Array, words: Int32Array, bytes: Uint8Array, offset: number): void {
  expand(words, bytes, offset);
  let a = state[0] ?? 0;
  let b = state[1] ?? 0;
  let c = state[2] ?? 0;
  let d = state[3] ?? 0;
  let e = state[4] ?? 0;
  let index = 0;
  for (; index < 20; index++) {
    const next =
      (((a << 5) | (a >>> 27)) + (d ^ (b & (c ^ d))) + e + 0x5a82_7999 + (words[index] ?? 0)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (; index < 40; index++) {
    const next =
      (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0x6ed9_eba1 + (words[index] ?? 0)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (; index < 60; index++) {
    const next =
      (((a << 5) | (a >>> 27)) +
        ((b & c) | (d & (b | c))) +
        e -
        0x70e4_4324 +
        (words[index] ?? 0)) |
      0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (; index < 80; index++) {
    const next =
      (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e - 0x359d_3e2a + (words[index] ?? 0)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state[0] = ((state[0] ?? 0) + a) | 0;
  state[1] = ((state[1] ?? 0) + b) | 0;
  state[2] = ((state[2] ?? 0) + c) | 0;
  state[3] = ((state[3] ?? 0) + d) | 0;
  state[4] = ((state[4] ?? 0) + e) | 0;
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

let kept: Sha1 | undefined;

const initialState = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
