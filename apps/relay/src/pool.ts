/**
 * Node cuts small buffers from a slab that it keeps until the slab is used up. On a quiet relay that is never, so the last
 * messages would stay in memory as long as the process, and so would those that share a slab with something kept for good. Once a second the slab is used up on purpose, and the next one is empty.
 */

export function renewPool(): void {
  let last = Buffer.alloc(0);
  for (let count = 0; count < pieces; count++) last = Buffer.allocUnsafe(pieceBytes()).fill(0);
  new Uint8Array(last.buffer, last.byteOffset).fill(0);
}

/** The largest that is still cut from a slab: less than half of it. */
function pieceBytes(): number {
  return (Buffer.poolSize >>> 1) - 8;
}

/** So many do not fit into one. */
const pieces = 3;
