/** Makes deltas: an object told as copies from another and what is new. */

import type { Bytes } from "@skein/protocol/bytes";
import { sharedKernel } from "./kernel-compiled.ts";

/** The delta that makes `target` of `base`, or `undefined` if it would be longer than `most`. */
export function makeDelta(base: Uint8Array, target: Uint8Array, most: number): Bytes | undefined {
  const kernel = sharedKernel();
  const bits = Math.min(indexBitsMax, Math.max(4, Math.ceil(Math.log2(base.length / 4 + 1))));
  const baseAt = kernel.heap;
  const targetAt = baseAt + align(base.length);
  const indexAt = targetAt + align(target.length);
  const to = indexAt + align((4 << bits) + base.length + 4);
  kernel.reserve(to + most);
  kernel.bytes().set(base, baseAt);
  kernel.bytes().set(target, targetAt);
  const length = kernel.makeDelta(
    baseAt,
    base.length,
    targetAt,
    target.length,
    indexAt,
    bits,
    to,
    most,
  );
  return length === 0 ? undefined : kernel.bytes().slice(to, to + length);
}

/** What is compared reads a few bytes further. */
function align(length: number): number {
  return (length + 31) & ~15;
}

const indexBitsMax = 20;
