/** SHA-1 as packs and indexes end with it. It does not look for collisions: objects are named by the kernel. */

import type { Bytes } from "@skein/protocol/bytes";
import { sharedKernel } from "./kernel-compiled.ts";
import { hashStateBytes } from "./kernel.ts";

export const sha1Bytes = 20;

/** A hash under way. */
export interface Sha1 {
  readonly update: (bytes: Uint8Array) => void;
  readonly finish: () => Bytes;
}

export function sha1(...parts: ReadonlyArray<Uint8Array>): Bytes {
  const hash = openSha1();
  for (const part of parts) hash.update(part);
  return hash.finish();
}

/** Others may hash in between: its state is its own. */
export function openSha1(): Sha1 {
  const kernel = sharedKernel();
  const at = kernel.heap;
  const room = at + hashStateBytes;
  kernel.reserve(room + pieceBytes);
  kernel.sha1Begin(at, 0);
  const state = kernel.bytes().slice(at, room);
  return {
    update: (bytes) => {
      kernel.bytes().set(state, at);
      for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
        const piece = bytes.subarray(offset, offset + pieceBytes);
        kernel.bytes().set(piece, room);
        kernel.sha1Update(at, room, piece.length);
      }
      state.set(kernel.bytes().subarray(at, room));
    },
    finish: () => {
      kernel.bytes().set(state, at);
      kernel.sha1Finish(at, room);
      return kernel.bytes().slice(room, room + sha1Bytes);
    },
  };
}

const pieceBytes = 64 * 1024;
