/** What each rule of the sessions is good for: the same storms without it. The table stands in docs/ablations.md. */

import { expect, test } from "vitest";
import { openActor, type Ablation } from "./session-actor.ts";
import { weather } from "./session-storm.ts";

/** `SEEDS=2000 pnpm exec vitest run tests/simulation/session-ablations.test.ts` prints the table for as many storms. */
const asked = process.env["SEEDS"];
const storms = Number(asked ?? 250);

const ablations: ReadonlyArray<readonly [rule: string, ablation: Ablation]> = [
  ["all ten rules", {}],
  ["the rule of 2004: whoever greets keeps its own greeting", { keepsOwn: true }],
  ["no STALE: nobody says that a stamp is not newer", { noStale: true }],
  ["no key confirmation: a new session is used at once", { noConfirmation: true }],
  ["no silence timer: whoever hears nothing goes on sending", { noSilenceTimer: true }],
  ["no greeting for a packet of an unknown session", { noNudge: true }],
  ["no stamps: a replayed greeting is answered", { noStamps: true }],
];

interface Row {
  readonly rule: string;
  readonly dead: number;
  readonly parted: number;
  readonly repeated: number;
  readonly seconds: string;
  /** In the quiet storm: not heard within 30 seconds, or not for 30 seconds later. */
  readonly lost: number;
}

function weatherAll(rule: string, ablation: Ablation): Row {
  const all = Array.from({ length: storms }, (_, index) =>
    weather({ seed: index + 1 }, (around) => openActor(around, ablation)),
  );
  // Only Alice talks, and whoever restarts has forgotten whom it knew: nobody is there to greet but Alice.
  const quiet = Array.from({ length: storms }, (_, index) =>
    weather({ seed: index + 1, talkers: ["alice"] }, (around) =>
      openActor(around, { ...ablation, noNudge: true }),
    ),
  );
  const recoveries = all.map(({ recovery }) => recovery).toSorted((a, b) => a - b);
  const late = recoveries[Math.floor(0.99 * recoveries.length)] ?? 0;
  return {
    rule,
    dead: all.filter(({ recovery }) => recovery > 60).length,
    parted: all.filter(({ recovery, silence }) => recovery <= 60 && silence > 15).length,
    repeated: all.reduce((sum, { repeated }) => sum + repeated, 0),
    seconds: secondsOf(late),
    lost: quiet.filter(({ recovery, silence }) => recovery > 30 || silence > 30).length,
  };
}

function secondsOf(recovery: number): string {
  return Number.isFinite(recovery) ? recovery.toFixed(1) : "never";
}

const rows = ablations.map(([rule, ablation]) => weatherAll(rule, ablation));

function page(): string {
  const lines = rows.map(
    ({ rule, dead, parted, repeated, seconds, lost }) =>
      `| ${rule} | ${dead} | ${parted} | ${repeated} | ${seconds} | ${lost} |`,
  );
  return `# What each rule of the sessions is good for

Drawn by \`pnpm exec vitest run tests/simulation/session-ablations.test.ts -u\`. The same ${storms} storms
([session-storm.ts](../tests/simulation/session-storm.ts)) over two nodes: a quarter of all packets lost, a fifth doubled,
reordered by up to 2.5 seconds, restarts, clocks wrong by up to ten years that jump, and Mallory, who replays anything ever
seen, also in the calm that follows.

*Dead*: not both heard the other within 60 seconds of calm. *Parted*: later one heard nothing for more than 15 seconds.
*Lost in the quiet*: a second storm, in which only Alice talks and whoever restarts has forgotten whom it knew; Bob heard
nothing for 30 seconds of calm.

| without | dead | parted | heard twice | seconds to recover, 99 of 100 | lost in the quiet |
|---|---|---|---|---|---|
${lines.join("\n")}

The rules cover for each other: where one of the last two rows harms little, another rule does its work, later.
`;
}

// Asked for by a person, on a terminal.
if (asked !== undefined) process.stdout.write(page());

test.runIf(asked === undefined)(
  "the table of what each rule is good for is as it stands in the documentation (-u writes it anew)",
  async () => {
    await expect(page()).toMatchFileSnapshot("../../docs/ablations.md");
  },
);

test("A13: with all rules no storm kills a session; the rule of 2004, and doing without STALE, kill many", () => {
  const [whole, of2004, noStale] = rows.map(({ dead }) => dead);
  expect(whole).toBe(0);
  expect(of2004).toBeGreaterThan(storms / 4);
  expect(noStale).toBeGreaterThan(storms / 50);
});

test("A14: doing without key confirmation or the silence timer parts nodes that all rules keep together", () => {
  const harmOf = (index: number): number => {
    const row = rows[index];
    return (row?.dead ?? 0) + (row?.parted ?? 0) + (row?.repeated ?? 0) + (row?.lost ?? 0);
  };
  expect(harmOf(0)).toBe(0);
  expect([harmOf(3), harmOf(4)].filter((harm) => harm < storms / 20)).toEqual([]);
});
