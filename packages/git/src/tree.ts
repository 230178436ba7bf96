/** Reading folders and files of a commit, by path. */

import type { Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";

export interface TreeEntry {
  /** As `formatPathName` writes it: printable, and different for different names. */
  readonly name: string;
  readonly kind: "folder" | "file" | "link" | "submodule";
  readonly oid: ObjectId;
  /** For files and links, in bytes. */
  readonly size: number | undefined;
}

export interface FileContent {
  readonly oid: ObjectId;
  /** The first `bytesMax` bytes. */
  readonly bytes: Bytes;
  /** Of the whole file, in bytes. */
  readonly size: number;
  readonly kind: "text" | "image" | "binary";
}
