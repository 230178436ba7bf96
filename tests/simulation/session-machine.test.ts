/** Ten thousand storms over sessions without cryptography. More: `node scripts/storms.mjs sessions --seeds 100000`. */

import { expect, test } from "vitest";
import { machineForm } from "./session-actor.ts";
import { weatherAll } from "./session-seeds.ts";
import { weather } from "./session-storm.ts";

const { all, parted, wronged } = await weatherAll("sessions", 10_000, () => machineForm());

test("A13: any two of two to six nodes hear each other within a minute of the last fault, whichever of them and the relay restarted", () => {
  expect(parted).toEqual([]);
  expect(all.reduce((sum, { restarts }) => sum + restarts, 0) / all.length).toBeGreaterThan(2);
});

test("A14: nothing is heard twice or was never said, and no forged packet makes or ends a session, whatever Mallory replays, bends and makes up", () => {
  expect(wronged).toEqual([]);
  expect(all.reduce((sum, { planted }) => sum + planted, 0) / all.length).toBeGreaterThan(50);
});

test("the same seed is the same storm", () => {
  const told = [1, 2].map(() => {
    const lines: string[] = [];
    weather({ seed: 4, trace: (line) => lines.push(line) }, machineForm());
    return lines;
  });
  expect(told[0]?.length).toBeGreaterThan(100);
  expect(told[0]).toEqual(told[1]);
});
