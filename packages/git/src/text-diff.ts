/** Two texts side by side: which lines differ, and which words in them. */

import { formatUtf8 } from "@skein/protocol/bytes";
import { diffWordsWithSpace } from "diff";
import { openLineNumbers } from "./text-lines.ts";

/** Lines that stand together, with some that are the same around them. Lines are counted from 1. */
export interface DiffHunk {
  readonly beforeLine: number;
  readonly afterLine: number;
  readonly rows: ReadonlyArray<DiffRow>;
}

export type DiffRow =
  | { readonly kind: "same"; readonly text: string }
  | { readonly kind: "removed" | "added"; readonly parts: ReadonlyArray<DiffPart> };

/** Without newlines. Two last lines that differ only by having one are told as removed and added. */
export interface DiffPart {
  readonly text: string;
  readonly changed: boolean;
}

export function diffText(
  before: string,
  after: string,
  { context = 3 }: { readonly context?: number } = {},
): ReadonlyArray<DiffHunk> {
  const numbers = openLineNumbers();
  const old = splitLines(before);
  const fresh = splitLines(after);
  const matches = numbers.match(numbers.of(formatUtf8(before)), numbers.of(formatUtf8(after)));
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
      const rows = [...sameRows(old.slice(from, at.before)), ...changedRows(removed, added)];
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
): ReadonlyArray<DiffRow> {
  const words = removed.length > 0 && added.length > 0 ? diffWords(removed, added) : undefined;
  const whole = (lines: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<DiffPart>> =>
    lines.map((text) => [{ text, changed: true }]);
  return [
    ...(words?.removed ?? whole(removed)).map((parts): DiffRow => ({ kind: "removed", parts })),
    ...(words?.added ?? whole(added)).map((parts): DiffRow => ({ kind: "added", parts })),
  ];
}

/** `undefined`: too long, or so different that words tell nothing. */
function diffWords(
  removed: ReadonlyArray<string>,
  added: ReadonlyArray<string>,
):
  | {
      readonly removed: ReadonlyArray<ReadonlyArray<DiffPart>>;
      readonly added: ReadonlyArray<ReadonlyArray<DiffPart>>;
    }
  | undefined {
  const before = removed.join("\n");
  const after = added.join("\n");
  if (before.length + after.length > wordDiffLettersMax) return undefined;
  const changes = diffWordsWithSpace(before, after, { maxEditLength: wordEditsMax });
  if (changes === undefined) return undefined;
  const common = changes.filter((change) => !change.added && !change.removed);
  if (!common.some(({ value }) => /[\p{L}\p{N}]/u.test(value))) return undefined;
  const partsOf = (side: "added" | "removed"): ReadonlyArray<ReadonlyArray<DiffPart>> => {
    const other = side === "added" ? "removed" : "added";
    const lines: DiffPart[][] = [[]];
    for (const change of changes) {
      if (change[other]) continue;
      change.value.split("\n").forEach((text, index) => {
        if (index > 0) lines.push([]);
        if (text !== "") lines.at(-1)?.push({ text, changed: change[side] });
      });
    }
    return lines;
  };
  return { removed: partsOf("removed"), added: partsOf("added") };
}

function sameRows(lines: ReadonlyArray<string>): ReadonlyArray<DiffRow> {
  return lines.map((text) => ({ kind: "same", text }));
}

/** Without the newlines: a text that ends with one has no empty line after it. */
function splitLines(text: string): ReadonlyArray<string> {
  const lines = text.split("\n");
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

const wordDiffLettersMax = 16_384;
const wordEditsMax = 2_000;
