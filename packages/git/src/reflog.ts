/** Where every ref was before: one line for each move, in segments that are written with the move itself. */

import { concat, formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, parseObjectId, parseRefName } from "@skein/protocol/ids";
import type { Instant, ObjectId, RefName } from "@skein/protocol/ids";
import type { Files } from "./files.ts";

/** One move of one ref; `undefined` is absence. */
export interface RefMove {
  readonly ref: RefName;
  readonly from: ObjectId | undefined;
  readonly to: ObjectId | undefined;
  /** By this node's clock; 0 where no clock was given. */
  readonly at: Instant;
  /** One line. */
  readonly why: string;
}

export interface Reflog {
  /** What is to be written together with the refs that move. */
  readonly record: (moves: ReadonlyArray<RefMove>) => Promise<ReflogBatch>;
  /** The oldest first; those that were made together stand together. */
  readonly read: () => Promise<ReadonlyArray<RefMove>>;
}

export interface ReflogBatch {
  readonly put: ReadonlyArray<readonly [path: string, bytes: Bytes]>;
  readonly delete: ReadonlyArray<string>;
}

/** How long a move can be undone. */
export const reflogAgeMillisMax = 90 * 24 * 60 * 60 * 1_000;
/** The latest moves of each ref stay whatever their age: a clock that went wrong takes none of them. */
export const reflogMovesPerRefMin = 100;
/** 90 days of about 100,000 moves. Beyond it the oldest go first, so that a ref that never rests cannot fill a disk. */
export const reflogBytesMax = 16 * 1024 * 1024;
/** A segment is written anew with each move until it has this many bytes; then the next one begins. */
export const reflogSegmentBytesMax = 32 * 1024;

export function openReflog(
  files: Pick<Files, "list" | "read">,
  { bytesMax = reflogBytesMax }: { readonly bytesMax?: number } = {},
): Reflog {
  const segments = async (): Promise<ReadonlyArray<string>> =>
    (await files.list(folder)).filter((name) => segmentPattern.test(name));
  const readSegment = async (name: string): Promise<Bytes> =>
    (await files.read(`${folder}/${name}`)) ?? new Uint8Array();
  return {
    read: async () => {
      const parts = await Promise.all((await segments()).map(readSegment));
      return parts.flatMap(parseMoves);
    },
    record: async (moves) => {
      if (moves.length === 0) return { put: [], delete: [] };
      const names = await segments();
      const last = names.at(-1);
      const bytes = last === undefined ? new Uint8Array() : await readSegment(last);
      const added = formatUtf8(moves.map(formatMove).join(""));
      if (last !== undefined && bytes.length < reflogSegmentBytesMax)
        return { put: [[`${folder}/${last}`, concat(bytes, added)]], delete: [] };
      // A segment is full: a good moment to look which of them still hold what may be undone.
      const kept = await Promise.all(
        names.map(async (name) => {
          const stored = await readSegment(name);
          return { name, bytes: stored.length, moves: parseMoves(stored) };
        }),
      );
      return begin(prune(kept, bytesMax), last, added);
    },
  };
}

interface Segment {
  readonly name: string;
  readonly bytes: number;
  readonly moves: ReadonlyArray<RefMove>;
}

function begin(pruned: ReflogBatch, last: string | undefined, added: Bytes): ReflogBatch {
  const next = String(Number(last ?? 0) + 1).padStart(segmentDigits, "0");
  return { put: [...pruned.put, [`${folder}/${next}`, added]], delete: pruned.delete };
}

/**
 * Takes out what is too old. Age is counted from the latest move that was remembered before: a clock that jumps ahead
 * with this move makes nothing old. Segments that keep all they have are not written.
 */
function prune(segments: ReadonlyArray<Segment>, bytesMax: number): ReflogBatch {
  const latest = segments.at(-1)?.moves.at(-1)?.at ?? 0;
  const counts = new Map<RefName, number>();
  const isKept = ({ ref, at }: RefMove): boolean => {
    const count = (counts.get(ref) ?? 0) + 1;
    counts.set(ref, count);
    return count <= reflogMovesPerRefMin || at === 0 || latest - at <= reflogAgeMillisMax;
  };
  const put: Array<readonly [string, Bytes]> = [];
  const gone: string[] = [];
  let total = 0;
  // The latest are counted first.
  for (const { name, bytes, moves } of segments.toReversed()) {
    total += bytes;
    const kept = total > bytesMax ? [] : moves.toReversed().filter(isKept).toReversed();
    if (kept.length === 0) gone.push(`${folder}/${name}`);
    else if (kept.length < moves.length)
      put.push([`${folder}/${name}`, formatUtf8(kept.map(formatMove).join(""))]);
  }
  return { put, delete: gone };
}

function formatMove({ ref, from, to, at, why }: RefMove): string {
  return `${from ?? nothing} ${to ?? nothing} ${Math.max(0, Math.trunc(at))} ${ref} ${cleanReason(why)}\n`;
}

function parseMoves(bytes: Uint8Array): ReadonlyArray<RefMove> {
  const moves: RefMove[] = [];
  for (const line of (parseUtf8(bytes) ?? "").split("\n")) {
    const move = parseMove(line);
    if (move !== undefined) moves.push(move);
  }
  return moves;
}

function parseMove(line: string): RefMove | undefined {
  const { from = "", to = "", at = "", name = "", why = "" } = linePattern.exec(line)?.groups ?? {};
  const ref = parseRefName(name);
  return ref && { ref, from: parseSide(from), to: parseSide(to), at: instant(Number(at)), why };
}

function parseSide(text: string): ObjectId | undefined {
  return text === nothing ? undefined : parseObjectId(text);
}

function cleanReason(why: string): string {
  return why.replace(unwantedInReasons, " ").slice(0, reasonLettersMax).trim();
}

const folder = "reflog";
const segmentDigits = 10;
const segmentPattern = /^\d{10}$/u;
const nothing = "0".repeat(40);
const reasonLettersMax = 200;
const linePattern =
  /^(?<from>[0-9a-f]{40}) (?<to>[0-9a-f]{40}) (?<at>\d{1,16}) (?<name>\S+) ?(?<why>.*)$/u;
// eslint-disable-next-line no-control-regex -- control bytes are exactly what is taken out.
const unwantedInReasons = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|[\ud800-\udfff]/gu;
