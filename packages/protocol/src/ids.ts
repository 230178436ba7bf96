/** The names of things that cross the wire. A raw string never passes for one; each is minted by its parser, here. */

import { formatHex } from "./bytes.ts";

declare const brand: unique symbol;

/** A `Base` that only this file can make. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/** BLAKE2b-256 of a node's public keys, as 64 hex digits. */
export type NodeId = Brand<string, "NodeId">;
/** Hash of an account's genesis, as 64 hex digits. */
export type AccountId = Brand<string, "AccountId">;
/** Hash of a repository's genesis, as 64 hex digits. */
export type RepoId = Brand<string, "RepoId">;
/** Hash of one entry of a membership log, as 64 hex digits. */
export type EntryId = Brand<string, "EntryId">;
/** Hash of one ref record, as 64 hex digits. */
export type RecordHash = Brand<string, "RecordHash">;
/** A git object id of the sha1 object format, as 40 hex digits. */
export type ObjectId = Brand<string, "ObjectId">;
/** A full git ref name that passed `git check-ref-format`, such as `refs/heads/main`. */
export type RefName = Brand<string, "RefName">;
/** What a relay sees of a topic today: 16 bytes, as 32 hex digits. */
export type Tag = Brand<string, "Tag">;
/** One numbered flow between two nodes: odd numbers are opened by the node with the smaller id. */
export type StreamId = Brand<number, "StreamId">;

/** A moment, in milliseconds since the epoch. Comes from a Clock or from a message, never from `Date.now`. */
export type Instant = Brand<number, "Instant">;

/** A text of so many is made at once. */
const idsAtOnce = 100;
const hash256Pattern = /^[0-9a-f]{64}$/u;
const objectIdPattern = /^[0-9a-f]{40}$/u;
const tagPattern = /^[0-9a-f]{32}$/u;

export function parseNodeId(text: string): NodeId | undefined {
  return hash256Pattern.test(text) ? (text as NodeId) : undefined;
}

export function parseAccountId(text: string): AccountId | undefined {
  return hash256Pattern.test(text) ? (text as AccountId) : undefined;
}

export function parseRepoId(text: string): RepoId | undefined {
  return hash256Pattern.test(text) ? (text as RepoId) : undefined;
}

export function parseEntryId(text: string): EntryId | undefined {
  return hash256Pattern.test(text) ? (text as EntryId) : undefined;
}

export function parseRecordHash(text: string): RecordHash | undefined {
  return hash256Pattern.test(text) ? (text as RecordHash) : undefined;
}

export function parseObjectId(text: string): ObjectId | undefined {
  return objectIdPattern.test(text) ? (text as ObjectId) : undefined;
}

/** The object ids that stand in `bytes` one behind the other, 20 bytes each. */
export function formatObjectIds(bytes: Uint8Array): ReadonlyArray<ObjectId> {
  const ids: ObjectId[] = [];
  for (let start = 0; start < bytes.length; start += 20 * idsAtOnce) {
    const text = formatHex(bytes.subarray(start, start + 20 * idsAtOnce));
    for (let at = 0; at < text.length; at += 40) ids.push(text.slice(at, at + 40) as ObjectId);
  }
  return ids;
}

export function parseTag(text: string): Tag | undefined {
  return tagPattern.test(text) ? (text as Tag) : undefined;
}

export function parseStreamId(value: number): StreamId | undefined {
  return Number.isInteger(value) && value >= 1 && value <= 0xffff_ffff
    ? (value as StreamId)
    : undefined;
}

/**
 * Reads a full ref name by the rules of `git check-ref-format`, and ours: at most 255 bytes, under `refs/`,
 * no bytes outside printable text. The only place in Skein where a ref name is judged.
 */
export function parseRefName(text: string): RefName | undefined {
  if (!text.startsWith("refs/") || text.length > 255 || utf8Length(text) > 255) return undefined;
  if (forbiddenInRefs.test(text) || text.endsWith(".") || text.endsWith("/")) return undefined;
  const parts = text.split("/");
  if (parts.length < 3) return undefined;
  const sound = (part: string): boolean =>
    part !== "" &&
    part !== "@" &&
    !part.startsWith(".") &&
    !part.startsWith("-") &&
    !part.endsWith(".lock");
  return parts.every(sound) ? (text as RefName) : undefined;
}

/** `..`, `@{`, `//`, control bytes, space, `~ ^ : ? * [ \`, and characters that are invisible or turn text around. */
const forbiddenInRefs =
  // eslint-disable-next-line no-control-regex -- control bytes are exactly what is refused here.
  /\.\.|@\{|\/\/|[\u0000-\u0020\u007f~^:?*[\\\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/u;

function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  }
  return length;
}

/** The moment `delayMillis` after `instant`. */
export function later(instant: Instant, delayMillis: number): Instant {
  return (instant + delayMillis) as Instant;
}

export function instant(epochMillis: number): Instant {
  return epochMillis as Instant;
}
