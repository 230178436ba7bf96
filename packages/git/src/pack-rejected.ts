/** The refusal of a pack. */

import { SkeinError } from "@skein/protocol/errors";

/** What is wrong with a pack, as code reads it. */
export type PackFault =
  // Of the pack as a whole.
  | "no-pack"
  | "unknown-version"
  | "cut-short"
  | "junk"
  | "wrong-checksum"
  // Of one entry.
  | "unknown-entry"
  | "broken-stream"
  | "endless-stream"
  | "base-out-of-bounds"
  | "base-missing"
  | "misfit-delta"
  // Of one object. The reason ends with what `git fsck` calls it.
  | "unsound-object"
  | "object-twice"
  | "collision"
  // Of what objects refer to.
  | "object-missing"
  | "wrong-type"
  | "tip-missing"
  // More than may be.
  | "pack-bytes"
  | "object-count"
  | "object-bytes"
  | "inflated-bytes"
  | "delta-chain"
  | "link-count"
  | "tree-depth"
  | "tree-paths"
  | "path-bytes"
  | "work";

/** A pack that is not kept. Nothing of it was. */
export class PackRejectedError extends SkeinError {
  override readonly name = "PackRejectedError";
  readonly code = "pack_rejected";
  readonly blame = "peer";
  readonly hint = "The copy is damaged or forged; get it from somewhere else.";
  readonly fault: PackFault;
  readonly reason: string;

  constructor(fault: PackFault, reason: string, options: { readonly cause?: unknown } = {}) {
    super(`The pack is refused: ${reason}`, options);
    this.fault = fault;
    this.reason = reason;
  }
}
