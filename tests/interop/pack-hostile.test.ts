/**
 * Packs that Mallory sends, through the real receive path on a thread of its own: each is refused whole, for what is
 * wrong with it, in bounded time and memory, or is one that git accepts too.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { indexByGit, makeGit } from "./pack-git.ts";
import { accepted, refused } from "./pack-table.ts";
import { expectBounded, openPackThread, type Outcome, type PackThread } from "./pack-thread.ts";

const judge = makeGit();
let thread: PackThread;
beforeAll(async () => {
  thread = await openPackThread();
});
afterAll(async () => {
  judge[Symbol.dispose]();
  await thread.close();
});

const patienceMillis = 120_000;

let most = { cpuMillis: 0, grownBytes: 0 };

function expectMeasured(outcome: Outcome): void {
  expectBounded(outcome);
  most = {
    cpuMillis: Math.max(most.cpuMillis, outcome.cpuMillis),
    grownBytes: Math.max(most.grownBytes, outcome.grownBytes),
  };
}

describe("Mallory's pack is refused, and nothing of it is kept:", () => {
  test.each(refused)(
    "%s",
    async (_, fault, make) => {
      const received = await thread.receive(make());
      expect(received).toMatchObject({ kind: "refused", files: 0, fault });
      expectMeasured(received);
    },
    patienceMillis,
  );
});

describe("a pack that is only odd is accepted, as git does:", () => {
  test.each(accepted)(
    "%s",
    async (name, make) => {
      const pack = make();
      const received = await thread.receive(pack);
      expect(received).toMatchObject({ kind: "kept", files: name.startsWith("08") ? 0 : 2 });
      expectMeasured(received);
      expect(indexByGit(judge, pack).idx).toBeDefined();
    },
    patienceMillis,
  );
});

test("what was measured is what receiving takes", () => {
  expect(most.cpuMillis).toBeGreaterThan(0);
  // The largest is of several megabytes, and is held.
  expect(most.grownBytes).toBeGreaterThan(2 ** 20);
  process.stdout.write(
    `${refused.length + accepted.length} packs: at most ${most.cpuMillis.toFixed(0)} ms of a processor each, and ${(most.grownBytes / 2 ** 20).toFixed(0)} MiB in all\n`,
  );
});
