import { formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { expect, test } from "vitest";
import { joinParts, splitParts } from "./parts.ts";

const partBytesMax = 100;
const part = (fill: number, length = 64): Bytes => new Uint8Array(length).fill(fill);

test("Bob reads the parts that Alice joined, in her order", () => {
  const parts = [part(1), part(2, 100), part(3)];
  expect(splitParts(joinParts(parts), { partBytesMax })).toEqual(parts);
  expect(splitParts(joinParts([]), { partBytesMax })).toEqual([]);
});

test("what Bob keeps of a part is not a window into all that came", () => {
  const [first] = splitParts(joinParts([part(1), part(2)]), { partBytesMax }) ?? [];
  expect(first?.buffer.byteLength).toBe(64);
});

test("Mallory's bytes that end in the middle of a part, or of its length, are no parts", () => {
  const whole = joinParts([part(1), part(2)]);
  for (let length = 1; length < whole.length; length++) {
    const read = splitParts(whole.subarray(0, length), { partBytesMax });
    expect(read).toEqual(length === 68 ? [part(1)] : undefined);
  }
});

test("Mallory cannot make Bob keep a part that is too long, or millions that are empty", () => {
  expect(splitParts(joinParts([part(1, 101)]), { partBytesMax })).toBeUndefined();
  expect(splitParts(new Uint8Array(4_000), { partBytesMax })).toBeUndefined();
  expect(splitParts(joinParts([part(1), part(2, 63)]), { partBytesMax })).toBeUndefined();
  expect(splitParts(Uint8Array.of(255, 255, 255, 255), { partBytesMax })).toBeUndefined();
  expect(splitParts(formatUtf8("GIT!this is no length"), { partBytesMax })).toBeUndefined();
});
