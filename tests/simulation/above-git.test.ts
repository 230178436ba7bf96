/** What people do on top of commits, at two whole peers: resolving, undoing, picking, deleting, and taking off a device. */

import { openRepository } from "@skein/git/repository";
import { parseRefName } from "@skein/protocol/ids";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { approve, haveAccount, signIn } from "./main-job.ts";
import { foundWorld, type SimulatedNode, type World } from "./peer-world.ts";

interface Pair extends AsyncDisposable {
  readonly world: World;
  readonly alice: SimulatedNode;
  readonly bob: SimulatedNode;
  readonly id: string;
}

/** Alice and Bob are both writers and hold the same notes. */
async function meet(seed: number): Promise<Pair> {
  const world = await foundWorld({ seed, weather: calm });
  const [alice, bob] = [world.node("alice"), world.node("bob")];
  const words = await haveAccount(world, alice);
  const { id } = await alice.ask("new-repository", { name: "notes", files: [] });
  await signIn(world, bob, words);
  await approve(world, alice, bob);
  await world.until("the copy", () => bob.tip("notes") === alice.tip("notes"));
  return { world, alice, bob, id, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

/** Both write the same line while they do not see each other. */
async function diverge({ world, alice, bob }: Pair, path = "plan.txt"): Promise<void> {
  await alice.commit("notes", path, "one\ntwo\nthree\n");
  await world.until("the plan", () => bob.tip("notes") === alice.tip("notes"));
  world.simulation.partition(["alice"], ["rita", "bob"]);
  await alice.commit("notes", path, "one\nby Alice\nthree\n");
  await bob.commit("notes", path, "one\nby Bob\nthree\n");
  world.simulation.partition();
  await world.until("the divergence", () => theirs(alice, "bob")?.relation === "diverged", 120_000);
  await world.until("it there too", () => theirs(bob, "alice")?.relation === "diverged", 120_000);
}

function theirs(
  node: SimulatedNode,
  other: string,
  branch = "main",
): { readonly oid: string; readonly relation: string } | undefined {
  const remote = node.repository("notes")?.remotes.find(({ nodeName }) => nodeName === other);
  return remote?.branches.find(({ name }) => name === branch);
}

async function textAt(node: SimulatedNode, id: string, path: string): Promise<string> {
  const commit = node.tip("notes") ?? "";
  const { bytes } = await node.ask("read-file", { id, commit, path });
  return new TextDecoder().decode(bytes);
}

function noBugs({ alice, bob }: Pair): void {
  expect([...alice.bugs, ...bob.bugs]).toEqual([]);
}

test("a conflict is shown as hunks, changes nothing until it is merged by choice, and then both agree", async () => {
  await using pair = await meet(31);
  const { world, alice, bob, id } = pair;
  await diverge(pair);
  const [ours, other] = [alice.tip("notes") ?? "", theirs(alice, "bob")?.oid ?? ""];
  const found = await alice.ask("conflicts", { id, ours, theirs: other });
  expect(found.conflicts).toEqual([
    {
      path: "plan.txt",
      reason: "text",
      hasBase: true,
      hasOurs: true,
      hasTheirs: true,
      hunks: [
        { kind: "merged", text: "one\n" },
        { kind: "conflict", base: "two\n", ours: "by Alice\n", theirs: "by Bob\n" },
        { kind: "merged", text: "three\n" },
      ],
    },
  ]);
  expect(alice.tip("notes")).toBe(ours);
  const asked = { id, branch: "main", ours, theirs: other };
  await expect(alice.ask("merge-resolved", { ...asked, resolutions: [] })).resolves.toMatchObject({
    kind: "conflict",
  });
  const stale = { ...asked, ours: other, resolutions: [] };
  await expect(alice.ask("merge-resolved", stale)).rejects.toThrow("tip_moved");
  const merged = await alice.ask("merge-resolved", {
    ...asked,
    resolutions: [{ path: "plan.txt", take: "hunks", hunks: [{ text: "by both\n" }] }],
  });
  expect(merged.kind).toBe("merged");
  await world.until("agreement", () => bob.tip("notes") === alice.tip("notes"));
  expect(await textAt(bob, id, "plan.txt")).toBe("one\nby both\nthree\n");
  const { lines, commits } = await bob.ask("blame", {
    id,
    commit: bob.tip("notes") ?? "",
    path: "plan.txt",
  });
  const authors = new Map(commits.map(({ oid, parents }) => [oid, parents.length]));
  expect(lines.map(({ line, commit }) => [line, authors.get(commit)])).toEqual([
    [1, 1],
    [2, 2],
    [3, 1],
  ]);
  noBugs(pair);
});

test("a branch that Alice deleted stays deleted at hers and stays at Bob's, and undo brings it back", async () => {
  await using pair = await meet(32);
  const { world, alice, bob, id } = pair;
  const from = alice.tip("notes") ?? "";
  await alice.ask("new-branch", { id, name: "idea", from });
  await world.until("the branch at Bob's", () => bob.tip("notes", "idea") === from);
  await alice.ask("delete-branch", { id, name: "idea" });
  await world.until("its end in Bob's view", () => theirs(bob, "alice", "idea") === undefined);
  await bob.commit("notes", "b.txt", "Bob goes on");
  await world.until("his commit", () => alice.tip("notes") === bob.tip("notes"));
  expect(alice.tip("notes", "idea")).toBeUndefined();
  expect(theirs(alice, "bob", "idea")).toMatchObject({ oid: from, relation: "only-there" });
  expect(bob.tip("notes", "idea")).toBe(from);
  const { moves } = await alice.ask("ref-moves", { id, limit: 10 });
  const gone = moves.find(({ name }) => name === "idea");
  expect(gone).toMatchObject({
    kind: "branch",
    to: undefined,
    from: { oid: from, title: "Begin" },
  });
  await alice.ask("undo", { id, kind: "branch", name: "idea", to: gone?.from?.oid });
  expect(alice.tip("notes", "idea")).toBe(from);
  await world.until("it in Bob's view", () => theirs(bob, "alice", "idea")?.relation === "same");
  await expect(alice.ask("delete-branch", { id, name: "main" })).rejects.toThrow("branch_in_use");
  noBugs(pair);
});

test("what moves at Alice's because Bob moved it is told apart from what she moves herself", async () => {
  await using pair = await meet(32);
  const { world, alice, bob, id } = pair;
  await bob.commit("notes", "b.txt", "Bob goes on");
  await world.until("his commit", () => alice.tip("notes") === bob.tip("notes"));
  await alice.commit("notes", "a.txt", "Alice goes on");
  const git = await openRepository({ files: alice.disk(id) });
  const [own, his] = await git.refMoves({ ref: parseRefName("refs/heads/main"), limit: 2 });
  expect(own).toMatchObject({ to: alice.tip("notes") });
  expect(own?.followed).toBeUndefined();
  expect(his).toMatchObject({ to: bob.tip("notes"), followed: true });
  noBugs(pair);
});

test("what Alice took back is not put back by Bob's word about something else, only by what he builds on it", async () => {
  await using pair = await meet(33);
  const { world, alice, bob, id } = pair;
  const before = alice.tip("notes") ?? "";
  const after = await alice.commit("notes", "a.txt", "a mistake");
  await world.until("the mistake at Bob's", () => bob.tip("notes") === after);
  await alice.ask("undo", { id, kind: "branch", name: "main", from: after, to: before });
  await bob.ask("new-tag", { id, name: "v1", commit: before });
  await world.until("Bob's tag", () => alice.repository("notes")?.tags.length === 1);
  expect(alice.tip("notes")).toBe(before);
  expect(theirs(alice, "bob")?.relation).toBe("ahead");
  const further = await bob.commit("notes", "b.txt", "on top of it");
  await world.until("what he built", () => alice.tip("notes") === further);
  noBugs(pair);
});

test("Alice picks a commit out of Bob's branch, and takes it back again", async () => {
  await using pair = await meet(34);
  const { world, alice, bob, id } = pair;
  await diverge(pair);
  const picked = await bob.commit("notes", "extra.txt", "worth having\n");
  await world.until("it in her view", () => theirs(alice, "bob")?.oid === picked);
  const ask = { id, branch: "main", commit: picked, resolutions: [] };
  const onto = alice.tip("notes") ?? "";
  await expect(alice.ask("cherry-pick", { ...ask, onto })).resolves.toMatchObject({
    kind: "picked",
  });
  expect(await textAt(alice, id, "extra.txt")).toBe("worth having\n");
  const tip = alice.tip("notes") ?? "";
  await expect(alice.ask("cherry-pick", { ...ask, onto: tip })).resolves.toEqual({
    kind: "nothing-to-pick",
  });
  await expect(alice.ask("revert", { ...ask, onto: tip })).resolves.toMatchObject({
    kind: "picked",
  });
  await expect(textAt(alice, id, "extra.txt")).rejects.toThrow("not_there");
  await world.until("all of it at Bob's", () => theirs(bob, "alice")?.oid === alice.tip("notes"));
  noBugs(pair);
});

test("a renamed branch keeps HEAD, names that look alike are refused, and nothing was signed for them", async () => {
  await using pair = await meet(35);
  const { world, alice, bob, id } = pair;
  const from = alice.tip("notes") ?? "";
  await alice.ask("rename-branch", { id, name: "main", to: "trunk" });
  expect(alice.repository("notes")?.head).toBe("trunk");
  await world.until("it in Bob's view", () => theirs(bob, "alice", "trunk")?.oid === from);
  for (const name of ["Trunk", "trunk/deep", "HEAD"])
    await expect(alice.ask("new-branch", { id, name, from })).rejects.toThrow("name_taken");
  await alice.ask("new-tag", { id, name: "v1", commit: from });
  await alice.ask("delete-tag", { id, name: "v1" });
  await world.pass(20_000);
  expect(alice.repository("notes")?.tags).toEqual([]);
  expect(alice.repository("notes")?.branches.map(({ name }) => name)).toEqual(["trunk"]);
  noBugs(pair);
});

test("a repository taken off a device counts as a copy no more, stays off after a restart, and comes back as it was", async () => {
  await using pair = await meet(36);
  const { world, alice, bob, id } = pair;
  await diverge(pair);
  const [tip, other] = [alice.tip("notes"), bob.tip("notes")];
  await world.until("two copies", () => bob.repository("notes")?.copies === 1);
  await world.until("two copies", () => alice.repository("notes")?.copies === 1);
  await alice.ask("remove-repository", { id, evenIfOnly: false });
  expect(alice.repository("notes")).toBeUndefined();
  await world.until("one copy", () => bob.repository("notes")?.copies === 0);
  await expect(bob.ask("remove-repository", { id, evenIfOnly: false })).rejects.toThrow(
    "only_copy",
  );
  await alice.stop();
  await alice.start();
  expect(alice.stored()).toEqual([]);
  await world.pass(60_000);
  expect(alice.repository("notes")).toBeUndefined();
  expect(bob.repository("notes")?.copies).toBe(0);
  const { repositories } = await alice.ask("removed-repositories", {});
  expect(repositories).toEqual([{ id, name: "notes", holders: 1 }]);
  const back = alice.ask("bring-back-repository", { id });
  await world.until("its return", () => alice.repository("notes") !== undefined);
  await back;
  expect(alice.tip("notes")).toBe(tip);
  await world.until("Bob's side", () => theirs(alice, "bob")?.oid === other);
  await world.until("two copies again", () => bob.repository("notes")?.copies === 1);
  expect(theirs(bob, "alice")?.oid).toBe(tip);
  await alice.commit("notes", "again.txt", "she goes on");
  await world.until("it at Bob's", () => theirs(bob, "alice")?.oid === alice.tip("notes"));
  noBugs(pair);
});

test("a repository that is nowhere any more can be forgotten, and shows again if somebody has it after all", async () => {
  await using pair = await meet(38);
  const { world, alice, bob, id } = pair;
  const listed = async (): Promise<unknown> =>
    (await alice.ask("removed-repositories", {})).repositories;
  await world.until("two copies", () => alice.repository("notes")?.copies === 1);
  const tip = alice.tip("notes");
  await alice.ask("remove-repository", { id, evenIfOnly: false });
  await bob.stop();
  const path = (): unknown =>
    alice.views.network.nodes.find(({ name }) => name === "bob")?.path.kind;
  await world.until("his leaving", () => path() === "none", 300_000);
  expect(await listed()).toEqual([{ id, name: "notes", holders: 0 }]);
  await alice.ask("forget-repository", { id });
  expect(await listed()).toEqual([]);
  await alice.stop();
  await alice.start();
  await world.until("her account", () => alice.views.account.phase === "open");
  expect(await listed()).toEqual([]);
  await bob.start();
  await world.pass(60_000);
  expect(await listed()).toEqual([{ id, name: "notes", holders: 1 }]);
  const back = alice.ask("bring-back-repository", { id });
  await world.until("its return", () => alice.repository("notes") !== undefined);
  await back;
  expect(alice.tip("notes")).toBe(tip);
  noBugs(pair);
});

test("a repository can be had as a zip, and one file of it by its name", async () => {
  await using pair = await meet(37);
  const { bob, id } = pair;
  const commit = bob.tip("notes") ?? "";
  const zip = await bob.ask("download-zip", { id, commit });
  expect(zip.name).toBe(`notes-${commit.slice(0, 7)}.zip`);
  expect(new TextDecoder().decode((await zip.file.arrayBuffer()).slice(0, 2))).toBe("PK");
  const file = await bob.ask("download-file", { id, commit, path: "README.md" });
  expect(file.name).toBe("README.md");
  expect(await file.file.text()).toBe("# notes\n");
});

test("a person may write the whole file in the place of choosing place by place", async () => {
  await using pair = await meet(41);
  const { world, alice, bob, id } = pair;
  await diverge(pair);
  const whole = { path: "plan.txt", take: "edited", text: "written anew\n" } as const;
  const merged = await alice.ask("merge-resolved", {
    id,
    branch: "main",
    ours: alice.tip("notes") ?? "",
    theirs: theirs(alice, "bob")?.oid ?? "",
    resolutions: [whole],
  });
  expect(merged).toMatchObject({ kind: "merged" });
  await world.until("the merge", () => bob.tip("notes") === alice.tip("notes"), 120_000);
  expect(await textAt(bob, id, "plan.txt")).toBe("written anew\n");
  noBugs(pair);
});
