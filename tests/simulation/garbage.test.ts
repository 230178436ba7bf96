/** Space that is freed: whatever a person has, had within 90 days it was used, or has begun is there afterwards, whatever goes on meanwhile. */

import { parseCommit, parseTree, type GitObject } from "@skein/git/object";
import { openRepository, type Repository } from "@skein/git/repository";
import { formatUtf8 } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";

/** All that can be reached from what refs name or named lately, and from `tips`, is on the disk. Answers how many objects. */
async function lookThrough(
  node: SimulatedNode,
  id: string,
  { tips = [] }: { tips?: ReadonlyArray<string> } = {},
): Promise<number> {
  const git = await opened(node, id);
  const roots = [...(await git.refs()).values()];
  for (const { from, to } of await git.refMoves())
    roots.push(...[from, to].filter((oid) => oid !== undefined));
  const pending = [...roots, ...(tips as ReadonlyArray<ObjectId>)];
  const seen = new Set<ObjectId>();
  for (let oid = pending.pop(); oid !== undefined; oid = pending.pop()) {
    if (seen.has(oid)) continue;
    seen.add(oid);
    const object = await git.objects.read(oid);
    expect(object, `${oid} on ${node.name}'s disk`).toBeDefined();
    pending.push(...(object === undefined ? [] : linksOf(object)));
  }
  return seen.size;
}

function linksOf({ type, bytes }: GitObject): ReadonlyArray<ObjectId> {
  if (type === "tree") return (parseTree(bytes) ?? []).map(({ oid }) => oid);
  const commit = type === "commit" ? parseCommit(bytes) : undefined;
  return commit === undefined ? [] : [commit.tree, ...commit.parents];
}

function opened(node: SimulatedNode, id: string): Promise<Repository> {
  return openRepository({ files: node.disk(id) });
}

async function alone(world: World): Promise<{ alice: SimulatedNode; id: string }> {
  const alice = world.node("alice");
  await haveAccount(world, alice);
  const { id } = await alice.ask("new-repository", { name: "notes", files: [] });
  return { alice, id };
}

test("a branch that was deleted can be had back for 90 days in which Alice was here, and takes no room after that", async () => {
  await using world = await foundWorld({ seed: 1, weather: calm });
  const { alice, id } = await alone(world);
  const { oid, back } = await deleteLarge(world, alice, id);
  expect(await alice.ask("free-space", {})).toEqual({ bytes: 0, busy: 0 });
  await alice.ask("undo", back);
  expect(alice.tip("notes", "try")).toBe(oid);
  await alice.ask("delete-branch", { id, name: "try" });
  for (let weeks = 1; weeks <= 12; weeks++) {
    await startLater(alice, weeks * 7);
    expect(await alice.ask("free-space", {})).toEqual({ bytes: 0, busy: 0 });
  }
  await startLater(alice, 13 * 7);
  const { bytes: freed } = await alice.ask("free-space", {});
  expect(freed).toBeGreaterThan(20_000);
  expect(await (await opened(alice, id)).objects.has(oid)).toBe(false);
  await expect(alice.ask("undo", back)).rejects.toThrow("not_there");
  await lookThrough(alice, id);
  expect(alice.bugs).toEqual([]);
});

test("a clock that jumps ahead by years takes nothing that could be undone", async () => {
  await using world = await foundWorld({ seed: 4, weather: calm });
  const { alice, id } = await alone(world);
  const { oid, back } = await deleteLarge(world, alice, id);
  for (const days of [3_650, 3_651, 0, 20_000]) {
    await startLater(alice, days);
    expect(await alice.ask("free-space", {})).toEqual({ bytes: 0, busy: 0 });
    await alice.commit("notes", `${days}.txt`, "text");
    await lookThrough(alice, id);
  }
  await alice.ask("undo", back);
  expect(alice.tip("notes", "try")).toBe(oid);
  expect(alice.bugs).toEqual([]);
});

test("what can no longer be undone to goes by itself, also where nothing else is done", async () => {
  await using world = await foundWorld({ seed: 5, weather: calm });
  const { alice, id } = await alone(world);
  const { oid } = await deleteLarge(world, alice, id, 2_000_000);
  const isHere = async (): Promise<boolean> => (await opened(alice, id)).objects.has(oid);
  for (let weeks = 1; weeks <= 13; weeks++) {
    expect(await isHere()).toBe(true);
    await startLater(alice, weeks * 7);
    await world.pass(11 * 60_000);
  }
  expect(await isHere()).toBe(false);
  await lookThrough(alice, id);
});

/** A commit that only a branch had which is gone, and how to have it back. */
async function deleteLarge(world: World, alice: SimulatedNode, id: string, size = 100_000) {
  await alice.ask("new-branch", { id, name: "try", from: alice.tip("notes") ?? "" });
  const onto = alice.tip("notes", "try") ?? "";
  const changes = [{ path: "large", kind: "write", bytes: world.simulation.bytes(size) }] as const;
  const large = { id, branch: "try", onto, message: "Large", changes };
  const oid = (await alice.ask("commit", large)).oid as ObjectId;
  await alice.ask("delete-branch", { id, name: "try" });
  return { oid, back: { id, kind: "branch", name: "try", from: undefined, to: oid } as const };
}

/** By Alice's clock, which counts from the beginning of the world. */
async function startLater(alice: SimulatedNode, days: number): Promise<void> {
  await alice.kill();
  alice.setClockWrong(days * day);
  await alice.start();
}

test("what was stored and never named goes by itself once it is quiet", async () => {
  await using world = await foundWorld({ seed: 2, weather: calm });
  const { alice, id } = await alone(world);
  const git = await opened(alice, id);
  await alice.kill();
  const blob = world.simulation.bytes(2_000_000);
  const [stray] = await git.objects.objectsToPack([{ type: "blob", bytes: blob }], { signal });
  if (stray === undefined) throw new Error("it was stored");
  await alice.start();
  await alice.commit("notes", "a.txt", "one");
  await world.pass(5 * 60_000);
  expect(await (await opened(alice, id)).objects.has(stray)).toBe(true);
  await world.pass(6 * 60_000);
  expect(await (await opened(alice, id)).objects.has(stray)).toBe(false);
  await lookThrough(alice, id);
});

test("nothing acknowledged, undoable or begun is lost, whatever is done while space is freed", async () => {
  let frees = 0;
  for (let seed = 10; seed < 16; seed++) frees += await stormAlone(seed);
  expect(frees).toBeGreaterThan(20);
}, 120_000);

/** Alice does many things at once, and her tab dies in the middle now and then. */
async function stormAlone(seed: number): Promise<number> {
  await using world = await foundWorld({ seed, weather: calm });
  const { simulation } = world;
  const roll = (sides: number): number => simulation.between(0, sides - 1);
  const { alice, id } = await alone(world);
  const acknowledged: string[] = [];
  let frees = 0;
  const act = async (): Promise<void> => {
    const main = alice.tip("notes") ?? "";
    const name = `b${roll(4)}`;
    const tip = alice.tip("notes", name);
    const moves = await alice.ask("ref-moves", { id, limit: 50 });
    const move = simulation.pick(moves.moves);
    const bytes = formatUtf8(`${roll(1_000)}\n`.repeat(50));
    const changes = [{ path: `f${roll(3)}`, kind: "write", bytes }] as const;
    switch (roll(6)) {
      case 0:
        frees += 1;
        return void (await alice.ask("free-space", {}));
      case 1:
        return alice.ask("new-branch", { id, name, from: main });
      case 2:
        return alice.ask("delete-branch", { id, name });
      case 3:
        return alice.ask("undo", { id, ...move, from: move.to?.oid, to: move.from?.oid });
      case 4:
        if (tip === undefined) return undefined;
        return alice.ask("write-draft", {
          id,
          branch: name,
          draft: { onto: tip, message: "", changes },
        });
      default: {
        const ask = { id, branch: name, onto: tip ?? "", message: "Change", changes };
        acknowledged.push((await alice.ask("commit", ask)).oid);
      }
    }
  };
  for (let round = 0; round < 12; round++) {
    if (roll(3) === 0) alice.dieAfterWrites(roll(12));
    // Most are refused for what others do at the same moment; those that are not must last.
    const acts = Array.from({ length: 8 }, () => act().catch(() => undefined));
    await Promise.race([Promise.all(acts), world.pass(5_000)]);
    await alice.kill();
    await alice.start();
    await lookThrough(alice, id, { tips: acknowledged });
  }
  expect(alice.bugs).toEqual([]);
  return frees;
}

test("another node's work arrives and is passed on while space is freed", async () => {
  await using world = await foundWorld({ seed: 3, weather: calm });
  const [alice, bob] = [world.node("alice"), world.node("bob")];
  const words = await haveAccount(world, alice);
  const { id } = await alice.ask("new-repository", { name: "notes", files: [] });
  await signIn(world, bob, words);
  await approve(world, alice, bob);
  await world.until("the copy", () => bob.tip("notes") === alice.tip("notes"));
  for (let round = 0; round < 10; round++) {
    await alice.commit("notes", `f${round}.txt`, "text\n".repeat(2_000 * round));
    const freeing: Array<Promise<unknown>> = [];
    for (let turn = 0; turn < 10; turn++) {
      freeing.push(bob.ask("free-space", {}), alice.ask("free-space", {}));
      await world.pass(20);
    }
    await Promise.all(freeing);
    await world.until("the commit", () => bob.tip("notes") === alice.tip("notes"));
    await lookThrough(bob, id);
  }
  expect([...alice.bugs, ...bob.bugs]).toEqual([]);
});

const day = 24 * 60 * 60 * 1_000;
const signal = new AbortController().signal;
