/** Three-way merging of texts, by lines of raw bytes: no byte is read as a character, so none is changed. */

import { concat, formatUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import { diff3Merge, diffIndices } from "node-diff3";
import { keyOf } from "./byte-key.ts";
import { isBinary } from "./tree.ts";

export interface TextSides {
  readonly base: Uint8Array;
  readonly ours: Uint8Array;
  readonly theirs: Uint8Array;
}

/** `undefined`: a conflict, or texts too large or not texts at all. */
export function mergeText(sides: TextSides): Bytes | undefined {
  const merged = mergeBothWays(sides);
  return merged?.conflict === false ? merged.bytes : undefined;
}

/**
 * As `mergeText`, with both sides of a conflict between markers: what a later merge can be compared with. As in git,
 * markers are longer the deeper the merge.
 */
export function mergeTextWithMarkers(sides: TextSides, depth: number): Bytes | undefined {
  return mergeBothWays(sides, depth)?.bytes;
}

/** Where equal lines repeat, a change may be matched in more than one way. What depends on that is for a person. */
function mergeBothWays(
  sides: TextSides,
  depth = 0,
): { readonly bytes: Bytes; readonly conflict: boolean } | undefined {
  const lines = readLines(sides, depth);
  if (lines === undefined) return undefined;
  const down = mergeLines(lines, [0, 1, 2]);
  const upwards = {
    base: lines.base.toReversed(),
    ours: lines.theirs.toReversed(),
    theirs: lines.ours.toReversed(),
  };
  const up = mergeLines(upwards, [2, 1, 0]);
  if (down.conflict !== up.conflict || !isSame(down.lines, up.lines.toReversed())) return undefined;
  const bytes = concat(...down.lines.map((line) => lines.byNumber[line] ?? noBytes));
  return { bytes, conflict: down.conflict };
}

/** A stretch of a text that merges by itself, or one that needs a person. */
export type TextRegion =
  | { readonly kind: "merged"; readonly bytes: Bytes }
  | {
      readonly kind: "conflict";
      readonly base: Bytes;
      readonly ours: Bytes;
      readonly theirs: Bytes;
    };

/**
 * The whole text in order, for a person to go through. Of two texts that were added apart (no base), every difference
 * is a conflict. `undefined`: too large, or not texts at all.
 */
export function mergeTextRegions(
  sides: Omit<TextSides, "base"> & { readonly base: Uint8Array | undefined },
): ReadonlyArray<TextRegion> | undefined {
  const lines = readLines({ ...sides, base: sides.base ?? noBytes });
  if (lines === undefined) return undefined;
  const bytesOf = (numbers: ReadonlyArray<number>): Bytes =>
    concat(...numbers.map((line) => lines.byNumber[line] ?? noBytes));
  const regions =
    sides.base === undefined
      ? differences(lines)
      : mergeBothWays({ ...sides, base: sides.base }) === undefined
        ? wholeConflict(lines)
        : regionsOf(lines);
  return regions.filter(hasLines).map((region) =>
    region.kind === "merged"
      ? { kind: "merged", bytes: bytesOf(region.lines) }
      : {
          kind: "conflict",
          base: bytesOf(region.base),
          ours: bytesOf(region.ours),
          theirs: bytesOf(region.theirs),
        },
  );
}

type LineRegion =
  | { readonly kind: "merged"; readonly lines: ReadonlyArray<number> }
  | ({ readonly kind: "conflict" } & Sides);

interface Sides {
  readonly base: ReadonlyArray<number>;
  readonly ours: ReadonlyArray<number>;
  readonly theirs: ReadonlyArray<number>;
}

function hasLines(region: LineRegion): boolean {
  return region.kind === "conflict" || region.lines.length > 0;
}

/** Cut as `mergeLines` cuts, so that what it calls a conflict is one here. */
function regionsOf(lines: NumberedLines): ReadonlyArray<LineRegion> {
  const { start, middle, end } = cutCommon(lines);
  const work = workOf(middle.base, middle.ours) + workOf(middle.base, middle.theirs);
  if (work > workMax) return wholeConflict(lines);
  const regions = diff3Merge<number>(middle.ours, middle.base, middle.theirs, {
    excludeFalseConflicts: true,
  });
  return joinMerged([
    { kind: "merged", lines: start },
    ...regions.map(({ ok, conflict }): LineRegion =>
      conflict === undefined
        ? { kind: "merged", lines: ok ?? [] }
        : { kind: "conflict", base: conflict.o, ours: conflict.a, theirs: conflict.b },
    ),
    { kind: "merged", lines: end },
  ]);
}

/** All but what all three begin and end with. */
function wholeConflict(lines: NumberedLines): ReadonlyArray<LineRegion> {
  const { start, middle, end } = cutCommon(lines);
  return [
    { kind: "merged", lines: start },
    { kind: "conflict", ...middle },
    { kind: "merged", lines: end },
  ];
}

function joinMerged(regions: ReadonlyArray<LineRegion>): ReadonlyArray<LineRegion> {
  const joined: LineRegion[] = [];
  for (const region of regions) {
    const last = joined.at(-1);
    if (region.kind === "merged" && last?.kind === "merged")
      joined[joined.length - 1] = { kind: "merged", lines: [...last.lines, ...region.lines] };
    else joined.push(region);
  }
  return joined;
}

interface Cut {
  readonly start: number[];
  readonly middle: Omit<NumberedLines, "byNumber">;
  readonly end: number[];
}

function cutCommon({ base, ours, theirs }: Omit<NumberedLines, "byNumber">): Cut {
  const start = commonStart([base, ours, theirs]);
  const end = commonStart([base, ours, theirs].map((lines) => lines.slice(start).toReversed()));
  const middle = (lines: ReadonlyArray<number>): number[] => lines.slice(start, lines.length - end);
  return {
    start: base.slice(0, start),
    middle: { base: middle(base), ours: middle(ours), theirs: middle(theirs) },
    end: base.slice(base.length - end),
  };
}

function differences(lines: NumberedLines): ReadonlyArray<LineRegion> {
  const { ours, theirs } = lines;
  if (workOf(ours, theirs) > workMax) return [{ kind: "conflict", base: [], ours, theirs }];
  const regions: LineRegion[] = [];
  let at = 0;
  for (const { buffer1, buffer2 } of diffIndices(ours, theirs)) {
    regions.push({ kind: "merged", lines: ours.slice(at, buffer1[0]) });
    const mine = ours.slice(buffer1[0], buffer1[0] + buffer1[1]);
    const other = theirs.slice(buffer2[0], buffer2[0] + buffer2[1]);
    regions.push({ kind: "conflict", base: [], ours: mine, theirs: other });
    at = buffer1[0] + buffer1[1];
  }
  regions.push({ kind: "merged", lines: ours.slice(at) });
  return regions;
}

interface NumberedLines {
  readonly base: number[];
  readonly ours: number[];
  readonly theirs: number[];
  /** Equal lines have one number. The first three are the markers. */
  readonly byNumber: ReadonlyArray<Uint8Array>;
}

function readLines(sides: TextSides, depth = 0): NumberedLines | undefined {
  const all = [sides.base, sides.ours, sides.theirs];
  if (all.some((text) => text.length > mergedTextBytesMax || isBinary(text))) return undefined;
  const byNumber: Uint8Array[] = markersAt(depth);
  const numbers = new Map<string, number>();
  const numberLines = (text: Uint8Array): number[] => {
    const lines: number[] = [];
    for (let start = 0; start < text.length;) {
      const end = text.indexOf(0x0a, start);
      const line = text.subarray(start, end === -1 ? text.length : end + 1);
      const key = keyOf(line);
      const number = numbers.get(key) ?? byNumber.push(line) - 1;
      numbers.set(key, number);
      lines.push(number);
      start += line.length;
    }
    return lines;
  };
  const base = numberLines(sides.base);
  const ours = numberLines(sides.ours);
  const theirs = numberLines(sides.theirs);
  return { base, ours, theirs, byNumber };
}

interface MergedLines {
  readonly lines: ReadonlyArray<number>;
  readonly conflict: boolean;
}

type Marks = readonly [before: number, between: number, after: number];

function mergeLines(lines: Omit<NumberedLines, "byNumber">, marks: Marks): MergedLines {
  const { start, middle, end } = cutCommon(lines);
  const merged =
    workOf(middle.base, middle.ours) + workOf(middle.base, middle.theirs) > workMax
      ? { lines: withMarks(middle, marks), conflict: true }
      : mergeMiddle(middle, marks);
  return { lines: [...start, ...merged.lines, ...end], conflict: merged.conflict };
}

function mergeMiddle(sides: Omit<NumberedLines, "byNumber">, marks: Marks): MergedLines {
  const regions = diff3Merge<number>(sides.ours, sides.base, sides.theirs, {
    excludeFalseConflicts: true,
  });
  const lines: number[] = [];
  let conflict = false;
  for (const region of regions) {
    const { ok, conflict: sidesHere } = region;
    for (const line of ok ?? []) lines.push(line);
    if (sidesHere === undefined) continue;
    conflict = true;
    const marked = withMarks({ ours: sidesHere.a, theirs: sidesHere.b }, marks);
    for (const line of marked) lines.push(line);
  }
  return { lines, conflict };
}

function withMarks(
  sides: { readonly ours: ReadonlyArray<number>; readonly theirs: ReadonlyArray<number> },
  [before, between, after]: Marks,
): ReadonlyArray<number> {
  return [before, ...sides.ours, between, ...sides.theirs, after];
}

function commonStart(texts: ReadonlyArray<ReadonlyArray<number>>): number {
  const [first = []] = texts;
  let length = 0;
  while (length < first.length && texts.every((text) => text[length] === first[length])) length++;
  return length;
}

/** Steps the comparison may take at worst: lines that match, times the longest chain they can make. */
function workOf(base: ReadonlyArray<number>, side: ReadonlyArray<number>): number {
  const counts = new Map<number, number>();
  for (const line of side) counts.set(line, (counts.get(line) ?? 0) + 1);
  let matches = 0;
  for (const line of base) matches += counts.get(line) ?? 0;
  return matches * Math.min(base.length, side.length);
}

function isSame(one: ReadonlyArray<number>, other: ReadonlyArray<number>): boolean {
  return one.length === other.length && one.every((line, index) => line === other[index]);
}

/** A text merged by lines; a larger one is left to a person. */
const mergedTextBytesMax = 8 * 1024 * 1024;
/** About a second of work. */
const workMax = 200_000_000;

const noBytes = new Uint8Array(0);

function markersAt(depth: number): Uint8Array[] {
  return ["<", "=", ">"].map((sign) => formatUtf8(`${sign.repeat(7 + 2 * depth)}\n`));
}
