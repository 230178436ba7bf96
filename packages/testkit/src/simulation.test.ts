import { instant } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { createSimulation, tellLongStories, tellStories, type Simulation } from "./simulation.ts";
import { breeze, calm, storm } from "./weather.ts";

/** Alice posts a hundred letters to Bob. */
function correspond(simulation: Simulation): ReadonlyArray<number> {
  const got: number[] = [];
  for (let letter = 0; letter < 100; letter++)
    simulation.schedule(instant(letter), () =>
      simulation.post(
        () => {
          got.push(letter);
          simulation.note(`letter ${letter}`);
        },
        { from: "Alice", to: "Bob" },
      ),
    );
  simulation.settle();
  return got;
}

test("the same seed tells the same story, another seed another one", () => {
  const play = (seed: number): string => {
    const simulation = createSimulation({ seed, weather: storm });
    correspond(simulation);
    return simulation.traceHash();
  };
  expect(play(1)).toBe(play(1));
  expect(play(1)).not.toBe(play(2));
});

test("in calm weather every letter arrives once and in order", () => {
  const got = correspond(createSimulation({ seed: 1, weather: calm }));
  expect(got).toEqual(Array.from({ length: 100 }, (_, letter) => letter));
});

test("in a storm letters are lost, come twice and overtake each other", () => {
  const got = correspond(createSimulation({ seed: 1, weather: storm }));
  expect(new Set(got).size).toBeLessThan(90);
  expect(got.length).toBeGreaterThan(new Set(got).size);
  expect(got).not.toEqual(got.toSorted((a, b) => a - b));
});

test("nothing crosses a partition until it heals", () => {
  const simulation = createSimulation({ seed: 1, weather: breeze });
  simulation.partition(["Alice"], ["Bob"]);
  expect(correspond(simulation)).toEqual([]);
  simulation.partition();
  expect(correspond(simulation).length).toBeGreaterThan(50);
});

test("what was taken away does not happen, and what happens at one time happens in order", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const got: string[] = [];
  for (const name of ["Alice", "Bob", "Carol"])
    simulation.schedule(instant(5), () => got.push(name));
  simulation.schedule(instant(5), () => got.push("Mallory"))();
  simulation.runUntil(instant(4));
  expect(got).toEqual([]);
  simulation.runUntil(instant(5));
  expect(got).toEqual(["Alice", "Bob", "Carol"]);
});

test("a promise made in one event is kept before the next", async () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const got: string[] = [];
  const promise = async (name: string): Promise<void> => {
    await Promise.resolve();
    got.push(`${name} at ${simulation.now()}`);
  };
  simulation.schedule(instant(1), () => void promise("Alice"));
  simulation.schedule(instant(2), () => void promise("Bob"));
  await simulation.runUntilDrained(instant(3), async () => {
    await new Promise((resolve) => setTimeout(resolve, 0));
  });
  expect(got).toEqual(["Alice at 1", "Bob at 2"]);
});

test("somebody who never rests is found out", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const again = (): void => simulation.post(again);
  again();
  expect(() => simulation.settle({ eventsMax: 1_000 })).toThrow("seed 1: more than 1000 events");
});

test("a story that fails says its seed", async () => {
  const story = (seed: number): void => {
    if (seed === 3) throw new Error("Mallory won");
  };
  expect(() => tellStories({ seeds: 5 }, story)).toThrow("seed 3: Mallory won");
  await expect(tellLongStories({ seeds: 5 }, async (seed) => story(seed))).rejects.toThrow(
    "seed 3: Mallory won",
  );
});
