import fc from "fast-check";
import { expect, test } from "vitest";
import {
  compare,
  concat,
  equal,
  formatBase64url,
  formatHex,
  formatUtf8,
  parseHex,
  parseUtf8,
} from "./bytes.ts";

const someBytes = fc.uint8Array({ maxLength: 200 });

test("hex comes back as the bytes it was made from", () => {
  fc.assert(
    fc.property(someBytes, (raw) => {
      expect(formatHex(raw)).toBe(Buffer.from(raw).toString("hex"));
      expect(parseHex(formatHex(raw))).toEqual(Uint8Array.from(raw));
    }),
  );
  expect(parseHex("abc")).toBeUndefined();
  expect(parseHex("AB")).toBeUndefined();
});

test("base64url is what RFC 4648 says", () => {
  fc.assert(
    fc.property(someBytes, (raw) => {
      expect(formatBase64url(raw)).toBe(Buffer.from(raw).toString("base64url"));
    }),
  );
});

test("UTF-8 is written as the platform writes it and read strictly", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 50 }), (text) => {
      expect(Buffer.from(formatUtf8(text))).toEqual(Buffer.from(text, "utf8"));
      expect(parseUtf8(formatUtf8(text))).toBe(text);
    }),
  );
});

test("UTF-8 that the platform refuses is refused here too", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const platform = (raw: Uint8Array): string | undefined => {
    try {
      return strict.decode(raw);
    } catch {
      return undefined;
    }
  };
  fc.assert(
    fc.property(someBytes, (raw) => {
      expect(parseUtf8(raw)).toBe(platform(raw));
    }),
    { numRuns: 2_000 },
  );
});

test("bytes are ordered as the platform orders them", () => {
  fc.assert(
    fc.property(someBytes, someBytes, (a, b) => {
      expect(Math.sign(compare(a, b))).toBe(Buffer.compare(a, b));
      expect(equal(a, b)).toBe(Buffer.compare(a, b) === 0);
      expect(Buffer.from(concat(a, b))).toEqual(Buffer.concat([a, b]));
    }),
  );
});
