/** What people see of two versions of a file. */

import { expect, test } from "vitest";
import { compareLines, type DiffRow } from "./line-diff.ts";

const told = (before: string, after: string): ReadonlyArray<string> =>
  compareLines(before, after).rows.map((row) =>
    row.kind === "gap"
      ? `… ${row.lines}`
      : `${{ same: " ", added: "+", removed: "-" }[row.kind]}${textOf(row)}`,
  );

function textOf({ parts, isOpen }: Extract<DiffRow, { readonly parts: unknown }>): string {
  return `${parts.map(({ text }) => text).join("")}${isOpen ? " (open)" : ""}`;
}

test("a changed line is one that goes and one that comes", () => {
  expect(told("a\nb\nc", "a\nB\nc")).toEqual([" a", "-b", "+B", " c"]);
});

test("a new file is nothing but lines that come, and a deleted one nothing but lines that go", () => {
  expect(told("", "a\nb\n")).toEqual(["+a", "+b"]);
  expect(told("a\nb\n", "")).toEqual(["-a", "-b"]);
});

test("a newline at the end is no line, and its coming or going is seen", () => {
  expect(told("a\n", "a\nb\n")).toEqual([" a", "+b"]);
  expect(told("a", "a\n")).toEqual(["-a (open)", "+a"]);
  expect(told("a\nb", "a\nc")).toEqual([" a", "-b", "+c"]);
});

test("lines far from every change are counted, not shown", () => {
  const lines = Array.from({ length: 20 }, (_, line) => `${line}`);
  const seen = told(lines.join("\n"), lines.with(10, "ten").join("\n"));
  expect(seen).toEqual(["… 7", " 7", " 8", " 9", "-10", "+ten", " 11", " 12", " 13", "… 6"]);
});

test("line numbers of both sides stay right after lines were added", () => {
  const { rows, added, removed } = compareLines("a\nb", "x\ny\na\nb");
  expect({ added, removed }).toEqual({ added: 2, removed: 0 });
  expect(rows.at(-1)).toMatchObject({ kind: "same", oldLine: 2, newLine: 4 });
});

test("of a line that took the place of another, the words that differ are told", () => {
  const { rows } = compareLines("let a = one;\nsame\n", "let a = two + 1;\nsame\nnew\n");
  const marked = rows.map((row) =>
    row.kind === "gap"
      ? ""
      : row.parts.map(({ text, changed }) => (changed ? `[${text}]` : text)).join(""),
  );
  expect(marked).toEqual(["let a = [one];", "let a = [two + 1];", "same", "[new]"]);
});

test("texts with more changes than anyone waits for are told as lines, and that soon", () => {
  const lines = (word: string): string =>
    Array.from({ length: 20_000 }, (_, line) => `${word} ${(line * 7_919) % 20_000}\n`).join("");
  const { rows, cut, added } = compareLines(lines("one"), lines("two"));
  expect({ cut, added, rows: rows.length }).toEqual({ cut: true, added: 20_000, rows: 2_000 });
});
