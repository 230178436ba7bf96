/** The file of all refs, with how many there are and a checksum: what storage made of it is noticed, and mended from what the refs did last. */

/* oxlint-disable eslint/no-await-in-loop -- whether an object is here is answered at once. */

import { compare, concat, formatUtf8, parseUtf8, type Bytes } from "@skein/protocol/bytes";
import { parseObjectId, parseRefName, type ObjectId, type RefName } from "@skein/protocol/ids";
import { splitLines } from "./byte-lines.ts";
import { crc32 } from "./crc32.ts";
import type { RefMove } from "./reflog.ts";
import { StorageDamagedError } from "./stored-pack.ts";

export interface PackedRefs {
  readonly refs: Map<RefName, ObjectId>;
  /** How many there are to be, as far as that can still be read. */
  readonly count: number | undefined;
  readonly isSound: boolean;
}

/** Sorted by byte, as its head promises: git looks names up by halving. What else the head says, git passes over. */
export function formatPackedRefs(refs: ReadonlyMap<RefName, ObjectId>): Bytes {
  const lines = [...refs].map(([ref, oid]) => ({ key: formatUtf8(ref), line: `${oid} ${ref}\n` }));
  lines.sort((one, other) => compare(one.key, other.key));
  const body = formatUtf8(lines.map(({ line }) => line).join(""));
  const sum = crc32(body, 0, body.length).toString(16).padStart(8, "0");
  return concat(formatUtf8(`${plainHead} refs=${lines.length} crc32=${sum} \n`), body);
}

export function parsePackedRefs(bytes: Uint8Array): PackedRefs {
  const [head = "", ...lines] = readLines(bytes);
  const refs = readRefs(lines);
  const { count, sum } = headPattern.exec(head)?.groups ?? {};
  const isRead = refs.size === lines.length;
  // As it was written before there were checksums.
  if (sum === undefined)
    return { refs, count: undefined, isSound: isRead && head.trimEnd() === plainHead };
  const body = Math.min(head.length + 1, bytes.length);
  const isSame = crc32(bytes, body, bytes.length) === Number.parseInt(sum, 16);
  const isCounted = refs.size === Number(count);
  // Where the sum is right, it is how many there are that is damaged.
  return {
    refs,
    count: isSame ? refs.size : Number(count),
    isSound: isSame && isRead && isCounted,
  };
}

function readRefs(lines: ReadonlyArray<string>): Map<RefName, ObjectId> {
  const refs = new Map<RefName, ObjectId>();
  for (const line of lines) {
    const oid = parseObjectId(line.slice(0, 40));
    const ref = parseRefName(line.slice(41));
    if (oid !== undefined && ref !== undefined && line[40] === " ") refs.set(ref, oid);
  }
  return refs;
}

function readLines(bytes: Uint8Array): ReadonlyArray<string> {
  const text = parseUtf8(bytes);
  if (text === undefined) return splitLines(bytes).map((line) => parseUtf8(line) ?? "");
  const lines = text.split("\n");
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

/**
 * Refs of a damaged file: what can be read of it and leads to what is here, and the others as their last moves left them.
 * Throws `StorageDamagedError` where that is not all of them.
 */
export async function mendRefs(
  { refs, count }: PackedRefs,
  moves: ReadonlyArray<RefMove>,
  isHere: (oid: ObjectId) => Promise<boolean>,
): Promise<Map<RefName, ObjectId>> {
  const last = new Map<RefName, ObjectId | undefined>(moves.map(({ ref, to }) => [ref, to]));
  const mended = new Map<RefName, ObjectId>();
  for (const [ref, oid] of refs) if (await isHere(oid)) mended.set(ref, oid);
  for (const [ref, oid] of last) {
    if (oid === undefined || mended.has(ref) || !(await isHere(oid))) continue;
    // A name that never moved, where this one was: it is this one, with another letter in it.
    const changed = [...mended].find(([other, at]) => at === oid && !last.has(other));
    if (changed !== undefined) mended.delete(changed[0]);
    mended.set(ref, oid);
  }
  if (count === undefined ? mended.size < refs.size : mended.size !== count)
    throw new StorageDamagedError("The list of branches and tags is damaged");
  return mended;
}

const plainHead = "# pack-refs with: sorted";
const headPattern = /^# pack-refs with: sorted refs=(?<count>\d{1,9}) crc32=(?<sum>[0-9a-f]{8}) $/u;
