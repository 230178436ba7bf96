/** Pages of stored packs: however large the packs are, only so many are held, and never fewer than one object needs. */

import { expect, test } from "vitest";
import { openMemoryFiles } from "./memory-files.ts";
import { openPageSlots, pageBytes, type PageSlots } from "./pack-pages.ts";

const mebibyte = 1024 * 1024;

test("of packs of a gigabyte 32 MiB are held, those that were used last", () => {
  const world = openWorld();
  for (let page = 0; page < 1_024; page++) world.need([page]);
  expect(world.heldBytes()).toBe(32 * mebibyte);
  expect(world.held()).toEqual(Array.from({ length: 32 }, (_, at) => 1_024 - 32 + at));
});

test("all pages that one object needs are there at once, be they more than that", () => {
  const world = openWorld();
  const many = Array.from({ length: 50 }, (_, page) => page);
  world.need(many);
  expect(world.held()).toEqual(many);
  // Nothing more is taken for those that come one by one afterwards.
  for (let page = 100; page < 200; page++) world.need([page]);
  expect(world.heldBytes()).toBe(50 * mebibyte);
});

test("a page that is used again and again stays", () => {
  const world = openWorld();
  for (let page = 1; page < 500; page++) world.need([0, page]);
  expect(world.brought(0)).toBe(1);
});

/** As the kernel does it: a piece of work begins anew after every page that it missed. */
function openWorld() {
  const slots: PageSlots = openPageSlots(openMemoryFiles());
  const lastUsed = new Map<number, number>();
  const brought = new Map<number, number>();
  let clock = 0;
  let end = 0;
  const bring = (entry: number): void => {
    slots.take({
      size: pageBytes,
      now: clock,
      entry,
      lastUsed: (other) => lastUsed.get(other) ?? 0,
      drop: (other) => void lastUsed.delete(other),
      setAside: (size) => (end += size) - size,
    });
    lastUsed.set(entry, clock);
    brought.set(entry, (brought.get(entry) ?? 0) + 1);
  };
  const use = (entries: ReadonlyArray<number>): number | undefined => {
    clock += 1;
    for (const entry of entries) {
      if (!lastUsed.has(entry)) return entry;
      lastUsed.set(entry, clock);
    }
    return undefined;
  };
  return {
    need: (entries: ReadonlyArray<number>): void => {
      for (let tries = 0; tries <= entries.length; tries++) {
        const missing = use(entries);
        if (missing === undefined) return;
        bring(missing);
      }
      throw new Error("a page was dropped that is needed now");
    },
    held: () => [...lastUsed.keys()].toSorted((a, b) => a - b),
    heldBytes: () => end,
    brought: (entry: number) => brought.get(entry) ?? 0,
  };
}
