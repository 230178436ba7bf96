/** The refs of a bare repository: `HEAD` and one `packed-refs` file, changed by compare-and-swap in one strict commit. */

import { Bug } from "@skein/protocol/errors";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import type { Files } from "./files.ts";

/** Moves one ref from what the caller believes it to be; `undefined` is absence. */
export interface RefChange {
  readonly ref: RefName;
  readonly from: ObjectId | undefined;
  readonly to: ObjectId | undefined;
}

export interface Refs {
  /** The branch that HEAD names, whether it exists or not. */
  head(): Promise<RefName | undefined>;
  all(): Promise<ReadonlyMap<RefName, ObjectId>>;
  /** `moved` when a ref is no longer at `from`: then nothing was changed. Throws `RefRefusedError`. */
  update(
    changes: ReadonlyArray<RefChange>,
    options?: { readonly head?: RefName | undefined },
  ): Promise<"done" | "moved">;
}

export async function openRefs(_files: Files): Promise<Refs> {
  throw new Bug("not yet");
}
