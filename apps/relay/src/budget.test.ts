/** Token buckets under virtual time. */

import { expect, test } from "vitest";

import { Budget } from "./budget.ts";

const rate = { perSecond: 10, burst: 5 };

test("Alice may spend her burst at once, and is told how long to wait for the next", () => {
  const budget = new Budget(rate, 0);
  for (let index = 0; index < 5; index++) expect(budget.spend(1, 0)).toBe(0);
  expect(budget.spend(1, 0)).toBe(100);
  expect(budget.spend(1, 99)).toBe(1);
  expect(budget.spend(1, 100)).toBe(0);
});

test("a spending larger than the bucket is slow, not impossible", () => {
  const budget = new Budget(rate, 0);
  expect(budget.spend(25, 0)).toBe(0);
  expect(budget.spend(1, 0)).toBe(2_100);
  expect(budget.spend(1, 2_099)).toBeGreaterThan(0);
  expect(budget.spend(1, 2_100)).toBe(0);
});

test("waiting for a year saves no more than one burst", () => {
  const budget = new Budget(rate, 0);
  budget.spend(5, 0);
  const later = 365 * 86_400_000;
  expect(budget.isFull(later)).toBe(true);
  for (let index = 0; index < 5; index++) expect(budget.spend(1, later)).toBe(0);
  expect(budget.spend(1, later)).toBeGreaterThan(0);
});

test("a clock that goes back gives nothing and takes nothing", () => {
  const budget = new Budget(rate, 1_000);
  budget.spend(5, 1_000);
  expect(budget.spend(1, 0)).toBe(100);
  expect(budget.isFull(0)).toBe(false);
});
