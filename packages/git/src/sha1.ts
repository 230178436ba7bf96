/** SHA-1 at once, as packs and indexes end with it. It does not look for collisions: objects are named by the kernel. */

import type { Bytes } from "@skein/protocol/bytes";
import { sharedKernel } from "./kernel-compiled.ts";
import { hashStateBytes } from "./kernel.ts";

export const sha1Bytes = 20;

export function sha1(...parts: ReadonlyArray<Uint8Array>): Bytes {
  const kernel = sharedKernel();
  const state = kernel.heap;
  const room = state + hashStateBytes;
  kernel.reserve(room + pieceBytes);
  kernel.sha1Begin(state, 0);
  for (const part of parts)
    for (let offset = 0; offset < part.length; offset += pieceBytes) {
      const piece = part.subarray(offset, offset + pieceBytes);
      kernel.bytes().set(piece, room);
      kernel.sha1Update(state, room, piece.length);
    }
  kernel.sha1Finish(state, room);
  return kernel.bytes().slice(room, room + sha1Bytes);
}

const pieceBytes = 64 * 1024;
