/** Items come due when their slot comes by. */

import { expect, test } from "vitest";

import { openWheel } from "./wheel.ts";

function turnsUntilDue(place: number, slots = 10): number {
  const wheel = openWheel<string>(slots);
  wheel.place("Alice", place);
  for (let turn = 1; turn <= slots; turn++) if (wheel.turn().includes("Alice")) return turn;
  return Number.NaN;
}

test("an item comes due after its turns: at least one, at most the wheel", () => {
  expect([0, 1, 3, 9, 50].map((place) => turnsUntilDue(place))).toEqual([1, 1, 3, 9, 9]);
});

test("placing again moves, removing forgets", () => {
  const wheel = openWheel<string>(10);
  wheel.place("Alice", 2);
  wheel.place("Alice", 3);
  wheel.place("Bob", 3);
  wheel.remove("Bob");
  expect([wheel.turn(), wheel.turn(), wheel.turn(), wheel.turn()]).toEqual([[], [], ["Alice"], []]);
});
