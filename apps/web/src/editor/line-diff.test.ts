/** What people see of two versions of a file. */

import { expect, test } from "vitest";
import { compareLines } from "./line-diff.ts";

const told = (before: string, after: string): ReadonlyArray<string> =>
  compareLines(before, after).rows.map((row) =>
    row.kind === "gap"
      ? `… ${row.lines}`
      : `${{ same: " ", added: "+", removed: "-" }[row.kind]}${row.text}`,
  );

test("a changed line is one that goes and one that comes", () => {
  expect(told("a\nb\nc", "a\nB\nc")).toEqual([" a", "-b", "+B", " c"]);
});

test("a new file is nothing but lines that come, and a deleted one nothing but lines that go", () => {
  expect(told("", "a\nb")).toEqual(["+a", "+b"]);
  expect(told("a\nb", "")).toEqual(["-a", "-b"]);
});

test("a newline at the end is no line, and its coming or going is seen", () => {
  expect(told("a\n", "a\nb\n")).toEqual([" a", "+b"]);
  expect(told("a", "a\n")).toEqual([" a", "+"]);
});

test("lines far from every change are counted, not shown", () => {
  const lines = Array.from({ length: 20 }, (_, line) => `${line}`);
  const seen = told(lines.join("\n"), lines.with(10, "ten").join("\n"));
  expect(seen).toEqual(["… 7", " 7", " 8", " 9", "-10", "+ten", " 11", " 12", " 13", "… 6"]);
});

test("line numbers of both sides stay right after lines were added", () => {
  const { rows, added, removed } = compareLines("a\nb", "x\ny\na\nb");
  expect({ added, removed }).toEqual({ added: 2, removed: 0 });
  expect(rows.at(-1)).toEqual({ kind: "same", oldLine: 2, newLine: 4, text: "b" });
});
