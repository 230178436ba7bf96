import { formatUtf8 } from "@skein/protocol/bytes";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { entryNameFault } from "./entry-name.ts";
import { exportName, exportNames, foldName } from "./export-names.ts";

test.each([
  ["README.md", "README.md"],
  ["grün und 日本", "grün und 日本"],
  ["-rf", "-rf"],
  ["__proto__", "__proto__"],
  ["%2e%2e%2f", "%252e%252e%252f"],
  ["100%", "100%"],
  ["git~1", "git%7E1"],
  ["git~2", "git%7E2"],
  [".git", "%2Egit"],
  [".GIT", "%2EGIT"],
  [".git\u200c", ".git%E2%80%8C"],
  ["..", ".%2E"],
  [".", "%2E"],
  ["", "%"],
  ["a/b", "a%2Fb"],
  ["/abs", "%2Fabs"],
  ["..\\x", "..%5Cx"],
  ["\\\\srv\\share", "%5C%5Csrv%5Cshare"],
  ["C:", "C%3A"],
  ["C:evil", "C%3Aevil"],
  ["CON", "%43ON"],
  ["nul", "%6Eul"],
  ["aux.txt", "%61ux.txt"],
  ["COM1", "%43OM1"],
  ["COM¹.log", "%43OM¹.log"],
  ["con .txt", "%63on .txt"],
  ["console", "console"],
  ["x.", "x%2E"],
  ["x ", "x%20"],
  ["x. .", "x. %2E"],
  ["a\nb", "a%0Ab"],
  ["a\tb", "a%09b"],
  ["\u202etxt.exe", "%E2%80%AEtxt.exe"],
  ["<img src=x onerror=y>", "%3Cimg src=x onerror=y%3E"],
  ["javascript:alert", "javascript%3Aalert"],
  [".git:x", ".git%3Ax"],
  [".git::$INDEX_ALLOCATION", ".git%3A%3A$INDEX_ALLOCATION"],
])("the name %j leaves as %j", (name, expected) => {
  expect(exportName(formatUtf8(name))).toBe(expected);
});

test("bytes that are no text leave as what they are", () => {
  expect(exportName(Uint8Array.of(0xff, 0xfe))).toBe("%FF%FE");
  expect(exportName(Uint8Array.of(0x61, 0xc0, 0xae, 0x25, 0x34, 0x31))).toBe("a%C0%AE%41");
});

test("a name that is too long keeps its beginning, and does not meet another one", () => {
  const one = exportName(formatUtf8("é".repeat(126) + "::a"));
  const other = exportName(formatUtf8("é".repeat(126) + "::b"));
  expect(one).not.toBe(other);
  expect(formatUtf8(one).length).toBeLessThanOrEqual(255);
});

test.each([
  [
    ["Makefile", "makefile"],
    ["%4Dakefile", "makefile"],
  ],
  [
    ["MAIN", "Main"],
    ["%4D%41%49%4E", "%4Dain"],
  ],
  [
    ["é", "e\u0301"],
    ["é", "e%CC%81"],
  ],
  [
    ["A", "a", "b"],
    ["%41", "a", "b"],
  ],
  [
    ["CON", "con"],
    ["%43ON", "%63on"],
  ],
])("of one folder, %j leave as %j", (names, expected) => {
  expect(exportNames(names.map(formatUtf8))).toEqual(expected);
});

test("whatever names a folder has, they leave as different names that no system reads otherwise", () => {
  const letters = fc.constantFrom(...Array.from("aAbBéÉßſKk.~ %254:\\/\u200c\u0301CONgit1"));
  const name = fc
    .oneof(
      fc.array(letters, { maxLength: 8 }).map((parts) => formatUtf8(parts.join(""))),
      fc.uint8Array({ maxLength: 6 }),
    )
    .filter((bytes) => bytes.length > 0);
  const folder = fc.uniqueArray(name, { maxLength: 8, selector: (bytes) => bytes.join() });
  fc.assert(
    fc.property(folder, (names) => {
      const left = exportNames(names);
      expect(new Set(left.map(foldName)).size).toBe(names.length);
      for (const text of left) {
        // eslint-disable-next-line no-control-regex -- control bytes are exactly what must not leave.
        expect(text).not.toMatch(/[<>:"/\\|?*\u0000-\u001f\u007f\u200b-\u200f]|[. ]$/u);
        expect(entryNameFault(formatUtf8(text))).toBeUndefined();
      }
    }),
    { numRuns: Number(process.env["SKEIN_FUZZ"] ?? 3_000) },
  );
});
