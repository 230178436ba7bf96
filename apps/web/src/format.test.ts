/** Times and sizes as people read them. */

import { expect, test } from "vitest";
import { formatAgo, formatClock, formatCount, formatSize, formatSpan } from "./format.ts";

const now = Date.UTC(2026, 10, 21, 12);
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

test("the past is told in the largest whole unit, and the distant past as a date", () => {
  const told = [3 * second, 40 * second, 90 * second, 3 * hour, 30 * hour, 400 * 24 * hour];
  expect(told.map((ago) => formatAgo(now - ago, now))).toEqual([
    "just now",
    "40 seconds ago",
    "1 minute ago",
    "3 hours ago",
    "yesterday",
    "Oct 17, 2025",
  ]);
});

test("a clock that runs ahead elsewhere never makes a commit of the future", () => {
  expect(formatAgo(now + 5 * minute, now)).toBe("just now");
});

test("spans, countdowns, sizes and counts", () => {
  expect([
    formatSpan(8_000),
    formatSpan(4 * minute),
    formatClock(272_000),
    formatClock(-5),
  ]).toEqual(["8 s", "4 min", "4:32", "0:00"]);
  expect([formatSize(1), formatSize(14_300_000), formatCount(1204, "object", "objects")]).toEqual([
    "1 byte",
    "14.3 MB",
    "1,204 objects",
  ]);
});
