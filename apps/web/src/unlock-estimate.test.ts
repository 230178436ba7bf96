import { expect, test } from "vitest";
import { shareAfter } from "./unlock-estimate.ts";

test("a derivation's share grows with the time it takes and waits at 95 %", () => {
  expect([0, 500, 1_000, 1_900, 9_000].map((elapsed) => shareAfter(elapsed, 2_000))).toEqual([
    0, 0.25, 0.5, 0.95, 0.95,
  ]);
});

test("a clock that went back, or an estimate of nothing, gives no share that cannot be", () => {
  expect(shareAfter(-500, 2_000)).toBe(0);
  expect(shareAfter(500, 0)).toBe(0.95);
});
