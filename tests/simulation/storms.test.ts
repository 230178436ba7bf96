/**
 * Stories of whole peers through storms: every seed is one story of lost, repeated, late and disordered messages,
 * killed programs, a relay that forgets, and parted networks. `SEEDS=2000 pnpm exec vitest run --project simulation`
 * tells more of them; `SEED=17` tells one again.
 */

import { afterAll, describe, expect, test } from "vitest";
import { tellStory, type Ending } from "./story.ts";

const one = process.env["SEED"];
const count = Number(process.env["SEEDS"] ?? 200);
const seeds =
  one === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(one)];

describe("whatever the weather", () => {
  const endings: Ending[] = [];

  test.for(seeds)(
    "seed %i: nothing acknowledged is lost, and all replicas agree in the end",
    async (seed) => {
      const ending = await tellStory(seed);
      endings.push(ending);
      expect(ending.lost).toEqual([]);
      expect(ending.disagreements).toEqual([]);
      expect(ending.acceptedFromUnapproved).toEqual([]);
      expect(ending.readByRelay).toEqual([]);
      expect(ending.bugs).toEqual([]);
    },
  );

  afterAll(() => {
    if (endings.length < 50) return;
    const sum = (of: (ending: Ending) => number): number =>
      endings.reduce((total, ending) => total + of(ending), 0);
    // A simulation in which nothing happens proves nothing.
    expect(sum((ending) => ending.commits)).toBeGreaterThan(endings.length * 3);
    expect(sum((ending) => ending.kills)).toBeGreaterThan(endings.length / 2);
    expect(sum((ending) => ending.relayRestarts)).toBeGreaterThan(endings.length / 4);
    expect(sum((ending) => ending.divergences)).toBeGreaterThan(10);
    expect(sum((ending) => ending.signedByUnapproved)).toBeGreaterThan(endings.length / 4);
  });
});

test("the same seed tells the same story", async () => {
  const [first, second] = [await tellStory(11), await tellStory(11)];
  expect(second.trace).toBe(first.trace);
});
