/** Merging two tips. The same two tips give the same commit on every node. */

import type { ObjectId } from "@skein/protocol/ids";

export type MergeResult =
  | { readonly kind: "up-to-date" | "fast-forward" | "merged"; readonly oid: ObjectId }
  /** Nothing was changed. */
  | { readonly kind: "conflict"; readonly paths: ReadonlyArray<string> };
