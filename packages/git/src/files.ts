/** The port that every byte of a repository goes through: whole files, changed in batches that happen entirely or not at all. */

import type { Bytes } from "@skein/protocol/bytes";
import { SkeinError } from "@skein/protocol/errors";

/** `strict`: survives power loss once acknowledged. `relaxed`: survives the end of the tab. */
export type Durability = "strict" | "relaxed";

/** Files to write and files to remove, as one change. A path that is in both is written. */
export interface FileBatch {
  readonly put: ReadonlyArray<readonly [path: string, bytes: Uint8Array]>;
  readonly delete: ReadonlyArray<string>;
}

/** Paths have no leading slash, and folders exist as long as a file is in them. */
export interface Files {
  readonly read: (path: string) => Promise<Bytes | undefined>;
  readonly size: (path: string) => Promise<number | undefined>;
  /** Names directly inside `folder` (`""` is the root), in byte order; folders end with `/`. */
  readonly list: (folder: string) => Promise<ReadonlyArray<string>>;
  /** All or nothing. Once it has resolved the change is there; if it throws, nothing of it is. */
  readonly commit: (
    batch: FileBatch,
    options: { readonly durability: Durability },
  ) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The device has no room. Nothing of the batch was kept. */
export class StorageFullError extends SkeinError {
  override readonly name = "StorageFullError";
  readonly code = "storage_full";
  readonly blame = "environment";
  readonly hint = "Free some space on this device, then try again.";
}

/** The device's storage failed or was closed under us. Nothing of the batch was kept. */
export class StorageFailedError extends SkeinError {
  override readonly name = "StorageFailedError";
  readonly code = "storage_failed";
  readonly blame = "environment";
  readonly hint = "Reload the page. If it happens again, export your repositories.";
}
