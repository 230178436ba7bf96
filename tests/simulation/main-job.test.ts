/** The main job in a simulated world: sign up, sign in, be approved, replicate, through weather, restarts and partitions. */

import { calm } from "@skein/testkit/weather";
import { describe, expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld } from "./peer-world.ts";

describe("in calm weather", () => {
  test("a repository is on the second device within seconds, read-only, and writable once approved", async () => {
    await using world = await foundWorld({ seed: 1, weather: calm });
    const alice = world.node("alice");
    const words = await haveAccount(world, alice);
    const { id } = await alice.ask("new-repository", { name: "notes", files: [] });
    const phone = world.node("phone");
    await signIn(world, phone, words);
    await world.until("the copy", () => phone.tip("notes") === alice.tip("notes"), 10_000);
    expect(phone.views.account).toMatchObject({ phase: "open", role: "read-only" });
    await expect(phone.commit("notes", "a.txt", "no")).rejects.toThrow("read_only");
    await approve(world, alice, phone);
    const oid = await phone.commit("notes", "a.txt", "from the phone");
    await world.until("the commit", () => alice.tip("notes") === oid, 10_000);
    expect(alice.repository("notes")?.id).toBe(id);
    expect([...alice.bugs, ...phone.bugs]).toEqual([]);
  });
});
