/** Git objects: what commits, trees and tags say, and whether `git fsck --strict` would let them pass. */

import type { Bytes } from "@skein/protocol/bytes";
import { Bug } from "@skein/protocol/errors";
import type { Instant, ObjectId } from "@skein/protocol/ids";

export type ObjectType = "commit" | "tree" | "blob" | "tag";

export interface GitObject {
  readonly type: ObjectType;
  readonly bytes: Bytes;
}

/** Who did something, and when by their own clock. Text is for showing: bytes that are not UTF-8 are replaced. */
export interface Person {
  readonly name: string;
  readonly email: string;
  readonly at: Instant;
  readonly offsetMinutes: number;
}

export interface Commit {
  readonly tree: ObjectId;
  readonly parents: ReadonlyArray<ObjectId>;
  readonly author: Person;
  readonly committer: Person;
  readonly message: string;
}

/** What an entry of a tree is, whatever its permission bits. */
export type EntryKind = "file" | "executable" | "symlink" | "tree" | "submodule";

export interface TreeEntry {
  readonly mode: number;
  readonly kind: EntryKind;
  readonly name: Bytes;
  readonly oid: ObjectId;
}

export interface AnnotatedTag {
  readonly target: ObjectId;
  readonly type: ObjectType;
  readonly tag: string;
  readonly tagger: Person | undefined;
  readonly message: string;
}

export function hashObject(object: GitObject): ObjectId {
  throw new Bug(object.type);
}

/** `undefined` where a commit is so broken that it has no tree, author or committer. */
export function parseCommit(bytes: Uint8Array): Commit | undefined {
  throw new Bug(String(bytes));
}

export function formatCommit(commit: Commit): Bytes {
  throw new Bug(commit.tree);
}

export function parseTree(bytes: Uint8Array): ReadonlyArray<TreeEntry> | undefined {
  throw new Bug(String(bytes));
}

/** Sorts as git sorts. Names must be sound (`judgeEntryName`) and distinct. */
export function formatTree(
  entries: ReadonlyArray<Pick<TreeEntry, "mode" | "name" | "oid">>,
): Bytes {
  throw new Bug(String(entries));
}

export function parseTag(bytes: Uint8Array): AnnotatedTag | undefined {
  throw new Bug(String(bytes));
}

/** What is wrong with an object, in the words of `git fsck`, or `undefined`. */
export function objectFault(object: GitObject): string | undefined {
  throw new Bug(object.type);
}
