/** When the young are collected. */

import { PerformanceObserver } from "node:perf_hooks";

import { expect, test } from "vitest";

import { openCollector } from "./young-garbage.ts";

const mebibyte = 1024 * 1024;

test("what was read is collected once in sixteen mebibytes, and never in the turn that read it", async () => {
  let collected = 0;
  const onRead = openCollector(() => (collected += 1));
  for (let read = 0; read < 15; read++) onRead(mebibyte);
  await new Promise(setImmediate);
  expect(collected).toBe(0);
  onRead(mebibyte);
  expect(collected).toBe(0);
  await new Promise(setImmediate);
  expect(collected).toBe(1);
  onRead(16 * mebibyte);
  await new Promise(setImmediate);
  expect(collected).toBe(2);
});

test("this Node collects the young alone when it is asked to", async () => {
  const kinds = new Set<unknown>();
  const observer = new PerformanceObserver((list) => {
    const details = list
      .getEntries()
      .map((entry) => ("detail" in entry ? entry.detail : undefined));
    for (const detail of details)
      if (typeof detail === "object" && detail !== null && "kind" in detail) kinds.add(detail.kind);
  });
  observer.observe({ entryTypes: ["gc"] });
  const onRead = openCollector();
  onRead(16 * mebibyte);
  // 1 is a scavenge, of the young (node:perf_hooks, NODE_PERFORMANCE_GC_MINOR).
  await expect.poll(() => kinds.has(1)).toBe(true);
  observer.disconnect();
});
