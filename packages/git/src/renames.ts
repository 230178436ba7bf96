/** Which added files are deleted ones under another name, as `git diff -M` finds them: equal first, then alike. */

import type { Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { keyOf } from "./byte-key.ts";
import type { TreeEntry } from "./object.ts";
import { readObject } from "./overlay.ts";
import type { ObjectReader } from "./overlay.ts";
import type { TreeDifference } from "./tree-diff.ts";
import { formatPath } from "./tree-path.ts";
import { isBinary } from "./tree.ts";

export interface Rename {
  readonly from: string;
  readonly before: TreeEntry;
  /** Of 100. */
  readonly likeness: number;
}

interface Named {
  readonly path: string;
  readonly entry: TreeEntry;
}

interface Candidate {
  readonly from: Named;
  readonly to: Named;
  readonly score: number;
}

/** By the path that was added. Each deleted file is found at most once. */
export async function findRenames(
  objects: ObjectReader,
  differences: ReadonlyArray<TreeDifference>,
): Promise<ReadonlyMap<string, Rename>> {
  const search = openSearch(differences);
  matchEqual(search);
  await matchAlike(objects, search);
  return search.found;
}

interface Search {
  readonly found: ReadonlyMap<string, Rename>;
  readonly deleted: () => ReadonlyArray<Named>;
  readonly added: () => ReadonlyArray<Named>;
  readonly take: (candidate: Candidate) => void;
}

function openSearch(differences: ReadonlyArray<TreeDifference>): Search {
  const deleted = new Map<string, Named>();
  const added = new Map<string, Named>();
  const found = new Map<string, Rename>();
  for (const { path: names, before, after } of differences) {
    const path = formatPath(names);
    if (before !== undefined && after === undefined) deleted.set(path, { path, entry: before });
    if (before === undefined && after !== undefined) added.set(path, { path, entry: after });
  }
  return {
    found,
    deleted: () => [...deleted.values()],
    added: () => [...added.values()],
    take: ({ from, to, score }) => {
      if (!deleted.delete(from.path) || !added.delete(to.path)) return;
      const likeness = Math.floor((score * 100) / scoreMax);
      found.set(to.path, { from: from.path, before: from.entry, likeness });
    },
  };
}

/** Among equal files the one that kept its name comes first. */
function matchEqual(search: Search): void {
  const byId = new Map<ObjectId, Named[]>();
  for (const named of search.deleted())
    byId.set(named.entry.oid, [...(byId.get(named.entry.oid) ?? []), named]);
  for (const to of search.added()) {
    const equal = (byId.get(to.entry.oid) ?? []).filter(({ entry }) => isOneKind(entry, to.entry));
    const from = equal.find((named) => lastName(named) === lastName(to)) ?? equal[0];
    if (from === undefined) continue;
    search.take({ from, to, score: scoreMax });
    const left = byId.get(to.entry.oid)?.filter((named) => named !== from) ?? [];
    byId.set(to.entry.oid, left);
  }
}

async function matchAlike(objects: ObjectReader, search: Search): Promise<void> {
  const isFile = ({ entry }: Named): boolean => isRegular(entry);
  const texts = openTexts(objects);
  const scoreOf = async (from: Named, to: Named): Promise<number> =>
    likenessOf(await texts.read(from.entry.oid), await texts.read(to.entry.oid));
  // A name that one deleted file and one added file have, and no other: most moves are those.
  const names = uniqueNames(search.added().filter(isFile));
  for (const [name, from] of uniqueNames(search.deleted().filter(isFile))) {
    const to = names.get(name);
    if (from === undefined || to === undefined) continue;
    // oxlint-disable-next-line no-await-in-loop -- texts are read one after the other: memory is bounded.
    const score = await scoreOf(from, to);
    if (score >= sameNameScoreMin) search.take({ from, to, score });
  }
  const deleted = search.deleted().filter(isFile);
  const added = search.added().filter(isFile);
  if (deleted.length * added.length > comparedPairsMax) return;
  const candidates: Candidate[] = [];
  for (const to of added) {
    for (const from of deleted) {
      // oxlint-disable-next-line no-await-in-loop
      const score = await scoreOf(from, to);
      if (score >= scoreMin) candidates.push({ from, to, score });
    }
  }
  const bonus = ({ from, to }: Candidate): number => (lastName(from) === lastName(to) ? 1 : 0);
  for (const candidate of candidates.toSorted(
    (one, other) => other.score - one.score || bonus(other) - bonus(one),
  ))
    search.take(candidate);
}

interface Text {
  readonly length: number;
  /** Bytes in each line, or in each 64 bytes of a long one. */
  readonly counts: ReadonlyMap<string, number>;
}

interface Texts {
  /** `undefined`: too large, or one too many. */
  readonly read: (oid: ObjectId) => Promise<Text | undefined>;
}

function openTexts(objects: ObjectReader): Texts {
  const known = new Map<ObjectId, Text | undefined>();
  let room = comparedBytesMax;
  return {
    read: async (oid) => {
      if (known.has(oid)) return known.get(oid);
      const bytes = room <= 0 ? undefined : await readObject(objects, oid, "blob");
      room -= bytes?.length ?? 0;
      const text =
        bytes === undefined || bytes.length > comparedFileBytesMax ? undefined : countChunks(bytes);
      known.set(oid, text);
      return text;
    },
  };
}

function countChunks(bytes: Bytes): Text {
  const counts = new Map<string, number>();
  const isText = !isBinary(bytes);
  let length = 0;
  let start = 0;
  for (let at = 0; at < bytes.length; at++) {
    const isReturn = isText && bytes[at] === 0x0d && bytes[at + 1] === 0x0a;
    if (!isReturn) length++;
    const isLast = at === bytes.length - 1;
    if (isReturn || (length < chunkBytesMax && bytes[at] !== 0x0a && !isLast)) continue;
    const key = keyOf(bytes.subarray(start, at + 1));
    const chunk = isText ? key.replaceAll("\r\n", "\n") : key;
    counts.set(chunk, (counts.get(chunk) ?? 0) + length);
    start = at + 1;
    length = 0;
  }
  return { length: bytes.length, counts };
}

/** Bytes of the one that are in the other, wherever they stand, of the longer one's. */
function likenessOf(one: Text | undefined, other: Text | undefined): number {
  if (one === undefined || other === undefined) return 0;
  const longer = Math.max(one.length, other.length);
  const shorter = Math.min(one.length, other.length);
  if (shorter === 0 || longer * (scoreMax - scoreMin) < (longer - shorter) * scoreMax) return 0;
  let common = 0;
  for (const [chunk, count] of one.counts) common += Math.min(count, other.counts.get(chunk) ?? 0);
  return Math.floor((common * scoreMax) / longer);
}

/** `undefined` for a name that several have. */
function uniqueNames(all: ReadonlyArray<Named>): ReadonlyMap<string, Named | undefined> {
  const names = new Map<string, Named | undefined>();
  for (const named of all) {
    const name = lastName(named);
    names.set(name, names.has(name) ? undefined : named);
  }
  return names;
}

function lastName({ path }: Named): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function isOneKind(one: TreeEntry, other: TreeEntry): boolean {
  return one.kind === other.kind || (isRegular(one) && isRegular(other));
}

function isRegular({ kind }: TreeEntry): boolean {
  return kind === "file" || kind === "executable";
}

/** Git's own measures. */
const scoreMax = 60_000;
const scoreMin = 30_000;
const sameNameScoreMin = 45_000;
const chunkBytesMax = 64;
/** Pairs looked at: with more, only equal files and files that kept their names are found. */
const comparedPairsMax = 40_000;
const comparedFileBytesMax = 1024 * 1024;
const comparedBytesMax = 64 * 1024 * 1024;
