import fc from "fast-check";
import { expect, test } from "vitest";
import {
  boolean,
  bytes,
  decode,
  encode,
  list,
  optional,
  rest,
  struct,
  text,
  tryDecode,
  u16,
  u32,
  u48,
  u8,
  variants,
} from "./codec.ts";
import { equal } from "./bytes.ts";
import { LimitExceededError, MalformedMessageError } from "./errors.ts";

const Note = struct({
  kind: u8,
  port: u16,
  size: u32,
  at: u48,
  seen: boolean,
  title: text(40),
  body: bytes(20),
  marks: list(u16, 5),
  reply: optional(u32),
  tail: rest(10),
});

const notes = fc.record({
  kind: fc.nat(0xff),
  port: fc.nat(0xffff),
  size: fc.nat(0xffff_ffff),
  at: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  seen: fc.boolean(),
  title: fc.string({ maxLength: 10 }),
  body: fc.uint8Array({ maxLength: 20 }).map((raw) => Uint8Array.from(raw)),
  marks: fc.array(fc.nat(0xffff), { maxLength: 5 }),
  reply: fc.option(fc.nat(0xffff_ffff), { nil: undefined }),
  tail: fc.uint8Array({ maxLength: 10 }).map((raw) => Uint8Array.from(raw)),
});

test("what is written is what is read", () => {
  fc.assert(
    fc.property(notes, (note) => {
      expect(decode(Note, encode(Note, note))).toEqual(note);
    }),
  );
});

test("a message that was cut short is refused, wherever the cut", () => {
  const whole = encode(Note, {
    kind: 1,
    port: 2,
    size: 3,
    at: 4,
    seen: true,
    title: "five",
    body: Uint8Array.of(6),
    marks: [7],
    reply: 8,
    tail: new Uint8Array(0),
  });
  for (let length = 0; length < whole.length; length++)
    expect(() => decode(Note, whole.subarray(0, length))).toThrow(MalformedMessageError);
});

test("random bytes give a value or a typed refusal, never anything else", () => {
  const isSound = (raw: Uint8Array): boolean => {
    const note = tryDecode(Note, raw);
    return note === undefined || equal(encode(Note, note), raw);
  };
  expect(isSound(encode(u8, 1))).toBe(true);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), isSound), { numRuns: 5_000 });
});

test("a length above the limit is refused before anything is allocated", () => {
  const huge = Uint8Array.of(0xff, 0xff, 0xff, 0xff);
  expect(() => decode(bytes(20), huge)).toThrow(LimitExceededError);
  expect(() => decode(list(u8, 5), huge)).toThrow(LimitExceededError);
});

test("bytes behind the message are refused", () => {
  expect(() => decode(u8, Uint8Array.of(1, 2))).toThrow("Trailing bytes");
});

test("variants are told apart by their first byte, and an unknown one is refused", () => {
  const Shape = variants({
    dot: [0x01, struct({ x: u8 })],
    line: [0x02, struct({ x: u8, y: u8 })],
  });
  expect(encode(Shape, { type: "line", x: 3, y: 4 })).toEqual(Uint8Array.of(2, 3, 4));
  expect(decode(Shape, Uint8Array.of(1, 9))).toEqual({ type: "dot", x: 9 });
  expect(() => decode(Shape, Uint8Array.of(7))).toThrow("Unknown type");
});
