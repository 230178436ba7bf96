/** When the process is too full for more. */

import { createHistogram } from "node:perf_hooks";

import { expect, test } from "vitest";

import { shareFiles } from "./file-limits.ts";
import { findSmallHeap, saySmallHeap } from "./heap-limit.ts";
import { formatMetrics } from "./metrics.ts";
import { openPurse } from "./purse.ts";
import type { Report } from "./station.ts";
import { openWatchdog } from "./watchdog.ts";

test("above four fifths of its memory a relay takes nobody new, above nine tenths somebody has to go", () => {
  let bytes = 0;
  const watchdog = openWatchdog(
    { memoryBytesMax: 100, lagMillisMax: 1e9 },
    { readResidentBytes: () => bytes },
  );
  const rooms = [79, 81, 91].map((now) => {
    bytes = now;
    return watchdog.look();
  });
  watchdog.close();
  expect(rooms).toEqual(["free", "crowded", "bursting"]);
});

test("the room that V8 has for objects counts as memory does, and being late does not", () => {
  let share = 0;
  const delays = createHistogram();
  const readHeapShare = (): number => share;
  const readResidentBytes = (): number => 10;
  const watchdog = openWatchdog(
    { memoryBytesMax: 100, lagMillisMax: 200 },
    { readResidentBytes, readHeapShare, delays },
  );
  const looks = [0.79, 0.81, 0.91, 0.1].map((now) => {
    share = now;
    return [watchdog.look(), watchdog.isShort()];
  });
  for (let turn = 0; turn < 100; turn++) delays.record(400e6);
  looks.push([watchdog.look(), watchdog.isShort()]);
  watchdog.close();
  expect(looks).toEqual([
    ["free", false],
    ["crowded", true],
    ["bursting", true],
    ["free", false],
    ["crowded", false],
  ]);
});

test("a heap smaller than the memory that a relay may use is said, with what would raise it", () => {
  expect(findSmallHeap(2 ** 30, { heap_size_limit: 2 ** 30 })).toBeUndefined();
  const small = findSmallHeap(2 ** 30, { heap_size_limit: 2 ** 29 });
  expect(small === undefined ? "" : saySmallHeap(small)).toMatch(
    /take 512 MiB.*--max-old-space-size=1024/u,
  );
});

test("a system that has no file left to tell the memory with does not end the relay", () => {
  let isOut = false;
  const readResidentBytes = (): number => {
    if (isOut) throw new Error("EMFILE");
    return 85;
  };
  const watchdog = openWatchdog({ memoryBytesMax: 100, lagMillisMax: 1e9 }, { readResidentBytes });
  expect(watchdog.look()).toBe("crowded");
  isOut = true;
  expect(watchdog.look()).toBe("crowded");
  expect(watchdog.memoryBytes()).toBe(85);
  watchdog.close();
});

test("one slow turn of the event loop keeps nobody out, however soon after it the relay looks; many do", () => {
  const delays = createHistogram();
  const watchdog = openWatchdog({ memoryBytesMax: 1e12, lagMillisMax: 200 }, { delays });
  const turns = (millis: number, many: number): void => {
    for (let turn = 0; turn < many; turn++) delays.record(millis * 1e6);
  };
  turns(1_000, 1);
  turns(20, 30);
  expect(watchdog.look()).toBe("free");
  turns(20, 480);
  expect([watchdog.look(), watchdog.lagMillis() < 1]).toEqual(["free", true]);
  turns(400, 30);
  expect([watchdog.look(), Math.round(watchdog.lagMillis())]).toEqual(["crowded", 380]);
  turns(20, 520);
  expect(watchdog.look()).toBe("free");
  watchdog.close();
});

test("the sockets of a relay leave it the files it needs itself, and some for those who only ask", () => {
  for (const files of [64, 160, 1_024, 20_000, Number.POSITIVE_INFINITY]) {
    const { socketsMax, connectionsMax } = shareFiles(files);
    expect(connectionsMax).toBeGreaterThan(0);
    expect(socketsMax === files || socketsMax <= files - 30).toBe(true);
    expect(connectionsMax).toBeLessThanOrEqual(socketsMax);
    expect(connectionsMax <= files * 0.8).toBe(true);
  }
  expect(shareFiles(1_024)).toEqual({ socketsMax: 976, connectionsMax: 819 });
});

test("when the month's bytes are used up bulk must wait, and signalling goes on and counts", () => {
  const purse = openPurse({ bytesPerSecond: 0, bytesPerMonth: 1_000 });
  expect(purse.spend(900, true, 0)).toBe(0);
  expect(purse.spend(200, false, 0)).toBe(0);
  expect(purse.spend(1, true, 0)).toBeGreaterThan(1_000);
  expect(purse.spend(1, false, 0)).toBe(0);
  expect(openPurse({ bytesPerSecond: 0, bytesPerMonth: 0 }).spend(1e15, true, 0)).toBe(0);
});

test("metrics are counts that a program can read", () => {
  const zeros = new Proxy({}, { get: () => 3 });
  const did = { refused: { "too-fast": 2 }, closed: { 1008: 1 } };
  const report = {
    holds: zeros,
    did: new Proxy(did, { get: (whole, key) => Reflect.get(whole, key) ?? 5 }),
    process: zeros,
  } as unknown as Report;
  const lines = formatMetrics(report).trimEnd().split("\n");
  for (const line of lines)
    expect(line).toMatch(/^(?:# (?:HELP|TYPE) skein_\w+ .+|skein_\w+(?:\{\w+="[\w-]+"\})? \d+)$/u);
  expect(lines).toContain('skein_refused_total{reason="too-fast"} 2');
  expect(lines).toContain('skein_closed_total{code="1008"} 1');
});
