/** A node's own stream of ref records in a simulated world: restored from a copy, and in two places at once. */

import { explainFile } from "@skein/auth/explain";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";

const minuteMillis = 60_000;

test("A15: a device restored from an old copy has again what it had signed since, and never signs a number twice", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm, direct: false });
  const { alice, phone } = await haveTwo(world);
  await alice.commit("notes", "one.txt", "before the copy");
  await same(world, alice, phone);
  const copy = alice.snapshot();
  const since = await alice.commit("notes", "two.txt", "after the copy");
  await world.until("the copy", () => phone.tip("notes") === since);
  await alice.kill();
  alice.restore(copy);
  await alice.start();
  await world.until("having again what it had", () => alice.tip("notes") === since);
  const next = await alice.commit("notes", "three.txt", "going on");
  await world.until("going on", () => phone.tip("notes") === next);
  await world.pass(11 * minuteMillis);
  expect(standingOf(phone, alice)).toBe("fresh");
});

test("A15: what a restored device commits before it meets anybody stands beside what it had signed before", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm, direct: false });
  const { alice, phone } = await haveTwo(world);
  const copy = alice.snapshot();
  const since = await alice.commit("notes", "two.txt", "after the copy");
  await world.until("the copy", () => phone.tip("notes") === since);
  await alice.kill();
  alice.restore(copy);
  await alice.start();
  const meanwhile = await alice.commit("notes", "other.txt", "written before it met anybody");
  await world.until("both on both", () =>
    [alice, phone].every((node) => {
      const seen = node.repository("notes");
      const theirs = seen?.remotes.flatMap(({ branches }) => branches) ?? [];
      const oids = new Set([...(seen?.branches ?? []), ...theirs].map(({ oid }) => oid));
      return oids.has(since) && oids.has(meanwhile);
    }),
  );
  await world.pass(11 * minuteMillis);
  expect(standingOf(phone, alice)).toBe("fresh");
  const next = await alice.commit("notes", "three.txt", "going on");
  await world.until("going on", () =>
    (phone.repository("notes")?.remotes ?? []).some(({ branches }) =>
      branches.some(({ oid }) => oid === next),
    ),
  );
});

test("A15: a copied profile that forked stops signing as soon as it meets who saw the other one, and says why", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm, direct: false });
  const { alice, phone } = await haveTwo(world);
  const copy = alice.snapshot();
  const [mine, copied] = [world.node("alice"), world.node("copy of alice")];
  // The copy signs, and gives what it signed to nobody but the tablet, which then goes away.
  await mine.commit("notes", "mine.txt", "on the first");
  await same(world, mine, phone);
  await mine.kill();
  await phone.kill();
  copied.restore(copy);
  await copied.start();
  const tablet = world.node("tablet");
  await signIn(world, tablet, words);
  await world.until("the repository", () => tablet.tip("notes") !== undefined);
  const other = await copied.commit("notes", "other.txt", "on the copy");
  await world.until("the tablet having it", () => tablet.tip("notes") === other);
  await phone.start();
  await world.until("a stop", () =>
    copied.views.notices.some(({ what }) => what.includes("keys are in two places")),
  );
  await expect(copied.commit("notes", "more.txt", "more")).rejects.toThrow("two_places");
  await world.until("the fork being seen", () => standingOf(phone, copied) === "forked");
  const { proofs } = await copied.ask("proofs", {});
  const repository = copied.repository("notes")?.id;
  expect(proofs).toEqual([
    { node: nodeOf(copied), nodeName: "alice", repository, number: 2, file: expect.any(Blob) },
  ]);
  expect(await explain(proofs[0]?.file)).toContain("two different ref records with number 2");
  expect(await explain((await copied.ask("log-file", {})).file)).toContain("Members (2)");
  // The verdict outlives the programs of all who know it, the convicted one included.
  await world.until("the tablet seeing it too", () => standingOf(tablet, copied) === "forked");
  for (const node of [copied, phone, tablet]) {
    await node.kill();
    await node.start();
  }
  await world.until("being back", () =>
    [phone, tablet].every((node) => standingOf(node, copied) !== undefined),
  );
  await expect(copied.commit("notes", "more.txt", "more")).rejects.toThrow("two_places");
  expect(copied.views.notices.some(({ what }) => what.includes("keys are in two places"))).toBe(
    true,
  );
  await world.pass(2 * minuteMillis);
  expect([phone, tablet].map((node) => standingOf(node, copied))).toEqual(["forked", "forked"]);
});

let words = "";

async function haveTwo(
  world: World,
): Promise<{ readonly alice: SimulatedNode; readonly phone: SimulatedNode }> {
  const alice = world.node("alice");
  words = await haveAccount(world, alice);
  await alice.ask("new-repository", { name: "notes", files: [] });
  const phone = world.node("phone");
  await signIn(world, phone, words);
  await approve(world, alice, phone);
  await same(world, alice, phone);
  await world.pass(5_000);
  return { alice, phone };
}

function same(world: World, one: SimulatedNode, other: SimulatedNode): Promise<void> {
  return world.until("the same tip", () => one.tip("notes") === other.tip("notes"));
}

function standingOf(at: SimulatedNode, of: SimulatedNode): string | undefined {
  const node = nodeOf(of);
  return at.repository("notes")?.remotes.find((remote) => remote.node === node)?.standing;
}

function nodeOf({ views: { account } }: SimulatedNode): string | undefined {
  return account.phase === "open" ? account.node : undefined;
}

async function explain(file: Blob | undefined): Promise<string> {
  const told = await explainFile(new Uint8Array((await file?.arrayBuffer()) ?? []));
  return told?.join("\n") ?? "";
}
