/** What a relay wants, said in a list or in a map, and read again. */

import * as fc from "fast-check";
import { expect, test } from "vitest";

import { isInterest, OthersInterest, OwnInterest, writeSlots } from "./interest.ts";

test("what is said of few slots or of many is what the others take it for, and only that", () => {
  const some = fc.uniqueArray(fc.nat(65_535), { maxLength: 300 });
  fc.assert(
    fc.property(some, fc.boolean(), fc.nat(65_535), (slots, isMany, asked) => {
      const own = new OwnInterest();
      const held = new Set(slots);
      if (isMany) for (let slot = 0; slot < 5_000; slot++) held.add(slot * 13);
      for (const slot of held) own.hold(slot);
      const body = own.write();
      expect(isInterest(body)).toBe(true);
      const others = new OthersInterest();
      others.replace(body);
      for (const slot of [...slots, asked]) expect(others.wants(slot)).toBe(held.has(slot));
    }),
    { numRuns: 60 },
  );
});

test("a slot is fresh once, wanted until its last holder has been gone for a while, and then lapses", () => {
  const own = new OwnInterest();
  expect([own.hold(7), own.hold(7)]).toEqual([true, false]);
  expect(own.takeFresh()).toEqual([7]);
  expect(own.takeFresh()).toEqual([]);
  own.release(7, 100);
  expect(own.lapse(1_000)).toEqual(new Set());
  own.release(7, 100);
  expect(own.lapse(99)).toEqual(new Set());
  expect(own.lapse(100)).toEqual(new Set([7]));
  expect(own.hold(7)).toBe(true);
});

test("of a relay that has said nothing everything is believed, and nothing that is no list and no map is read", () => {
  const others = new OthersInterest();
  others.add(writeSlots([1]));
  expect(others.wants(2)).toBe(true);
  others.replace(writeSlots([1]));
  others.add(writeSlots([3]));
  expect([1, 2, 3].map((slot) => others.wants(slot))).toEqual([true, false, true]);
  expect([1, 8_194].map((length) => isInterest(Buffer.alloc(length)))).toEqual([false, false]);
});
