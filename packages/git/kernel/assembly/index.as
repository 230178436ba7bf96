/** The kernel: the inner loops of the pack engine. All memory behind `heap` is the caller's. */

export { crc32 } from "./crc32";
export { applyDelta, deltaResult } from "./delta";
export { inflate } from "./inflate";
export { nameObject, sha1Begin, sha1Finish, sha1Update } from "./sha1";

/** Where the caller's memory begins. */
export function heap(): usize {
  return (__heap_base + 63) & ~63;
}
