/** The arithmetic of a bench, where a mistake would flatter for years. */

import { describe, expect, test } from "vitest";
import {
  formatJson,
  formatTable,
  judge,
  median,
  percentile,
  type Measured,
} from "../../bench/rows.ts";

const latency: Measured = {
  name: "commit to moved tip",
  ours: 120,
  peer: 80,
  against: "git push",
  unit: "ms",
  goal: 2,
  better: "lower",
};

const throughput: Measured = {
  name: "clone",
  ours: 3,
  peer: 20,
  against: "git clone",
  unit: "MB/s",
  goal: 0.1,
  better: "higher",
  sizes: { bytes: 1_000 },
};

describe("a row", () => {
  test("says how many times the peer's figure ours is", () => {
    expect(judge(latency).ratio).toBe(1.5);
    expect(judge(throughput).ratio).toBe(0.15);
  });

  test("meets a goal on the right side of it, and exactly at it", () => {
    expect(judge(latency).met).toBe(true);
    expect(judge({ ...latency, ours: 160 }).met).toBe(true);
    expect(judge({ ...latency, ours: 161 }).met).toBe(false);
    expect(judge(throughput).met).toBe(true);
    expect(judge({ ...throughput, ours: 2 }).met).toBe(true);
    expect(judge({ ...throughput, ours: 1.99 }).met).toBe(false);
  });

  test("has a ratio that a reader gets from the figures it shows", () => {
    const { ours, peer, ratio } = judge({ ...latency, ours: 123.456_789, peer: 76.543_21 });
    expect([ours, peer, ratio]).toEqual([123.5, 76.54, 1.614]);
  });

  test("is not made of nothing", () => {
    expect(() => judge({ ...latency, ours: Number.NaN })).toThrow("nothing was measured");
    expect(() => judge({ ...latency, peer: 0 })).toThrow("nothing was measured");
  });
});

describe("a percentile", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => (index * 37) % 100);

  test("is a sample that so many others do not exceed", () => {
    expect(percentile(hundred, 0.5)).toBe(49);
    expect(percentile(hundred, 0.99)).toBe(98);
    expect(percentile(hundred, 1)).toBe(99);
    expect(percentile([5, 1, 9], 0.99)).toBe(9);
    expect(median([3, 1, 2])).toBe(2);
  });

  test("is not made of nothing", () => {
    expect(() => percentile([], 0.5)).toThrow("no percentile without samples");
  });
});

describe("a report", () => {
  const report = {
    subject: "sync",
    node: "20.19.0",
    rows: [judge(latency), judge({ ...throughput, ours: 1 })],
  };

  test("is one JSON object on one line", () => {
    const text = formatJson(report);
    expect(text).not.toContain("\n");
    expect(JSON.parse(text)).toEqual({
      subject: "sync",
      node: "20.19.0",
      rows: [
        { ...latency, ratio: 1.5, met: true },
        { ...throughput, ours: 1, ratio: 0.05, met: false },
      ],
    });
  });

  test("says plainly which goals are met", () => {
    const text = formatTable(report);
    expect(text).toMatch(/commit to moved tip .* 1\.5 .* ≤ 2 .* met/u);
    expect(text).toMatch(/clone .* 0\.05 .* ≥ 0\.1 .* NOT MET .* 1,000 bytes/u);
    expect(text).toContain("1 of 2 goals met");
  });
});
