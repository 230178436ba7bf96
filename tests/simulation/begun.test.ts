/** Repositories that were begun and never became one. */

import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { haveAccount } from "./main-job.ts";
import { foundWorld } from "./peer-world.ts";

test.for([0, 1, 2, 3, 4, 5, 6])(
  "a tab that is killed after %i writes of a new repository has it whole when it is opened again, or nothing of it",
  async (writes) => {
    await using world = await foundWorld({ seed: 1, weather: calm });
    const alice = world.node("alice");
    await haveAccount(world, alice);
    alice.dieAfterWrites(writes);
    void alice.ask("new-repository", { name: "notes", files: [] });
    await world.pass(1_000);
    await alice.kill();
    await alice.start();
    const found = alice.repository("notes");
    expect(alice.stored()).toHaveLength(found === undefined ? 0 : 1);
    expect(found === undefined || found.branches.length === 1).toBe(true);
    await alice.ask("new-repository", { name: "other", files: [] });
    expect(alice.tip("other")).toMatch(/^[0-9a-f]{40}$/u);
  },
);
