/** Words in a kernel's memory: four bytes, the low one first. */

import type { Kernel } from "./kernel.ts";

export function readWord(kernel: Kernel, at: number): number {
  const bytes = kernel.bytes();
  return (
    ((bytes[at] ?? 0) |
      ((bytes[at + 1] ?? 0) << 8) |
      ((bytes[at + 2] ?? 0) << 16) |
      ((bytes[at + 3] ?? 0) << 24)) >>>
    0
  );
}

export function writeWord(kernel: Kernel, at: number, value: number): void {
  const bytes = kernel.bytes();
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
