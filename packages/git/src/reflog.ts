/** Where every ref was before: one line for each move, in segments that are written with the move itself. */

import { concat, formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, parseObjectId, parseRefName } from "@skein/protocol/ids";
import type { Instant, ObjectId, RefName } from "@skein/protocol/ids";
import { newline, splitLines } from "./byte-lines.ts";
import type { Files } from "./files.ts";
import { StorageDamagedError } from "./stored-pack.ts";

/** One move of one ref; `undefined` is absence. */
export interface RefMove {
  readonly ref: RefName;
  readonly from: ObjectId | undefined;
  readonly to: ObjectId | undefined;
  /** By this node's clock; 0 where no clock was given. */
  readonly at: Instant;
  /** One line. */
  readonly why: string;
  /** Another device moved it, and here it followed. */
  readonly followed?: true | undefined;
}

export interface Reflog {
  /** What is to be written together with the refs that move. */
  readonly record: (moves: ReadonlyArray<RefMove>) => Promise<ReflogBatch>;
  /** Takes note that the node is in use, and takes out what is too old. */
  readonly age: (now: Instant) => Promise<ReflogBatch>;
  /** The oldest first; those that were made together stand together. A line that is damaged is left out. */
  readonly read: () => Promise<ReadonlyArray<RefMove>>;
  /** The same, but a damaged line throws `StorageDamagedError`. It stays where it is until it is too old. */
  readonly readWhole: () => Promise<ReadonlyArray<RefMove>>;
}

export interface ReflogBatch {
  readonly put: ReadonlyArray<readonly [path: string, bytes: Bytes]>;
  readonly delete: ReadonlyArray<string>;
  /** Moves that it takes out. */
  readonly gone: number;
}

/** How long a move can be undone: of time that this node has seen pass. */
export const reflogAgeMillisMax = 90 * 24 * 60 * 60 * 1_000;
/** What passed unseen between two lines counts as no more than this: a clock that jumps ahead by years makes nothing old. */
export const reflogUnseenMillisMax = 7 * 24 * 60 * 60 * 1_000;
/** That the node is in use is noted this often at most. */
export const reflogSeenMillisMin = 24 * 60 * 60 * 1_000;
/** 90 days of about 100,000 moves made here. Beyond it the oldest go first: a ref that never rests cannot fill a disk. */
export const reflogBytesMax = 16 * 1024 * 1024;
/** The same for what other devices move here: however much that is, it takes nothing from what is moved here. */
export const reflogOthersBytesMax = 8 * 1024 * 1024;
/** A segment is written anew with each move until it has this many bytes; then the next one begins. */
export const reflogSegmentBytesMax = 32 * 1024;

export function openReflog(
  files: Pick<Files, "list" | "read">,
  { ownBytesMax = reflogBytesMax, othersBytesMax = reflogOthersBytesMax }: Partial<Budgets> = {},
): Reflog {
  const budgets = { ownBytesMax, othersBytesMax };
  const names = async (): Promise<ReadonlyArray<string>> =>
    (await files.list(folder)).filter((name) => segmentPattern.test(name));
  const readBytes = async (name: string): Promise<Bytes> =>
    (await files.read(pathOf(name))) ?? new Uint8Array();
  const readSegment = async (name: string): Promise<Segment> => {
    const bytes = await readBytes(name);
    return { name, bytes, lines: parseLines(bytes) };
  };
  const segments = async (): Promise<ReadonlyArray<Segment>> =>
    Promise.all((await names()).map(readSegment));
  return {
    read: async () => (await segments()).flatMap(({ lines }) => lines.filter(isMove)),
    readWhole: async () => {
      const lines = (await segments()).flatMap((segment) => segment.lines);
      if (lines.some(isDamaged)) throw new StorageDamagedError("The list of what was is damaged");
      return lines.filter(isMove);
    },
    age: async (now) => {
      const all = await segments();
      const last = all.flatMap(({ lines }) => lines).at(-1);
      if (last === undefined) return nothingToDo;
      const isSeen = Math.abs(now - last.at) >= reflogSeenMillisMin;
      return rewrite(all, isSeen ? [{ at: now }] : [], budgets);
    },
    record: async (moves) => {
      if (moves.length === 0) return nothingToDo;
      const last = (await names()).at(-1);
      const bytes = last === undefined ? new Uint8Array() : await readBytes(last);
      if (last !== undefined && bytes.length < reflogSegmentBytesMax)
        return { ...nothingToDo, put: [[pathOf(last), append(bytes, moves)]] };
      // A segment is full: a good moment to look which of them still hold what may be undone.
      return rewrite(await segments(), moves, budgets);
    },
  };
}

/** A move, or that the node was in use, or what nobody can read, which has the moment of the line before. */
type Line = RefMove | { readonly at: Instant } | DamagedLine;

interface DamagedLine {
  readonly at: Instant;
  readonly bytes: Bytes;
}

interface Budgets {
  readonly ownBytesMax: number;
  readonly othersBytesMax: number;
}

interface Segment {
  readonly name: string;
  readonly bytes: Bytes;
  readonly lines: ReadonlyArray<Line>;
}

/** Adds lines, and takes out what is too old or too much with them. Segments that keep all they have are not written. */
function rewrite(
  segments: ReadonlyArray<Segment>,
  added: ReadonlyArray<Line>,
  budgets: Budgets,
): ReflogBatch {
  const last = segments.at(-1);
  const next = last !== undefined && last.bytes.length < reflogSegmentBytesMax ? last : after(last);
  const all = [...segments.flatMap(({ lines }) => lines), ...added];
  const old = new Set(all.slice(0, countOld(all.map(({ at }) => at))));
  const much = findTooMuch(segments, budgets);
  const kept = new Map<string, Bytes>();
  let gone = 0;
  for (const { name, bytes, lines } of segments) {
    const left = lines.filter((line) => !old.has(line) && !much.has(line));
    gone += lines.filter(isMove).length - left.filter(isMove).length;
    kept.set(name, left.length === lines.length ? bytes : append(new Uint8Array(), left));
  }
  if (added.length > 0) kept.set(next.name, append(kept.get(next.name) ?? next.bytes, added));
  const was = new Map(segments.map((segment) => [segment.name, segment.bytes]));
  const changed = [...kept].filter(([name, now]) => now !== was.get(name));
  return {
    put: changed.filter(([, now]) => now.length > 0).map(([name, now]) => [pathOf(name), now]),
    delete: changed.filter(([, now]) => now.length === 0).map(([name]) => pathOf(name)),
    gone,
  };
}

/** The oldest of what was moved here, and of what other devices moved: each kind beyond its own budget. */
function findTooMuch(
  segments: ReadonlyArray<Segment>,
  { ownBytesMax, othersBytesMax }: Budgets,
): ReadonlySet<Line> {
  const found = new Set<Line>();
  const stored = segments.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (stored <= Math.min(ownBytesMax, othersBytesMax)) return found;
  let [own, others] = [0, 0];
  // The latest are counted first.
  for (const { lines } of segments.toReversed())
    for (const line of lines.toReversed()) {
      const bytes = append(new Uint8Array(), [line]).length;
      if (isOthers(line)) others += bytes;
      else own += bytes;
      if (isOthers(line) ? others > othersBytesMax : own > ownBytesMax) found.add(line);
    }
  return found;
}

/** Not a move that somebody made here. */
function isOthers(line: Line): boolean {
  return isMove(line) && (line.followed === true || line.ref.startsWith(remotePrefix));
}

function after(last: Segment | undefined): Segment {
  const name = String(Number(last?.name ?? 0) + 1).padStart(segmentDigits, "0");
  return { name, bytes: new Uint8Array(), lines: [] };
}

/**
 * How many lines, from the oldest, are older than what can be undone. Their order is the only clock that is believed:
 * from one line to the next passed what their moments say, but not less than nothing, and not more than can have gone
 * unseen.
 */
function countOld(moments: ReadonlyArray<Instant>): number {
  let age = 0;
  for (let index = moments.length - 1; index > 0; index--) {
    const passed = (moments[index] ?? 0) - (moments[index - 1] ?? 0);
    age += Math.min(Math.max(passed, 0), reflogUnseenMillisMax);
    if (age > reflogAgeMillisMax) return index;
  }
  return 0;
}

function append(bytes: Bytes, lines: ReadonlyArray<Line>): Bytes {
  // What was cut short is a line for itself.
  const isOpen = bytes.length > 0 && bytes.at(-1) !== newline;
  return concat(bytes, formatUtf8(isOpen ? "\n" : ""), ...lines.map(formatLine));
}

function formatLine(line: Line): Bytes {
  if (isDamaged(line)) return concat(line.bytes, formatUtf8("\n"));
  return formatUtf8(isMove(line) ? formatMove(line) : `${seen} ${formatAt(line.at)}\n`);
}

function isDamaged(line: Line): line is DamagedLine {
  return "bytes" in line;
}

function isMove(line: Line): line is RefMove {
  return "ref" in line;
}

function pathOf(name: string): string {
  return `${folder}/${name}`;
}

function formatMove({ ref, from, to, at, why, followed }: RefMove): string {
  const mark = followed === true ? "followed " : "";
  return `${mark}${from ?? nothing} ${to ?? nothing} ${formatAt(at)} ${ref} ${cleanReason(why)}\n`;
}

function formatAt(at: Instant): string {
  return String(Math.max(0, Math.trunc(at)));
}

/** Byte by byte: what is damaged in one line is not damaged in the next. */
function parseLines(bytes: Bytes): ReadonlyArray<Line> {
  const lines: Line[] = [];
  for (const line of splitLines(bytes))
    lines.push(parseLine(line) ?? { at: lines.at(-1)?.at ?? instant(0), bytes: line.slice() });
  return lines;
}

function parseLine(line: Uint8Array): Line | undefined {
  const text = parseUtf8(line) ?? "";
  const at = seenPattern.exec(text)?.groups?.["at"];
  return at === undefined ? parseMove(text) : { at: instant(Number(at)) };
}

function parseMove(line: string): RefMove | undefined {
  const found = linePattern.exec(line)?.groups ?? {};
  const { mark, from = "", to = "", at = "", name = "", why = "" } = found;
  const ref = parseRefName(name);
  if (ref === undefined) return undefined;
  const move = { ref, from: parseSide(from), to: parseSide(to), at: instant(Number(at)), why };
  return mark === undefined ? move : { ...move, followed: true };
}

function parseSide(text: string): ObjectId | undefined {
  return text === nothing ? undefined : parseObjectId(text);
}

function cleanReason(why: string): string {
  return why.replace(unwantedInReasons, " ").slice(0, reasonLettersMax).trim();
}

const nothingToDo: ReflogBatch = { put: [], delete: [], gone: 0 };
const folder = "reflog";
const remotePrefix = "refs/remotes/";
const seen = "seen";
const seenPattern = /^seen (?<at>\d{1,16})$/u;
const segmentDigits = 10;
const segmentPattern = /^\d{10}$/u;
const nothing = "0".repeat(40);
const reasonLettersMax = 200;
const linePattern =
  /^(?<mark>followed )?(?<from>[0-9a-f]{40}) (?<to>[0-9a-f]{40}) (?<at>\d{1,16}) (?<name>\S+) ?(?<why>.*)$/u;
// eslint-disable-next-line no-control-regex -- control bytes are exactly what is taken out.
const unwantedInReasons = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|[\ud800-\udfff]/gu;
