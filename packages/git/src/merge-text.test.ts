import { concat, formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { mergeText, mergeTextRegions, mergeTextWithMarkers } from "./merge-text.ts";

const base = "one\ntwo\nthree\nfour\nfive\n";

test("Alice's change above and Bob's below are both in the text", () => {
  const ours = base.replace("one", "ONE");
  const theirs = base.replace("five", "FIVE");
  expect(merge(base, ours, theirs)).toBe("ONE\ntwo\nthree\nfour\nFIVE\n");
});

test("what Alice and Bob both did is done once", () => {
  const both = base.replace("three", "THREE");
  expect(merge(base, both, both.replace("five", "FIVE"))).toBe("one\ntwo\nTHREE\nfour\nFIVE\n");
});

test("Alice and Bob disagree about one line", () => {
  expect(merge(base, base.replace("two", "2"), base.replace("two", "II"))).toBeUndefined();
});

test("changes that touch each other are a conflict, as in git", () => {
  expect(merge(base, base.replace("two", "2"), base.replace("three", "3"))).toBeUndefined();
});

test("a line end that only one side adds is a change like another", () => {
  expect(merge("one\ntwo\nthree", "one\ntwo\nthree\n", "ONE\ntwo\nthree")).toBe(
    "ONE\ntwo\nthree\n",
  );
});

test("bytes that are no UTF-8 pass through unchanged", () => {
  const lines = [0xff, 0x0a, 0x62, 0x0a, 0x63, 0x0a, 0xfe];
  const ours = [0x61, ...lines];
  const theirs = [...lines, 0xfd];
  const merged = mergeText({
    base: Uint8Array.from(lines),
    ours: Uint8Array.from(ours),
    theirs: Uint8Array.from(theirs),
  });
  expect(merged).toEqual(Uint8Array.from([...ours, 0xfd]));
});

test("a NUL makes a file binary, and binary files are not merged", () => {
  expect(merge("a\0\nb\nc\n", "A\0\nb\nc\n", "a\0\nb\nC\n")).toBeUndefined();
});

test("where equal lines leave it open what was added where, a person is asked", () => {
  // Bob's x may stand above or below the brace that Alice added; nobody can say.
  const before = "first\nm\n}\n}\nn\nlast\n";
  const ours = "FIRST\nm\n}\n}\n}\nn\nlast\n";
  const theirs = "first\nm\n}\nx\n}\nn\nLAST\n";
  expect(merge(before, ours, theirs)).toBeUndefined();
});

test("names of JavaScript's own are lines like others", () => {
  expect(merge("__proto__\nb\nconstructor\n", "__proto__\nb\nx\n", "y\nb\nconstructor\n")).toBe(
    "y\nb\nx\n",
  );
});

test("a text too large to compare in good time is left to a person", () => {
  const many = "}\n".repeat(2_000);
  const lines = (word: string): string => `${word}\n${many}${word}\n${many}`;
  expect(merge(lines("a"), lines("b"), `${many}${lines("a")}`)).toBeUndefined();
});

test("a later merge sees both sides of an earlier conflict", () => {
  const sides = {
    base: formatUtf8(base),
    ours: formatUtf8(base.replace("two", "2")),
    theirs: formatUtf8(base.replace("two", "II")),
  };
  const merged = mergeTextWithMarkers(sides, 0);
  expect(parseUtf8(merged ?? new Uint8Array())).toBe(
    "one\n<<<<<<<\n2\n=======\nII\n>>>>>>>\nthree\nfour\nfive\n",
  );
});

function merge(before: string, ours: string, theirs: string): string | undefined {
  const merged = mergeText({
    base: formatUtf8(before),
    ours: formatUtf8(ours),
    theirs: formatUtf8(theirs),
  });
  return merged === undefined ? undefined : parseUtf8(merged);
}

test("a text comes apart for a person exactly where it does not merge by itself", () => {
  const line = fc.constantFrom("a\n", "b\n", "c\n", "\n", "}\n");
  const text = fc.array(line, { maxLength: 9 }).map((lines) => formatUtf8(lines.join("")));
  fc.assert(
    fc.property(text, text, text, (base, ours, theirs) => {
      const sides = { base, ours, theirs };
      const regions = mergeTextRegions(sides) ?? [];
      const merged = mergeText(sides);
      const joined = regions.map((region) => (region.kind === "merged" ? region.bytes : undefined));
      expect(joined.includes(undefined)).toBe(merged === undefined);
      const whole = concat(...joined.filter((bytes) => bytes !== undefined));
      expect(merged ?? whole).toEqual(whole);
    }),
    { numRuns: Number(process.env["SKEIN_FUZZ"] ?? 3_000) },
  );
});
