/**
 * Where a change begins when it could begin in several places: as `git diff` decides it (xdiff's `xdl_change_compact`
 * with its indent heuristic), so that a new function begins with its own first line and not with the brace before it.
 */

import { assert } from "@skein/protocol/errors";

/** One text: its lines as numbers, which of them are changed, and how far each is indented. */
export interface MarkedText {
  readonly lines: ReadonlyArray<number>;
  /** One for each line, and one more that is 0. */
  readonly changed: Uint8Array;
  /** -1 for a blank line. */
  readonly indentOf: (line: number) => number;
}

/** Moves the groups of changed lines of one text, in place. */
export function slideChanges(text: MarkedText, other: MarkedText): void {
  const group = openGroups(text);
  const facing = openGroups(other);
  do {
    if (group.size() > 0) slideGroup(text, group, facing);
  } while (group.next() && facing.next());
}

interface Groups {
  readonly start: () => number;
  readonly end: () => number;
  readonly size: () => number;
  readonly next: () => boolean;
  readonly previous: () => boolean;
  readonly slideUp: () => boolean;
  readonly slideDown: () => boolean;
}

/** Groups of changed lines, one between any two unchanged lines; most are empty. */
function openGroups({ lines, changed }: MarkedText): Groups {
  let start = 0;
  let end = 0;
  const stretchDown = (): void => {
    while (changed[end] === 1) end++;
  };
  const stretchUp = (): void => {
    while (start > 0 && changed[start - 1] === 1) start--;
  };
  stretchDown();
  return {
    start: () => start,
    end: () => end,
    size: () => end - start,
    next: () => {
      if (end === lines.length) return false;
      start = end + 1;
      end = start;
      stretchDown();
      return true;
    },
    previous: () => {
      if (start === 0) return false;
      end = start - 1;
      start = end;
      stretchUp();
      return true;
    },
    slideUp: () => {
      if (start === 0 || lines[start - 1] !== lines[end - 1]) return false;
      changed[--start] = 1;
      changed[--end] = 0;
      stretchUp();
      return true;
    },
    slideDown: () => {
      if (end === lines.length || lines[start] !== lines[end]) return false;
      changed[start++] = 0;
      changed[end++] = 1;
      stretchDown();
      return true;
    },
  };
}

function slideGroup(text: MarkedText, group: Groups, facing: Groups): void {
  let size: number;
  let earliestEnd: number;
  let facingEnd: number;
  do {
    size = group.size();
    facingEnd = -1;
    while (group.slideUp()) assert(facing.previous(), "groups of both texts go together");
    earliestEnd = group.end();
    if (facing.size() > 0) facingEnd = group.end();
    while (group.slideDown()) {
      assert(facing.next(), "groups of both texts go together");
      if (facing.size() > 0) facingEnd = group.end();
    }
    // It may have met another group, and slides on as one with it.
  } while (size !== group.size());
  if (group.end() === earliestEnd) return;
  const moveUp = (): void => {
    assert(group.slideUp() && facing.previous(), "what slid down slides up");
  };
  if (facingEnd !== -1) while (facing.size() === 0) moveUp();
  else {
    const best = bestEnd(text, { earliestEnd, latestEnd: group.end(), size });
    while (group.end() > best) moveUp();
  }
}

function bestEnd(
  text: MarkedText,
  group: { readonly earliestEnd: number; readonly latestEnd: number; readonly size: number },
): number {
  const { earliestEnd, latestEnd, size } = group;
  let best = latestEnd;
  let bestScore: Score | undefined;
  const first = Math.max(earliestEnd, latestEnd - size - 1, latestEnd - slidesMax);
  for (let end = first; end <= latestEnd; end++) {
    const score = addSplit(addSplit({ indent: 0, penalty: 0 }, text, end), text, end - size);
    if (bestScore !== undefined && compareScores(score, bestScore) > 0) continue;
    bestScore = score;
    best = end;
  }
  return best;
}

interface Score {
  readonly indent: number;
  readonly penalty: number;
}

function compareScores(one: Score, other: Score): number {
  return indentWeight * Math.sign(one.indent - other.indent) + one.penalty - other.penalty;
}

/** How good it is to cut a text before this line. Less is better. */
function addSplit(score: Score, text: MarkedText, split: number): Score {
  const { lines } = text;
  const here = split >= lines.length ? -1 : text.indentOf(lines[split] ?? 0);
  const before = lookFrom(text, split - 1, -1);
  const after = lookFrom(text, split + 1, 1);
  const blanksAfter = here === -1 ? 1 + after.blanks : 0;
  const blanks = before.blanks + blanksAfter;
  const indent = here === -1 ? after.indent : here;
  let penalty = score.penalty + totalBlankWeight * blanks + postBlankWeight * blanksAfter;
  if (before.indent === -1 && before.blanks === 0) penalty += startOfFilePenalty;
  if (split >= lines.length) penalty += endOfFilePenalty;
  if (indent !== -1 && before.indent !== -1)
    penalty += stepPenalty({ before: before.indent, indent, after: after.indent }, blanks > 0);
  return { indent: score.indent + indent, penalty };
}

function stepPenalty(
  step: { readonly before: number; readonly indent: number; readonly after: number },
  hasBlanks: boolean,
): number {
  if (step.indent === step.before) return 0;
  if (step.indent > step.before) return hasBlanks ? 10 : -4;
  const isOutdent = step.after !== -1 && step.after > step.indent;
  if (isOutdent) return hasBlanks ? 17 : 24;
  return hasBlanks ? 17 : 23;
}

/** The next line that is not blank, and how many blank ones are in between. */
function lookFrom(
  { lines, indentOf }: MarkedText,
  from: number,
  step: 1 | -1,
): { readonly indent: number; readonly blanks: number } {
  let blanks = 0;
  for (let at = from; at >= 0 && at < lines.length; at += step) {
    const indent = indentOf(lines[at] ?? 0);
    if (indent !== -1) return { indent, blanks };
    blanks++;
    if (blanks === blanksMax) return { indent: 0, blanks };
  }
  return { indent: -1, blanks };
}

/** Columns before the first letter; -1 for a blank line. */
export function indentOfLine(line: Uint8Array): number {
  let columns = 0;
  for (const byte of line) {
    if (byte === 0x20) columns++;
    else if (byte === 0x09) columns += 8 - (columns % 8);
    else if (byte < 0x09 || byte > 0x0d) return columns;
    if (columns >= indentMax) return indentMax;
  }
  return -1;
}

/** Git's own measures. */
const startOfFilePenalty = 1;
const endOfFilePenalty = 21;
const totalBlankWeight = -30;
const postBlankWeight = 6;
const indentWeight = 60;
const slidesMax = 100;
const blanksMax = 20;
const indentMax = 200;
