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

test("the short last pages of many packs take no more room than there is, and drive out only as much as they are", () => {
  const kilobyte = 1024;
  // Their pages are numbered from 1,000 on.
  const sizes = [1, 3, 5, 17, 30, 70, 100, 250, 260, 700].map((size) => size * kilobyte);
  const world = openWorld((page) => (page < 1_000 ? pageBytes : (sizes[page % 10] ?? 0)));
  for (let page = 0; page < 32; page++) world.need([page]);
  world.need([1_006]);
  expect(world.held().filter((page) => page < 1_000)).toHaveLength(31);
  // More of the same size stand beside it.
  for (let pack = 1; pack < 4; pack++) world.need([1_006 + pack * 10]);
  expect(world.held().filter((page) => page < 1_000)).toHaveLength(31);
  for (let pack = 0; pack < 300; pack++) world.need([pack % 40, 1_000 + ((pack * 7) % 500)]);
  expect(world.heldBytes()).toBe(32 * mebibyte);
});

test("of a hundred small packs all stay, and no page is read twice", () => {
  const world = openWorld((page) => (page * 977) % 100_000);
  for (let round = 0; round < 3; round++)
    for (let page = 1; page <= 100; page++) world.need([page]);
  for (let page = 1; page <= 100; page++) expect(world.brought(page)).toBe(1);
  expect(world.places()).toBe(100);
});

test("pages that are needed together stand beside each other, whatever their sizes", () => {
  const world = openWorld((page) => (page % 3 === 0 ? 10_000 : pageBytes));
  const many = Array.from({ length: 60 }, (_, page) => page);
  world.need(many);
  expect(world.held()).toEqual(many);
  expect(world.places()).toBe(60);
});

/** As the kernel does it: a piece of work begins anew after every page that it missed. */
function openWorld(sizeOf: (page: number) => number = () => pageBytes) {
  const slots: PageSlots = openPageSlots(openMemoryFiles());
  const lastUsed = new Map<number, number>();
  const brought = new Map<number, number>();
  const places = new Map<number, number>();
  let clock = 0;
  let end = 0;
  const bring = (entry: number): void => {
    const at = slots.take({
      size: sizeOf(entry),
      now: clock,
      entry,
      lastUsed: (other) => lastUsed.get(other) ?? 0,
      drop: (other) => void (lastUsed.delete(other) && places.delete(other)),
      setAside: (size) => (end += size) - size,
    });
    for (const [other, place] of places)
      if (at < place + sizeOf(other) && place < at + sizeOf(entry))
        throw new Error(`page ${entry} lies on page ${other}`);
    places.set(entry, at);
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
    places: () => places.size,
    brought: (entry: number) => brought.get(entry) ?? 0,
  };
}
