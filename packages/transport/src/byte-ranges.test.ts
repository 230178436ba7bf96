import { createSimulation, tellStories } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { gapsIn, takeFirst, withRange, type ByteRanges } from "./byte-ranges.ts";

test("ranges say the same as a list of bytes, whatever is added and taken", () => {
  tellStories({ seeds: 200 }, (seed) => {
    const { between, chance } = createSimulation({ seed, weather: calm });
    const bytes = new Set<number>();
    let ranges: ByteRanges = [];
    for (let count = 0; count < 30; count++) {
      if (chance(0.7)) {
        const from = between(0, 50);
        const until = from + between(0, 10);
        ranges = withRange(ranges, { from, until });
        for (let byte = from; byte < until; byte++) bytes.add(byte);
      } else {
        const first = takeFirst(ranges, between(1, 8));
        if (first === undefined) continue;
        ranges = first.rest;
        for (let byte = first.taken.from; byte < first.taken.until; byte++) bytes.delete(byte);
      }
      const covered = (set: ByteRanges): ReadonlyArray<number> =>
        Array.from({ length: 70 }, (_, byte) => byte).filter((byte) =>
          set.some(({ from, until }) => from <= byte && byte < until),
        );
      expect(covered(ranges)).toEqual([...bytes].toSorted((a, b) => a - b));
      expect(covered(gapsIn({ from: 5, until: 45 }, ranges))).toEqual(
        Array.from({ length: 40 }, (_, index) => index + 5).filter((byte) => !bytes.has(byte)),
      );
      expect(
        ranges.every(
          (range, index) =>
            range.from < range.until && range.from > (ranges[index - 1]?.until ?? -1),
        ),
      ).toBe(true);
    }
  });
});
