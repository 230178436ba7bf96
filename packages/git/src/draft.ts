/** Commits made here: writes and deletes laid over a tree, stored as one small pack. */

import type { Instant, ObjectId } from "@skein/protocol/ids";

export type DraftChange =
  | { readonly path: string; readonly kind: "write"; readonly bytes: Uint8Array }
  /** Deletes a file, or a folder with all that is in it. */
  | { readonly path: string; readonly kind: "delete" };

export interface Author {
  readonly name: string;
  readonly email: string;
}

export interface Draft {
  /** Undefined for a first commit. */
  readonly parent: ObjectId | undefined;
  readonly changes: ReadonlyArray<DraftChange>;
  readonly message: string;
  readonly author: Author;
  readonly at: Instant;
  readonly offsetMinutes: number;
}
