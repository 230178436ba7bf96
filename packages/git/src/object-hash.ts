/** What objects are named by: the hash of their type, their size and their bytes. */

import { formatUtf8, type Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { oidAt, type GitObject, type ObjectType } from "./object.ts";
import { sha1 } from "./sha1.ts";

/** The 20 bytes that name an object of `type` with these bytes. */
export function hashBytes(type: ObjectType, bytes: Uint8Array): Bytes {
  return sha1(formatUtf8(`${type} ${bytes.length}\0`), bytes);
}

export function hashObject(object: GitObject): ObjectId {
  return oidAt(hashBytes(object.type, object.bytes), 0);
}
