/** Hashes and checksums say what others say. */

import { createHash } from "node:crypto";
import { crc32 as crcOfZlib } from "node:zlib";
import { formatHex, formatUtf8 } from "@skein/protocol/bytes";
import { expect, test } from "vitest";
import { crc32 } from "./crc32.ts";
import { sha1 } from "./sha1.ts";

const bytes = Uint8Array.from({ length: 200_000 }, (_, at) => (at * 31) ^ (at >> 3));

test("SHA-1 gives the digests of FIPS 180", () => {
  expect(formatHex(sha1())).toBe("da39a3ee5e6b4b0d3255bfef95601890afd80709");
  expect(formatHex(sha1(formatUtf8("abc")))).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
  const long = formatUtf8("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
  expect(formatHex(sha1(long))).toBe("84983e441c3bd26ebaae4aa1f95129e5e54670f1");
});

test("SHA-1 is the same in however many pieces it comes", () => {
  for (const length of [0, 1, 63, 64, 65_535, 65_536, 65_537, 200_000]) {
    const part = bytes.subarray(0, length);
    const expected = createHash("sha1").update(part).digest("hex");
    expect(formatHex(sha1(part))).toBe(expected);
    const cut = (length * 7) % (length + 1);
    expect(formatHex(sha1(part.subarray(0, cut), part.subarray(cut)))).toBe(expected);
  }
});

test("CRC-32 is zlib's", () => {
  expect(crc32(formatUtf8("123456789"), 0, 9)).toBe(0xcbf4_3926);
  expect(crc32(bytes, 0, 0)).toBe(0);
  for (const [start, end] of [
    [0, 100_000],
    [3, 77],
    [500, 501],
  ] as const)
    expect(crc32(bytes, start, end)).toBe(crcOfZlib(bytes.subarray(start, end)));
});
