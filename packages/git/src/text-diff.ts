/** Two texts side by side: which lines differ, and which words in them. */

import { formatUtf8 } from "@skein/protocol/bytes";
import { openLineNumbers } from "./text-lines.ts";
import { diffWords, type DiffPart } from "./word-diff.ts";

/** Lines that stand together, with some that are the same around them. Lines are counted from 1. */
export interface DiffHunk {
  readonly beforeLine: number;
  readonly afterLine: number;
  readonly rows: ReadonlyArray<DiffRow>;
}

/** Without newlines. Two last lines that differ only by having one are told as removed and added. */
export type DiffRow =
  | { readonly kind: "same"; readonly text: string }
  | { readonly kind: "removed" | "added"; readonly parts: ReadonlyArray<DiffPart> };

export interface DiffOptions {
  /** Lines that are the same, shown around those that differ. */
  readonly context?: number;
  /** Beyond so many, what stands between the beginning and the end that both share is told as replaced. */
  readonly lineEditsMax?: number;
  /** Beyond so many, lines are told without their words. */
  readonly wordEditsMax?: number;
}

export function diffText(
  before: string,
  after: string,
  { context = 3, lineEditsMax, wordEditsMax }: DiffOptions = {},
): ReadonlyArray<DiffHunk> {
  const numbers = openLineNumbers();
  const old = splitLines(before);
  const fresh = splitLines(after);
  const matches = numbers.match(numbers.of(formatUtf8(before)), numbers.of(formatUtf8(after)), {
    editsMax: lineEditsMax,
  });
  const hunks: Array<DiffHunk & { readonly rows: DiffRow[]; end: number }> = [];
  let at = { before: 0, after: 0 };
  const stops = [...matches, { before: old.length, after: fresh.length, count: 0 }];
  for (const match of stops) {
    const removed = old.slice(at.before, match.before);
    const added = fresh.slice(at.after, match.after);
    if (removed.length + added.length > 0) {
      const lead = Math.min(context, at.before, at.after);
      const last = hunks.at(-1);
      const start = at.before - lead;
      const joins = last !== undefined && start <= last.end + context;
      const from = joins ? last.end : start;
      const rows = [
        ...sameRows(old.slice(from, at.before)),
        ...changedRows(removed, added, wordEditsMax),
      ];
      if (joins) last.rows.push(...rows);
      else hunks.push({ beforeLine: start + 1, afterLine: at.after - lead + 1, rows, end: 0 });
      const hunk = hunks.at(-1);
      if (hunk !== undefined) hunk.end = match.before;
    }
    at = { before: match.before + match.count, after: match.after + match.count };
  }
  return hunks.map(({ beforeLine, afterLine, rows, end }) => {
    const trail = sameRows(old.slice(end, end + context));
    return { beforeLine, afterLine, rows: [...rows, ...trail] };
  });
}

/** First what was removed, then what was added, with the words that differ. */
function changedRows(
  removed: ReadonlyArray<string>,
  added: ReadonlyArray<string>,
  editsMax: number | undefined,
): ReadonlyArray<DiffRow> {
  const isReplaced = removed.length > 0 && added.length > 0;
  const words = isReplaced ? diffWords(removed, added, { editsMax }) : undefined;
  const whole = (lines: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<DiffPart>> =>
    lines.map((text) => [{ text, changed: true }]);
  return [
    ...(words?.removed ?? whole(removed)).map((parts): DiffRow => ({ kind: "removed", parts })),
    ...(words?.added ?? whole(added)).map((parts): DiffRow => ({ kind: "added", parts })),
  ];
}

function sameRows(lines: ReadonlyArray<string>): ReadonlyArray<DiffRow> {
  return lines.map((text) => ({ kind: "same", text }));
}

/** Without the newlines: a text that ends with one has no empty line after it. */
function splitLines(text: string): ReadonlyArray<string> {
  const lines = text.split("\n");
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}
