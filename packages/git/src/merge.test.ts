import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import { instant } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import { virtualMergesMax } from "@skein/protocol/limits";
import { expect, test } from "vitest";
import type { DraftChange } from "./draft.ts";
import { openMemoryFiles } from "./memory-files.ts";
import type { MergeResult } from "./merge.ts";
import { hashObject } from "./object-hash.ts";
import { formatCommit } from "./object.ts";
import type { GitObject } from "./object.ts";
import { openRepository } from "./repository.ts";
import type { Repository } from "./repository.ts";

type Wish = Readonly<Record<string, string | undefined>>;

const text = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";
const start: Wish = { "a.txt": text, "d/b.txt": text, "e/c.txt": text };

test("what is behind is moved ahead, and what is ahead stays", async () => {
  const { repository, base, alice } = await meet({ "a.txt": "x\n" }, {});
  expect(await repository.merge({ ours: base, theirs: alice })).toEqual({
    kind: "fast-forward",
    oid: alice,
  });
  expect(await repository.merge({ ours: alice, theirs: base })).toEqual({
    kind: "up-to-date",
    oid: alice,
  });
});

test("changes of Alice and Bob in different files and in different lines are both kept", async () => {
  const { repository, alice, bob } = await meet(
    { "a.txt": text.replace("one", "ONE"), "d/new.txt": "new\n", "e/c.txt": undefined },
    { "a.txt": text.replace("seven", "SEVEN"), "d/b.txt": "changed\n" },
  );
  const merged = await repository.merge({ ours: alice, theirs: bob });
  expect(await contents(repository, merged)).toEqual({
    "a.txt": text.replace("one", "ONE").replace("seven", "SEVEN"),
    "d/b.txt": "changed\n",
    "d/new.txt": "new\n",
  });
});

test("Alice's node and Bob's node make the same merge, each from its own side", async () => {
  const { repository, alice, bob, contents: stored } = await meet({ x: "1\n" }, { y: "2\n" });
  const copy = await openRepository({ files: openMemoryFiles(new Map(stored)) });
  const one = await repository.merge({ ours: alice, theirs: bob });
  const other = await copy.merge({ ours: bob, theirs: alice });
  expect(one).toEqual(other);
  if (one.kind !== "merged") throw new Error(one.kind);
  const commit = await repository.readCommit(one.oid);
  expect(commit).toMatchObject({
    parents: [alice, bob].toSorted(),
    authorName: "Skein",
    authorEmail: "skein@localhost",
    offsetMinutes: 0,
  });
  expect(commit.at).toBe((await repository.readCommit(bob)).committedAt);
  expect(await repository.merge({ ours: alice, theirs: bob })).toEqual(one);
});

test.each<readonly [string, Wish, Wish, ReadonlyArray<string>]>([
  ["the same line", { "a.txt": edit("one", "1") }, { "a.txt": edit("one", "I") }, ["a.txt"]],
  ["change and deletion", { "a.txt": edit("one", "1") }, { "a.txt": undefined }, ["a.txt"]],
  ["deletion and change below", { "d/b.txt": undefined }, { "d/b.txt": "x\n" }, ["d/b.txt"]],
  ["two files added apart", { n: "1\n" }, { n: "2\n" }, ["n"]],
  ["a file and a folder", { n: "1\n" }, { "n/m": "2\n" }, ["n"]],
  ["two binaries", { "a.txt": "a\0\n" }, { "a.txt": "b\0\n" }, ["a.txt"]],
  [
    "several at once",
    { "a.txt": "1\n", "d/b.txt": "1\n", z: "fine" },
    { "a.txt": "2\n", "d/b.txt": "2\n" },
    ["a.txt", "d/b.txt"],
  ],
  [
    "a file moved here and deleted there",
    { "a.txt": undefined, "moved.txt": edit("one", "1") },
    { "a.txt": undefined },
    ["moved.txt"],
  ],
  [
    "a file moved to two places",
    { "a.txt": undefined, "x.txt": text },
    { "a.txt": undefined, "y.txt": text },
    ["x.txt", "y.txt"],
  ],
  [
    "a file added to a folder that was moved there",
    { "d/new.txt": "new\n" },
    { "d/b.txt": undefined, "moved/b.txt": start["d/b.txt"] },
    ["d/new.txt"],
  ],
])("%s: a conflict is told by its path, and nothing is stored", async (_, ours, theirs, paths) => {
  const { repository, alice, bob, contents: stored } = await meet(ours, theirs);
  const before = [...stored.keys()];
  expect(await repository.merge({ ours: alice, theirs: bob })).toEqual({ kind: "conflict", paths });
  expect([...stored.keys()]).toEqual(before);
});

test.each<readonly [string, Wish, Wish, Wish]>([
  ["the same change", { "a.txt": "x\n" }, { "a.txt": "x\n" }, { ...start, "a.txt": "x\n" }],
  ["the same file added", { n: "x\n" }, { n: "x\n" }, { ...start, n: "x\n" }],
  ["a file both deleted", { "a.txt": undefined }, { "a.txt": undefined }, without("a.txt")],
  [
    "a file both moved to one place",
    { "a.txt": undefined, "moved.txt": text },
    { "a.txt": undefined, "moved.txt": text },
    { ...without("a.txt"), "moved.txt": text },
  ],
  [
    "a folder replaced by a file that nobody else touched",
    { "d/b.txt": undefined, d: "now a file\n" },
    { z: "z\n" },
    { ...without("d/b.txt"), d: "now a file\n", z: "z\n" },
  ],
  [
    "a file added to a folder whose file was deleted there",
    { "d/new.txt": "new\n" },
    { "d/b.txt": undefined, "other.txt": "something else\n" },
    { ...without("d/b.txt"), "d/new.txt": "new\n", "other.txt": "something else\n" },
  ],
  [
    "a folder deleted here, untouched there",
    { "e/c.txt": undefined },
    { "a.txt": "x\n" },
    { ...without("e/c.txt"), "a.txt": "x\n" },
  ],
])("%s: no conflict", async (_, ours, theirs, expected) => {
  const { repository, alice, bob } = await meet(ours, theirs);
  const merged = await repository.merge({ ours: alice, theirs: bob });
  expect(await contents(repository, merged)).toEqual(expected);
});

test("when both have deleted everything, an empty tree is what is left", async () => {
  const repository = await openRepository({ files: openMemoryFiles() });
  const base = await commit(repository, undefined, { a: "a\n", b: "b\n" });
  const alice = await commit(repository, base, { a: undefined });
  const bob = await commit(repository, base, { b: undefined });
  expect(await contents(repository, await repository.merge({ ours: alice, theirs: bob }))).toEqual(
    {},
  );
});

test("histories without a common commit are merged where they do not disagree", async () => {
  const repository = await openRepository({ files: openMemoryFiles() });
  const alice = await commit(repository, undefined, { a: "1\n", same: "s\n" });
  const bob = await commit(repository, undefined, { b: "2\n", same: "s\n" });
  const merged = await repository.merge({ ours: alice, theirs: bob });
  expect(await contents(repository, merged)).toEqual({ a: "1\n", b: "2\n", same: "s\n" });
});

test("where histories crossed, what both crossings agreed on is no conflict again", async () => {
  // Alice and Bob disagree, both settle it in the same way, each in a merge of their own, and both go on.
  const { repository, alice, bob } = await meet(
    { "a.txt": edit("two", "2") },
    { "a.txt": edit("two", "II") },
  );
  const settled = edit("two", "zwei");
  const first = await mergeByHand(repository, [alice, bob], { "a.txt": settled });
  const second = await mergeByHand(repository, [bob, alice], { "a.txt": settled });
  const ours = await commit(repository, first, { "a.txt": settled.replace("seven", "7") });
  const theirs = await commit(repository, second, { "d/b.txt": "x\n" });
  expect(await repository.mergeBases(ours, theirs)).toHaveLength(2);
  const merged = await repository.merge({ ours, theirs });
  expect(await contents(repository, merged)).toMatchObject({
    "a.txt": settled.replace("seven", "7"),
    "d/b.txt": "x\n",
  });
});

test("where histories crossed and were settled differently, a person is asked", async () => {
  const { repository, alice, bob } = await meet(
    { "a.txt": edit("two", "2") },
    { "a.txt": edit("two", "II") },
  );
  const ours = await mergeByHand(repository, [alice, bob], { "a.txt": edit("two", "2") });
  const theirs = await mergeByHand(repository, [bob, alice], { "a.txt": edit("two", "II") });
  expect(await repository.merge({ ours, theirs })).toEqual({ kind: "conflict", paths: ["a.txt"] });
});

test("three lines that crossed twenty times over take forty merges of merge bases, not a million", async () => {
  const { repository, ours, theirs } = await crossThree(20);
  expect(await repository.mergeBases(ours, theirs)).toHaveLength(3);
  expect(await contents(repository, await repository.merge({ ours, theirs }))).toEqual({
    "a.txt": "root\n",
  });
});

test("histories that crossed too often to merge are refused on every node, from either side", async () => {
  // Each level takes two merges of merge bases.
  const { repository, ours, theirs } = await crossThree(virtualMergesMax / 2 + 1);
  const refusal = { code: "merge_too_large", limit: "merges of merge bases" };
  await expect(repository.merge({ ours, theirs })).rejects.toMatchObject(refusal);
  await expect(repository.merge({ ours: theirs, theirs: ours })).rejects.toMatchObject(refusal);
});

test("a merge that is told to stop stops at whatever it reads next, says how far it came, and keeps nothing", async () => {
  const { repository, contents, alice, bob } = await meet(
    { "a.txt": edit("one", "1"), "d/b.txt": "x\n" },
    { "a.txt": edit("seven", "7"), "e/c.txt": "y\n" },
  );
  const before = [...contents.keys()];
  const merge = async (looksLeft: number): Promise<string> => {
    let looks = looksLeft;
    const throwIfAborted = (): void => {
      if (looks-- === 0) throw new Error("stopped");
    };
    const signal = { aborted: false, throwIfAborted };
    return await repository
      .merge({ ours: alice, theirs: bob, signal })
      .then(({ kind }) => kind, String);
  };
  let stopped = 0;
  while ((await merge(stopped)) === "Error: stopped") {
    stopped += 1;
    expect([...contents.keys()]).toEqual(before);
  }
  expect(stopped).toBeGreaterThan(15);
  expect(contents.size).toBeGreaterThan(before.length);
});

test("a long merge gives way to others, and tells how far it is", async () => {
  const { repository, ours, theirs, breaths } = await crossThree(100);
  const told: number[] = [];
  await repository.merge({ ours, theirs, onProgress: ({ done }) => told.push(done) });
  expect(told.length).toBeGreaterThan(5);
  expect(told).toEqual(told.toSorted((one, other) => one - other));
  expect(breaths()).toBeGreaterThanOrEqual(told.length);
});

/** Levels of three commits, each with all three of the level before as its parents, and two tips on the last three. */
async function crossThree(levels: number): Promise<{
  readonly repository: Repository;
  readonly ours: ObjectId;
  readonly theirs: ObjectId;
  readonly breaths: () => number;
}> {
  let breaths = 0;
  const breathe = async (): Promise<void> => void breaths++;
  const repository = await openRepository({ files: openMemoryFiles(), breathe });
  const root = await commit(repository, undefined, { "a.txt": "root\n" });
  const { tree } = await repository.readCommit(root);
  const objects: GitObject[] = [];
  const next = (parents: ReadonlyArray<ObjectId>, message: string): ObjectId => {
    const at = instant(seconds++ * 1_000);
    const person = { name: "Bob", email: "bob@example.org", at, offsetMinutes: 0 };
    const bytes = formatCommit({ tree, parents, author: person, committer: person, message });
    objects.push({ type: "commit", bytes });
    return hashObject({ type: "commit", bytes });
  };
  let level: ReadonlyArray<ObjectId> = [root];
  for (let depth = 0; depth < levels; depth++) {
    const before = level;
    level = ["a\n", "b\n", "c\n"].map((line) => next(before, line));
  }
  const ours = next(level, "Ours\n");
  const theirs = next(level, "Theirs\n");
  await repository.objects.objectsToPack(objects, { signal });
  return { repository, ours, theirs, breaths: () => breaths };
}

/** Alice and Bob each change what they found at the start. */
async function meet(
  ours: Wish,
  theirs: Wish,
): Promise<{
  readonly repository: Repository;
  readonly contents: Map<string, Bytes>;
  readonly base: ObjectId;
  readonly alice: ObjectId;
  readonly bob: ObjectId;
}> {
  const stored = new Map<string, Bytes>();
  const repository = await openRepository({ files: openMemoryFiles(stored) });
  const base = await commit(repository, undefined, start);
  const alice = await commit(repository, base, { ...ours, "alice.txt": undefined });
  const bob = await commit(repository, base, theirs);
  return { repository, contents: stored, base, alice, bob };
}

let seconds = 1_700_000_000;

async function commit(
  repository: Repository,
  parent: ObjectId | undefined,
  files: Wish,
): Promise<ObjectId> {
  if (Object.keys(files).length === 0) return parent as ObjectId;
  return repository.commitDraft({
    parent,
    changes: Object.entries(files).map(([path, content]): DraftChange =>
      content === undefined
        ? { path, kind: "delete" }
        : { path, kind: "write", bytes: formatUtf8(content) },
    ),
    message: "Change things",
    author: { name: "Bob", email: "bob@example.org" },
    at: instant(seconds++ * 1_000),
    offsetMinutes: 60,
  });
}

/** A merge commit as a person would make it: the first parent's tree, and these files. */
async function mergeByHand(
  repository: Repository,
  parents: readonly [ObjectId, ObjectId],
  files: Wish,
): Promise<ObjectId> {
  const resolved = await commit(repository, parents[0], { ...files, "settled.txt": "settled\n" });
  const { tree } = await repository.readCommit(resolved);
  const at = instant(seconds++ * 1_000);
  const person = { name: "Bob", email: "bob@example.org", at, offsetMinutes: 0 };
  const message = `Merge by hand\n`;
  const bytes = formatCommit({ tree, parents, author: person, committer: person, message });
  await repository.objects.objectsToPack([{ type: "commit", bytes }], { signal });
  return hashObject({ type: "commit", bytes });
}

async function contents(repository: Repository, merged: MergeResult): Promise<Wish> {
  if (merged.kind === "conflict") throw new Error(`conflict in ${merged.paths.join()}`);
  const out: Record<string, string> = {};
  const walk = async (path: string): Promise<void> => {
    const entries = (await repository.readTree(merged.oid, path)) ?? [];
    await Promise.all(
      entries.map(async ({ name, kind }) => {
        const inner = path === "" ? name : `${path}/${name}`;
        if (kind === "folder") return walk(inner);
        const file = await repository.readFile(merged.oid, inner);
        out[inner] = parseUtf8(file?.bytes ?? noBytes) ?? "";
      }),
    );
  };
  await walk("");
  return out;
}

function edit(from: string, to: string): string {
  return text.replace(from, to);
}

function without(path: string): Wish {
  return Object.fromEntries(Object.entries(start).filter(([other]) => other !== path));
}

const noBytes = new Uint8Array(0);
const signal = { aborted: false, throwIfAborted: (): void => undefined };
