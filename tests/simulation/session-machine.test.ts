import { expect, test } from "vitest";
import { openActor, type Ablation } from "./session-actor.ts";
import { gather, type Gathered, type Paths } from "./session-crowd.ts";
import { weather, type Aftermath } from "./session-storm.ts";

/** `SEEDS=100000 pnpm exec vitest run tests/simulation/session-machine.test.ts` weathers as many. */
const seeds = Number(process.env["SEEDS"] ?? 10_000);

function storms(
  count: number,
  ablation: Ablation = {},
): ReadonlyArray<readonly [number, Aftermath]> {
  return Array.from({ length: count }, (_, index) => {
    const seed = index + 1;
    return [seed, weather({ seed }, (around) => openActor(around, ablation))] as const;
  });
}

function dead(aftermaths: ReadonlyArray<readonly [number, Aftermath]>): ReadonlyArray<number> {
  return aftermaths.filter(([, { recovery }]) => recovery > 60).map(([seed]) => seed);
}

const all = storms(seeds);

test("A13: two nodes hear each other within a minute after any storm, in both directions", () => {
  expect(dead(all)).toEqual([]);
  const restarts = all.reduce((sum, [, aftermath]) => sum + aftermath.restarts, 0);
  expect(restarts / all.length).toBeGreaterThan(2);
});

test("A13: once they hear each other again, replays never part them for a minute", () => {
  expect(all.filter(([, { silence }]) => silence > 60).map(([seed]) => seed)).toEqual([]);
});

test("A14: nothing is heard twice, whatever Mallory replays", () => {
  expect(all.filter(([, { repeated }]) => repeated > 0).map(([seed]) => seed)).toEqual([]);
});

const paths: ReadonlyArray<Paths> = ["relay", "direct", "both"];

test("A13: any two of two to six nodes hear each other within a minute after the storm, whichever of them and the relay restarted", () => {
  const failed: string[] = [];
  for (let seed = 1; seed <= Math.max(30, seeds / 100); seed++)
    for (const path of paths) {
      const gathered: Gathered = gather({ seed, nodes: 2 + (seed % 5), paths: path }, openActor);
      const { recovery, repeated } = gathered;
      if (recovery > 60 || repeated > 0) failed.push(`${seed} ${path} ${recovery} ${repeated}`);
    }
  expect(failed).toEqual([]);
});
