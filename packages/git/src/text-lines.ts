/** Lines of texts as numbers, and which of them two texts share. */

import { diffArrays } from "diff";
import { keyOf } from "./byte-key.ts";
import { indentOfLine, slideChanges } from "./line-slides.ts";

export interface LineNumbers {
  /** Equal lines of any text get one number. A line has its newline with it. */
  readonly of: (text: Uint8Array) => ReadonlyArray<number>;
  /** The stretches that two texts share, as `git diff` chooses them. */
  readonly match: (
    before: ReadonlyArray<number>,
    after: ReadonlyArray<number>,
    options?: { readonly editsMax?: number | undefined },
  ) => ReadonlyArray<Match>;
}

export function openLineNumbers(): LineNumbers {
  const numbers = new Map<string, number>();
  const indents: number[] = [];
  const indentOf = (line: number): number => indents[line] ?? -1;
  return {
    match: (before, after, { editsMax = usualEditsMax } = {}) => {
      const marked = markChanges(before, after, editsMax);
      const one = { lines: before, changed: marked.before, indentOf };
      const other = { lines: after, changed: marked.after, indentOf };
      slideChanges(one, other);
      slideChanges(other, one);
      return readMatches(marked);
    },
    of: (text) => {
      const lines: number[] = [];
      for (let start = 0; start < text.length;) {
        const found = text.indexOf(0x0a, start);
        const end = found === -1 ? text.length : found + 1;
        const line = text.subarray(start, end);
        const key = keyOf(line);
        const number = numbers.get(key) ?? indents.push(indentOfLine(line)) - 1;
        numbers.set(key, number);
        lines.push(number);
        start = end;
      }
      return lines;
    },
  };
}

/** A stretch that both texts have, in order: `count` lines from these on. */
export interface Match {
  readonly before: number;
  readonly after: number;
  readonly count: number;
}

interface Marked {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** Where two texts differ too much to be compared, only what they begin and end with is shared. */
function markChanges(
  before: ReadonlyArray<number>,
  after: ReadonlyArray<number>,
  editsMax: number,
): Marked {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  const marked = {
    before: new Uint8Array(before.length + 1),
    after: new Uint8Array(after.length + 1),
  };
  const middle = diffArrays(
    before.slice(start, before.length - end),
    after.slice(start, after.length - end),
    { maxEditLength: editsMax },
  );
  if (middle === undefined) {
    marked.before.fill(1, start, before.length - end);
    marked.after.fill(1, start, after.length - end);
  }
  const at = { before: start, after: start };
  for (const { added, removed, count } of middle ?? []) {
    if (removed) marked.before.fill(1, at.before, at.before + count);
    if (added) marked.after.fill(1, at.after, at.after + count);
    if (!added) at.before += count;
    if (!removed) at.after += count;
  }
  return marked;
}

function readMatches({ before, after }: Marked): ReadonlyArray<Match> {
  const matches: Match[] = [];
  const at = { before: 0, after: 0 };
  while (at.before < before.length - 1 || at.after < after.length - 1) {
    while (before[at.before] === 1) at.before++;
    while (after[at.after] === 1) at.after++;
    const start = { ...at };
    const isShared = (): boolean =>
      at.before < before.length - 1 && before[at.before] === 0 && after[at.after] === 0;
    while (isShared()) {
      at.before++;
      at.after++;
    }
    const count = at.before - start.before;
    if (count > 0) matches.push({ ...start, count });
  }
  return matches;
}

/** The work grows with the square of it. */
const usualEditsMax = 4_000;
