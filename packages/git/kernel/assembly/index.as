/** The kernel: the inner loops of the pack engine. All memory behind `heap` is the caller's. */

export { crc32 } from "./crc32";
export { applyDelta, deltaResult, makeDelta } from "./delta";
export { inflate } from "./inflate";
export { nameObjects } from "./lanes";
export { logMeet, logNext, paintMeet, paintOn } from "./log";
export {
  packsBytes,
  packsFind,
  packsKnow,
  packsMake,
  packsOrder,
  packsRing,
  packsRoom,
  packsRows,
  packsSize,
  packsClock,
  packsTold,
  packsType,
} from "./packs";
export { nameObject, sha1Begin, sha1Finish, sha1Update } from "./sha1";
export { judgeTree } from "./trees";
export { walkMeet, walkOn } from "./walk";

/** Where the caller's memory begins. */
export function heap(): usize {
  return (__heap_base + 63) & ~63;
}
