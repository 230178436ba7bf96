/** Names inside trees: which are refused, because some system would take them for something else than a file. */

import { Bug } from "@skein/protocol/errors";

/** Why a name may not stand in a tree, in the words of `git fsck`, or `undefined`. */
export type EntryNameFault =
  | "emptyName"
  | "hasDot"
  | "hasDotdot"
  | "hasDotgit"
  | "fullPathname"
  | "largePathname";

export function entryNameFault(name: Uint8Array): EntryNameFault | undefined {
  throw new Bug(String(name));
}
