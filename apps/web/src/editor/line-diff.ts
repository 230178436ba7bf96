/** Compares two texts line by line, for people: changed lines with a little of what stands around them. */

import { Chunk } from "@codemirror/merge";
import { Text } from "@codemirror/state";

export type DiffRow =
  | {
      readonly kind: "same" | "added" | "removed";
      readonly oldLine: number | undefined;
      readonly newLine: number | undefined;
      readonly text: string;
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
  const [a, b] = linesOf(before, after);
  const all = [...joinRows(a, b, chunksOf(a, b))];
  const rows = foldSame(all);
  const count = (kind: DiffRow["kind"]): number => all.filter((row) => row.kind === kind).length;
  return {
    rows: rows.slice(0, rowsMax),
    added: count("added"),
    removed: count("removed"),
    cut: rows.length > rowsMax,
  };
}

/** The empty piece behind a last newline is a line only where the other side lacks that newline. */
function linesOf(
  before: string,
  after: string,
): readonly [ReadonlyArray<string>, ReadonlyArray<string>] {
  const ends = (text: string): boolean => text === "" || text.endsWith("\n");
  const closed = ends(before) && ends(after);
  const split = (text: string): ReadonlyArray<string> =>
    text === "" ? [] : (closed ? text.slice(0, -1) : text).split("\n");
  return [split(before), split(after)];
}

/** Line ranges that differ, in order; everything between them is the same. */
interface LineChunk {
  readonly fromA: number;
  readonly toA: number;
  readonly fromB: number;
  readonly toB: number;
}

function chunksOf(a: ReadonlyArray<string>, b: ReadonlyArray<string>): ReadonlyArray<LineChunk> {
  if (a.length === 0 || b.length === 0)
    return [{ fromA: 0, toA: a.length, fromB: 0, toB: b.length }];
  const textA = Text.of(a);
  const textB = Text.of(b);
  const lineAt = (text: Text, offset: number): number =>
    offset > text.length ? text.lines : text.lineAt(offset).number - 1;
  const ranges = Chunk.build(textA, textB, { scanLimit: 2_000, timeout: 500 }).map((chunk) => ({
    fromA: lineAt(textA, chunk.fromA),
    toA: lineAt(textA, chunk.toA),
    fromB: lineAt(textB, chunk.fromB),
    toB: lineAt(textB, chunk.toB),
  }));
  return ranges.map((range) => withoutSameEdges(a, b, range));
}

/** A change at the very end also takes in the line before it, which is the same. */
function withoutSameEdges(
  a: ReadonlyArray<string>,
  b: ReadonlyArray<string>,
  { fromA, toA, fromB, toB }: LineChunk,
): LineChunk {
  const most = Math.min(toA - fromA, toB - fromB);
  let head = 0;
  while (head < most && a[fromA + head] === b[fromB + head]) head++;
  let tail = 0;
  while (tail < most - head && a[toA - 1 - tail] === b[toB - 1 - tail]) tail++;
  return { fromA: fromA + head, toA: toA - tail, fromB: fromB + head, toB: toB - tail };
}

function* joinRows(
  a: ReadonlyArray<string>,
  b: ReadonlyArray<string>,
  chunks: ReadonlyArray<LineChunk>,
): Generator<DiffRow & { readonly kind: "same" | "added" | "removed" }> {
  let atA = 0;
  let atB = 0;
  const same = function* (until: number): Generator<ReturnType<typeof row>> {
    while (atA < until) yield row("same", { oldLine: ++atA, newLine: ++atB, text: a[atA - 1] });
  };
  for (const { fromA, toA, fromB, toB } of chunks) {
    yield* same(fromA);
    atB = fromB;
    while (atA < toA)
      yield row("removed", { oldLine: ++atA, newLine: undefined, text: a[atA - 1] });
    while (atB < toB) yield row("added", { oldLine: undefined, newLine: ++atB, text: b[atB - 1] });
  }
  yield* same(a.length);
}

function row(
  kind: "same" | "added" | "removed",
  {
    oldLine,
    newLine,
    text,
  }: {
    readonly oldLine: number | undefined;
    readonly newLine: number | undefined;
    readonly text: string | undefined;
  },
): DiffRow & { readonly kind: "same" | "added" | "removed" } {
  return { kind, oldLine, newLine, text: text ?? "" };
}

/** Long runs of unchanged lines become one row that says how many they are. */
function foldSame(rows: ReadonlyArray<DiffRow>): ReadonlyArray<DiffRow> {
  const near = new Set<number>();
  for (const [index, { kind }] of rows.entries())
    if (kind !== "same")
      for (let line = index - contextLines; line <= index + contextLines; line++) near.add(line);
  const folded: DiffRow[] = [];
  for (const [index, one] of rows.entries()) {
    const last = folded.at(-1);
    if (near.has(index)) folded.push(one);
    else if (last?.kind === "gap") folded[folded.length - 1] = { ...last, lines: last.lines + 1 };
    else folded.push({ kind: "gap", lines: 1 });
  }
  return folded;
}

const contextLines = 3;

/** Above this nobody reads on, and the page would become slow. */
const rowsMax = 2_000;
