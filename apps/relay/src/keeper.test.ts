/** What waits for a reader who is away. */

import { expect, test } from "vitest";

import { openKeeper } from "./keeper.ts";

const limits = {
  keptPerTagMax: 3,
  keptBytesPerTagMax: 2_000,
  keptBytesPerAddressMax: 1_000,
  keptBytesMax: 3_000,
};
const [door, inbox] = ["d".repeat(16), "i".repeat(16)];
const until = (expiresMillis: number, name = String(Math.random()), from?: string) => ({
  name,
  expiresMillis,
  from,
});

test("what was left is handed out once, the oldest first, and is gone then", () => {
  const keeper = openKeeper(limits);
  keeper.hold(inbox, Buffer.of(1), until(100));
  keeper.hold(inbox, Buffer.of(2), until(100));
  keeper.hold(door, Buffer.of(3), until(100));
  expect(keeper.collect(inbox, 0)).toEqual([Buffer.of(1), Buffer.of(2)]);
  expect(keeper.collect(inbox, 0)).toEqual([]);
  expect(keeper.counts()).toEqual({ frames: 1, bytes: 257 });
});

test("what has run out is never delivered, collected or not", () => {
  const keeper = openKeeper(limits);
  keeper.hold(inbox, Buffer.of(1), until(100));
  keeper.hold(door, Buffer.of(2), until(100));
  expect(keeper.collect(inbox, 100)).toEqual([]);
  expect(keeper.sweep(100)).toBe(1);
  expect(keeper.counts()).toEqual({ frames: 0, bytes: 0 });
});

test("frames under one tag, their bytes, and all bytes together are bounded", () => {
  const keeper = openKeeper(limits);
  for (let index = 0; index < 3; index++)
    expect(keeper.hold(inbox, Buffer.alloc(10), until(100))).toBe("held");
  expect(keeper.hold(inbox, Buffer.alloc(10), until(100))).toBe("full");
  expect(keeper.hold(door, Buffer.alloc(1_800), until(100))).toBe("full");
  expect(keeper.hold(door, Buffer.alloc(1_700), until(100))).toBe("held");
  expect(keeper.hold("x".repeat(16), Buffer.alloc(500), until(100))).toBe("full");
});

test("a frame is a copy, and can be taken back by its name", () => {
  const keeper = openKeeper(limits);
  const frame = Buffer.of(1);
  keeper.hold(inbox, frame, until(100, "a"));
  keeper.hold(inbox, frame, until(100, "b"));
  frame[0] = 9;
  keeper.takeBack("a");
  keeper.takeBack("a");
  expect(keeper.collect(inbox, 0)).toEqual([Buffer.of(1)]);
});

test("one address holds a part of the room, whatever tags it names, and has it again when what it left is gone", () => {
  const keeper = openKeeper(limits);
  const leave = (tag: string, from: string) =>
    keeper.hold(tag.repeat(16), Buffer.alloc(200), until(100, tag, from));
  expect([leave("a", "mallory"), leave("b", "mallory"), leave("c", "mallory")]).toEqual([
    "held",
    "held",
    "full",
  ]);
  expect(leave("d", "alice")).toBe("held");
  keeper.collect("a".repeat(16), 0);
  expect(leave("c", "mallory")).toBe("held");
  keeper.sweep(100);
  expect([leave("a", "mallory"), leave("b", "mallory")]).toEqual(["held", "held"]);
});
