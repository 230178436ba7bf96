/** Packs that are read while they arrive: what is broken off leaves nothing, and what goes on goes on where it was. */

import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";

interface Pair extends AsyncDisposable {
  readonly world: World;
  readonly alice: SimulatedNode;
  readonly bob: SimulatedNode;
}

/** Alice has committed 5 MB that Bob has heard of, and his copy of them is under way, half of it here. */
async function halfWay(seed: number, sliceBytesMax?: number): Promise<Pair> {
  const world = await foundWorld({ seed, weather: calm, direct: false });
  const [alice, bob] = [world.node("alice"), world.node("bob")];
  const words = await haveAccount(world, alice);
  const { id } = await alice.ask("new-repository", { name: "notes", files: [] });
  if (sliceBytesMax !== undefined) {
    await bob.stop();
    bob.copyInSlices(sliceBytesMax);
    await bob.start();
  }
  await signIn(world, bob, words);
  await approve(world, alice, bob);
  await world.until("the copy", () => bob.tip("notes") === alice.tip("notes"));
  const changes = Array.from(
    { length: sliceBytesMax === undefined ? 1 : 10 },
    (_, at, all = 10) => ({
      path: `large ${at}`,
      kind: "write" as const,
      bytes: world.simulation.bytes(sliceBytesMax === undefined ? 5_000_000 : 5_000_000 / all),
    }),
  );
  const onto = alice.tip("notes") ?? "";
  await alice.ask("commit", { id, branch: "main", onto, message: "Large", changes });
  await world.until("half of it", () => shareOf(bob) > 0.4);
  expect(shareOf(bob)).toBeLessThan(0.9);
  return { world, alice, bob, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

function shareOf(node: SimulatedNode): number {
  return node.views.tasks.find(({ phase }) => phase === "Receiving")?.share ?? 0;
}

async function packsOf(node: SimulatedNode): Promise<ReadonlyArray<string>> {
  const names = await Promise.all(
    node.stored().map((disk) => node.disk(disk).list("objects/pack")),
  );
  return names.flat();
}

test("a copy that loses its path for a while goes on where it was", async () => {
  await using pair = await halfWay(51);
  const { world, alice, bob } = pair;
  const had = shareOf(bob);
  world.simulation.partition(["bob"], ["rita", "alice"]);
  await world.pass(3_000);
  world.simulation.partition();
  let least = 1;
  await world.until("the rest", () => {
    least = Math.min(least, shareOf(bob) || 1);
    return bob.tip("notes") === alice.tip("notes");
  });
  expect(least).toBeGreaterThanOrEqual(had);
  expect([...alice.bugs, ...bob.bugs]).toEqual([]);
});

test("a copy that ends with its tab leaves nothing, and comes whole the next time", async () => {
  await using pair = await halfWay(52);
  const { world, alice, bob } = pair;
  const before = await packsOf(bob);
  await bob.kill();
  await world.pass(1_000);
  expect(await packsOf(bob)).toEqual(before);
  await bob.start();
  await world.until("all of it", () => bob.tip("notes") === alice.tip("notes"), 120_000);
  expect((await packsOf(bob)).length).toBeGreaterThan(before.length);
  expect([...alice.bugs, ...bob.bugs]).toEqual([]);
});

test("a copy in slices that ends with its tab goes on from those that came", async () => {
  await using pair = await halfWay(54, 700_000);
  const { world, alice, bob } = pair;
  const had = shareOf(bob);
  await bob.kill();
  const before = await packsOf(bob);
  expect(before.length).toBeGreaterThan(4);
  await bob.start();
  await world.until("the next of it", () => shareOf(bob) > 0, 120_000);
  // What it was in the middle of comes again.
  expect(shareOf(bob)).toBeGreaterThan(had - 0.2);
  await world.until("all of it", () => bob.tip("notes") === alice.tip("notes"), 120_000);
  expect([...alice.bugs, ...bob.bugs]).toEqual([]);
});

test("when Alice goes in the middle, what came of hers is let go of", async () => {
  await using pair = await halfWay(53);
  const { world, alice, bob } = pair;
  const before = await packsOf(bob);
  await alice.kill();
  await world.until("its end", () => bob.views.tasks.length === 0, 300_000);
  expect(await packsOf(bob)).toEqual(before);
  await alice.start();
  await world.until("all of it", () => bob.tip("notes") === alice.tip("notes"), 120_000);
  expect([...alice.bugs, ...bob.bugs]).toEqual([]);
});
