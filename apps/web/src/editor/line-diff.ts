/** Compares two texts line by line and word by word, for people: changed lines with a little of what stands around them. */

import { diffText, type DiffHunk } from "@skein/git/text-diff";
import type { DiffPart } from "@skein/git/word-diff";

export type DiffRow =
  | {
      readonly kind: "same" | "added" | "removed";
      readonly oldLine: number | undefined;
      readonly newLine: number | undefined;
      /** The line, with the words in it that differ from the line whose place it took. */
      readonly parts: ReadonlyArray<DiffPart>;
      /** It is the last one of its side, and no newline ends it, unlike that of the other side. */
      readonly isOpen: boolean;
    }
  | { readonly kind: "gap"; readonly lines: number };

export interface LineDiff {
  readonly rows: ReadonlyArray<DiffRow>;
  readonly added: number;
  readonly removed: number;
  /** There were more rows than anyone reads; the rest was left out. */
  readonly cut: boolean;
}

export function compareLines(before: string, after: string): LineDiff {
  const sides = { before: sideOf(before), after: sideOf(after) };
  const rows = [...rowsOf(diffText(before, after, { lineEditsMax, wordEditsMax }), sides)];
  const count = (kind: DiffRow["kind"]): number => rows.filter((row) => row.kind === kind).length;
  return {
    rows: rows.slice(0, rowsMax),
    added: count("added"),
    removed: count("removed"),
    cut: rows.length > rowsMax,
  };
}

interface Side {
  readonly lines: number;
  readonly isOpen: boolean;
}

function sideOf(text: string): Side {
  const isOpen = text !== "" && !text.endsWith("\n");
  return { lines: text.split("\n").length - (isOpen ? 0 : 1), isOpen };
}

function* rowsOf(
  hunks: ReadonlyArray<DiffHunk>,
  { before, after }: { readonly before: Side; readonly after: Side },
): Generator<DiffRow, void, void> {
  let [oldLine, newLine] = [0, 0];
  for (const { beforeLine, afterLine, rows } of hunks) {
    if (beforeLine - 1 > oldLine) yield { kind: "gap", lines: beforeLine - 1 - oldLine };
    [oldLine, newLine] = [beforeLine - 1, afterLine - 1];
    for (const row of rows) {
      if (row.kind !== "added") oldLine += 1;
      if (row.kind !== "removed") newLine += 1;
      const isLast = row.kind === "removed" ? oldLine === before.lines : newLine === after.lines;
      yield lineRow(row, { oldLine, newLine, isOpen: isLast && isOpenOf(row.kind, before, after) });
    }
  }
  if (hunks.length > 0 && oldLine < before.lines)
    yield { kind: "gap", lines: before.lines - oldLine };
}

function isOpenOf(kind: "same" | "added" | "removed", before: Side, after: Side): boolean {
  if (kind === "same" || before.isOpen === after.isOpen) return false;
  return kind === "removed" ? before.isOpen : after.isOpen;
}

function lineRow(
  row: DiffHunk["rows"][number],
  at: { readonly oldLine: number; readonly newLine: number; readonly isOpen: boolean },
): DiffRow {
  return {
    kind: row.kind,
    oldLine: row.kind === "added" ? undefined : at.oldLine,
    newLine: row.kind === "removed" ? undefined : at.newLine,
    parts: row.kind === "same" ? [{ text: row.text, changed: false }] : row.parts,
    isOpen: at.isOpen,
  };
}

/** Above this nobody reads on, and the page would become slow. */
const rowsMax = 2_000;
/** Comparing is done while a person waits: beyond this less is told. */
const lineEditsMax = 1_000;
const wordEditsMax = 500;
