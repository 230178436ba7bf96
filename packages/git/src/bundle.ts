/** Bundles: a pack with the refs it brings, in one file, as `git bundle` reads and writes them. */

import type { Bytes } from "@skein/protocol/bytes";
import { Bug, SkeinError } from "@skein/protocol/errors";
import type { ObjectId, RefName } from "@skein/protocol/ids";

export interface Bundle {
  readonly refs: ReadonlyMap<RefName, ObjectId>;
  /** What HEAD points to; the branch is the one a repository made from this would show. */
  readonly head: { readonly oid: ObjectId; readonly branch: RefName | undefined } | undefined;
  readonly prerequisites: ReadonlyArray<ObjectId>;
  /** Refs that the bundle names and we cannot hold. */
  readonly skipped: ReadonlyArray<string>;
  readonly pack: Uint8Array;
}

export class BundleRejectedError extends SkeinError {
  override readonly name = "BundleRejectedError";
  readonly code = "bundle_rejected";
  readonly blame = "caller";
  readonly hint = "Make the bundle again with `git bundle create <file> --all`.";
}

export function readBundle(bytes: Uint8Array): Bundle {
  throw new Bug(String(bytes));
}

export function writeBundle(bundle: Omit<Bundle, "skipped">): Bytes {
  throw new Bug(String(bundle));
}
