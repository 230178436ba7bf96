/** Who subscribes to what. */

import * as fc from "fast-check";
import { expect, test } from "vitest";

import { openTagTable } from "./tag-table.ts";

const alice = { name: "Alice" };
const bob = { name: "Bob" };
const carol = { name: "Carol" };
const roomy = { tagsMax: 100, subscribersPerTagMax: 100 };

function audience(of: object | Set<object> | undefined): ReadonlyArray<object> {
  if (of === undefined) return [];
  return of instanceof Set ? [...of] : [of];
}

test("a tag knows all its subscribers, and forgets itself with the last", () => {
  const table = openTagTable<object>(roomy);
  expect(table.subscribe("t", alice)).toBe("subscribed");
  expect(table.subscribe("t", alice)).toBe("known");
  expect(table.subscribe("t", bob)).toBe("subscribed");
  expect(table.subscribe("t", bob)).toBe("known");
  expect(audience(table.subscribers("t"))).toEqual([alice, bob]);
  table.unsubscribe("t", alice);
  expect(table.subscribers("t")).toBe(bob);
  table.unsubscribe("t", bob);
  expect(table.subscribers("t")).toBeUndefined();
  expect(table.size()).toBe(0);
});

test("Mallory cannot unsubscribe Alice by leaving a tag she never joined", () => {
  const table = openTagTable<object>(roomy);
  table.subscribe("t", alice);
  table.unsubscribe("t", bob);
  expect(table.subscribers("t")).toBe(alice);
});

test("a full tag and a full table say so, and lose nobody", () => {
  const table = openTagTable<object>({ tagsMax: 1, subscribersPerTagMax: 2 });
  table.subscribe("t", alice);
  table.subscribe("t", bob);
  expect(table.subscribe("t", carol)).toBe("too-many-subscribers");
  expect(table.subscribe("u", carol)).toBe("full");
  expect(audience(table.subscribers("t"))).toEqual([alice, bob]);
  const lonely = openTagTable<object>({ tagsMax: 1, subscribersPerTagMax: 1 });
  lonely.subscribe("t", alice);
  expect(lonely.subscribe("t", bob)).toBe("too-many-subscribers");
});

test("the table agrees with a plain map of sets, whatever is subscribed and left", () => {
  const people = [alice, bob, carol];
  const move = fc.tuple(fc.boolean(), fc.constantFrom("a", "b", "c"), fc.nat(2));
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const table = openTagTable<object>(roomy);
      const model = new Map<string, Set<object>>();
      for (const [joins, tag, index] of moves) {
        const person = people[index] ?? alice;
        const set = model.get(tag) ?? new Set();
        model.set(tag, set);
        if (joins) {
          table.subscribe(tag, person);
          set.add(person);
        } else {
          table.unsubscribe(tag, person);
          set.delete(person);
        }
      }
      for (const [tag, set] of model)
        expect(new Set(audience(table.subscribers(tag)))).toEqual(set);
      expect(table.size()).toBe([...model.values()].filter((set) => set.size > 0).length);
    }),
  );
});
