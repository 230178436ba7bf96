import * as fc from "fast-check";
import { expect, test } from "vitest";
import { diffText } from "./text-diff.ts";
import type { DiffRow } from "./text-diff.ts";

test("of a line that was changed the words that differ are told", () => {
  const [hunk] = diffText("a\nthe quick brown fox\nb\n", "a\nthe slow brown fox\nb\n");
  expect(hunk).toEqual({
    beforeLine: 1,
    afterLine: 1,
    rows: [
      { kind: "same", text: "a" },
      {
        kind: "removed",
        parts: [
          { text: "the ", changed: false },
          { text: "quick", changed: true },
          { text: " brown fox", changed: false },
        ],
      },
      {
        kind: "added",
        parts: [
          { text: "the ", changed: false },
          { text: "slow", changed: true },
          { text: " brown fox", changed: false },
        ],
      },
      { kind: "same", text: "b" },
    ],
  });
});

test("lines that have no word in common differ as a whole", () => {
  const [hunk] = diffText("one\n", "two\n");
  expect(hunk?.rows).toEqual([
    { kind: "removed", parts: [{ text: "one", changed: true }] },
    { kind: "added", parts: [{ text: "two", changed: true }] },
  ]);
});

test("changes far apart are told apart, each with the lines around it", () => {
  const lines = Array.from({ length: 40 }, (_, index) => `line ${index + 1}`);
  const after = lines.map((line, index) => (index === 4 || index === 30 ? `${line}!` : line));
  const hunks = diffText(lines.join("\n"), after.join("\n"));
  expect(hunks.map(({ beforeLine, rows }) => [beforeLine, rows.length])).toEqual([
    [2, 8],
    [28, 8],
  ]);
  const near = lines.map((line, index) => (index === 4 || index === 9 ? `${line}!` : line));
  expect(diffText(lines.join("\n"), near.join("\n"))).toHaveLength(1);
});

test("a new function begins with its first line, and not with the brace before it", () => {
  const one = "function one() {\n  run();\n}\n";
  const two = "function two() {\n  run();\n}\n";
  const rows = diffText(`${one}\nend\n`, `${one}\n${two}\nend\n`).flatMap((hunk) => hunk.rows);
  expect(rows.filter(({ kind }) => kind === "added").map(textOf)).toEqual([
    "function two() {",
    "  run();",
    "}",
    "",
  ]);
});

test("texts that are the same have no hunks, and nothing becomes all of a text", () => {
  expect(diffText("a\n", "a\n")).toEqual([]);
  expect(diffText("", "")).toEqual([]);
  expect(diffText("", "a\nb\n")[0]?.rows.map(textOf)).toEqual(["a", "b"]);
});

test("from what is told both texts can be made again", () => {
  const line = fc.constantFrom("", "{", "}", "  run();", "one two", "one three", "x");
  const text = fc
    .array(line, { maxLength: 14 })
    .map((lines) => lines.map((it) => `${it}\n`).join(""));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const rows = diffText(before, after, { context: 100 }).flatMap((hunk) => hunk.rows);
      const side = (kind: DiffRow["kind"]): string =>
        rows
          .filter((row) => row.kind === "same" || row.kind === kind)
          .map((row) => `${textOf(row)}\n`)
          .join("");
      const isSame = before === after;
      expect(isSame ? before : side("removed")).toBe(before);
      expect(isSame ? after : side("added")).toBe(after);
    }),
    { numRuns: Number(process.env["SKEIN_FUZZ"] ?? 2_000) },
  );
});

function textOf(row: DiffRow): string {
  return row.kind === "same" ? row.text : row.parts.map(({ text }) => text).join("");
}
