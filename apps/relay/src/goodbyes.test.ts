/** A relay that stops says goodbye over seconds to many, and at once to a few. */

import { expect, test } from "vitest";

import { spreadGoodbyes } from "./goodbyes.ts";
import { defaultLimits } from "./limits.ts";

/** From 0 up to 1, evenly. */
function evenly(count: number): () => number {
  let next = 0;
  return () => next++ / count;
}

/** How many goodbyes fall into each second. */
function bySecond(count: number): ReadonlyArray<number> {
  const seconds: number[] = [];
  for (const millis of spreadGoodbyes(count, defaultLimits, evenly(count))) {
    const second = Math.floor(millis / 1_000);
    seconds[second] = (seconds[second] ?? 0) + 1;
  }
  return seconds;
}

test("goodbyes to a hundred nodes take two seconds, to ten thousand fifteen, and to Alice alone none that she would notice", () => {
  expect(bySecond(1)).toEqual([1]);
  expect(Math.max(...spreadGoodbyes(5, defaultLimits, () => 0.999))).toBeLessThan(100);
  expect(bySecond(100)).toEqual([50, 50]);
  expect(bySecond(300)).toEqual([50, 50, 50, 50, 50, 50]);
  const many = bySecond(10_000);
  expect(many).toHaveLength(15);
  expect(Math.max(...many)).toBeLessThan(700);
});
