import { formatUtf8 } from "@skein/protocol/bytes";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatPathName, parsePath, parsePathName, showPath } from "./tree-path.ts";

test("every name of bytes comes back from its text", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (name) => {
      expect(parsePathName(formatPathName(name))).toEqual(new Uint8Array(name));
    }),
  );
});

test("every name of characters comes back from its text, and shows nothing that turns or hides text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 12 }), (text) => {
      const shown = formatPathName(formatUtf8(text));
      expect(shown).not.toMatch(
        // eslint-disable-next-line no-control-regex -- what must not be shown.
        /[\u0000-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u,
      );
      expect(parsePathName(shown)).toEqual(formatUtf8(text));
    }),
  );
});

test.each([
  ["README.md", "README.md"],
  ["grün 漢字 🎉", "grün 漢字 🎉"],
  ["a\\b", "a\\\\b"],
  ["a\nb", "a\\x0ab"],
  ["\u202etxt.exe", "\\xe2\\x80\\xaetxt.exe"],
])("the name %j is shown as %j", (name, shown) => {
  expect(formatPathName(formatUtf8(name))).toBe(shown);
});

test("a name that is not UTF-8 is shown by its bytes", () => {
  expect(formatPathName(Uint8Array.of(0x61, 0xff, 0xc0, 0xae))).toBe("a\\xff\\xc0\\xae");
});

test("the root is a path without names, and empty names are no path", () => {
  expect(parsePath("")).toEqual([]);
  expect(parsePath("/")).toEqual([]);
  expect(parsePath("a/b/")).toHaveLength(2);
  expect(parsePath("a//b")).toBeUndefined();
  expect(parsePath("a\\")).toBeUndefined();
});

test("a path that somebody typed is shown as the same path in a tree is", () => {
  const name = formatUtf8("\u202etxt.exe");
  const inTree = `docs/${formatPathName(name)}`;
  expect(showPath("docs/\u202etxt.exe")).toBe(inTree);
  expect(showPath(inTree)).toBe(inTree);
  expect(showPath("a\\b")).toBe("a\\\\b");
});
