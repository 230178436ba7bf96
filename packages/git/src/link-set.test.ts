import { expect, test } from "vitest";
import { linkStepsMax } from "@skein/protocol/limits";
import { openLinkSet } from "./link-set.ts";
import { sha1 } from "./sha1.ts";

/** Ids in the places of real ones. */
function idOf(number: number): Uint8Array {
  return sha1(Uint8Array.of(number, number >> 8, number >> 16));
}

test("an id keeps its link, whichever came before it, and is never of two types", () => {
  const links = openLinkSet();
  const many = 5_000;
  let before = -1;
  for (let number = 0; number < many; number++) {
    before = links.addCode(idOf(number), 0, 3, before);
    expect(before).toBe(number);
  }
  // Now in an order in which none is where it was expected.
  for (let number = many - 1; number >= 0; number--) {
    before = links.addCode(idOf(number), 0, 3, before);
    expect(before).toBe(number);
    expect(links.find(idOf(number), 0)).toBe(number);
  }
  expect(links.addCode(idOf(1), 0, 2, 0)).toBe(-1);
  expect(links.addCode(idOf(1), 0, 2, -1)).toBe(-1);
  expect(links.typeAt(1)).toBe("blob");
  expect(links.find(idOf(many), 0)).toBe(-1);
  expect(links.size()).toBe(many);
});

test("Mallory's ids that all begin alike are refused before looking them up takes long", () => {
  const links = openLinkSet();
  const add = (number: number): number => {
    const id = idOf(number);
    id.fill(7, 0, 4);
    return links.addCode(id, 0, 3, -1);
  };
  for (let number = 0; number < linkStepsMax; number++) expect(add(number)).toBe(number);
  expect(() => add(linkStepsMax)).toThrow("begin alike");
  expect(links.size()).toBe(linkStepsMax);
});
