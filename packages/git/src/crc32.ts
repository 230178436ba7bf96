/** CRC-32 (ISO 3309), as pack indexes keep it of every stored entry. */

import { sharedKernel } from "./kernel-compiled.ts";

/** The checksum of `bytes` between two offsets, as an unsigned number. */
export function crc32(bytes: Uint8Array, start: number, end: number): number {
  const kernel = sharedKernel();
  kernel.reserve(kernel.heap + end - start);
  kernel.bytes().set(bytes.subarray(start, end), kernel.heap);
  return kernel.crc32(kernel.heap, end - start) >>> 0;
}
