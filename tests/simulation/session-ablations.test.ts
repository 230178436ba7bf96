/** What each rule of the sessions is good for: the same storms without it. The table stands in docs/ablations.md. */

import { expect, test } from "vitest";
import { machineForm, type Ablation } from "./session-actor.ts";
import { isKilled, secondsOf } from "./session-seeds.ts";
import { weather } from "./session-storm.ts";

/** `node scripts/storms.mjs ablations --seeds 2000` prints the table for as many storms. */
const asked = process.env["SEEDS"];
const storms = Number(asked ?? 250);

const ablations: ReadonlyArray<readonly [rule: string, ablation: Ablation]> = [
  ["nothing: all ten rules", {}],
  ["the rule of who wins, as in 2004: whoever greets keeps its own greeting", { keepsOwn: true }],
  ["STALE: nobody says that a stamp is not newer", { noStale: true }],
  ["key confirmation: a new session is used at once", { noConfirmation: true }],
  ["the silence timer: whoever hears nothing goes on sending", { noSilenceTimer: true }],
  ["the greeting for a packet of an unknown session", { noNudge: true }],
  ["stamps: a replayed greeting is answered", { noStamps: true }],
  ["the replay window: a packet is opened as often as it comes", { noWindow: true }],
];

interface Row {
  readonly rule: string;
  readonly killed: number;
  readonly dead: number;
  readonly wrong: number;
  readonly seconds: string;
}

const rows: ReadonlyArray<Row> = ablations.map(([rule, ablation]) => {
  const all = Array.from({ length: storms }, (_, index) =>
    weather({ seed: index + 1 }, machineForm(ablation)),
  );
  return {
    rule,
    killed: all.filter(isKilled).length,
    dead: all.filter(({ recovery }) => recovery > 60).length,
    wrong: all.filter(({ wrongs }) => wrongs.length > 0).length,
    seconds: secondsOf(all, 0.99),
  };
});

function page(): string {
  const lines = rows.map(
    ({ rule, killed, dead, wrong, seconds }) =>
      `| ${rule} | ${killed} | ${dead} | ${wrong} | ${seconds} |`,
  );
  return `# What each rule of the sessions is good for

Drawn by \`pnpm exec vitest run tests/simulation/session-ablations.test.ts -u\`. The same ${storms} storms
([session-storm.ts](../tests/simulation/session-storm.ts)) over two to six nodes, a relay, direct channels or both. For a
minute a quarter of all packets is lost, a fifth doubled, and all are reordered by up to 2.5 seconds. Any of the nodes and
the relay restart, alone or together: they sleep and go on, keep what is on their disk or lose whom they knew, come back from
an older copy of their disk or of their memory, with clocks that are wrong by up to ten years. Mallory drops what she
chooses, replays anything ever seen, also in answer to a greeting, bends packets and makes them up, and goes on doing so
in the calm that follows.

*Killed* is a storm after which a rule of the house was broken: *dead*, if some pair of nodes did not hear what it said
after the last fault within 60 seconds of it; *wrong*, if something was heard twice or was never said, a forged packet
made or ended a session, a session ended or a message was lost in the calm, or a queue outgrew its bound; or if somebody
heard nothing for 30 seconds of the calm.

| without | killed | dead | wrong | seconds to recover, 99 of 100 |
|---|---|---|---|---|
${lines.join("\n")}

The rules cover for each other: where a row harms little, another rule does its work, later.
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
  const [whole, of2004, noStale] = rows.map(({ killed }) => killed);
  expect(whole).toBe(0);
  expect(of2004).toBeGreaterThan(storms / 4);
  expect(noStale).toBeGreaterThan(storms / 10);
});

test("A14: doing without key confirmation, the silence timer, stamps or the replay window kills sessions, too", () => {
  const kills = [3, 4, 6, 7].map((index) => rows[index]?.killed ?? 0);
  expect(kills.filter((killed) => killed === 0)).toEqual([]);
});
