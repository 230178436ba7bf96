/** Packs that are copied together and cleaned: git finds every object, whenever the storage fails. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { StorageFullError } from "@skein/git/files";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore, type ObjectStore } from "@skein/git/object-store";
import { chooseMerge } from "@skein/git/pack-keep";
import { openRepository } from "@skein/git/repository";
import type { Bytes } from "@skein/protocol/bytes";
import { parseObjectId, type ObjectId } from "@skein/protocol/ids";
import { failAtCommit } from "@skein/testkit/failing-files";
import { afterAll, expect, test } from "vitest";
import { makeGit, makeHistory, readObjects } from "./pack-git.ts";

const history = makeHistory(60);
afterAll(() => history[Symbol.dispose]());
const signal = new AbortController().signal;
const main = history.oid("main");
const steps = history.text("rev-list", "--reverse", "--first-parent", "main").split("\n");
const oids = history
  .text("rev-list", "--objects", "--no-object-names", "main")
  .split("\n")
  .map((line) => oid(line));
const gitObjects = readObjects(history, oids);

test("many small packs become few, and git finds all that was there", async () => {
  const { contents, store } = await receivedInSteps();
  expect(packsOf(contents).length).toBe(steps.length);
  expect(await store.mergePacks({ signal })).toBeGreaterThan(steps.length - 10);
  expect(packsOf(contents).length).toBeLessThan(11);
  expect(fsckOf(contents, main)).toBe("");
  // Whoever had the repository open goes on, and whoever opens it now finds the same.
  for (const opened of [store, await openObjectStore(openMemoryFiles(contents))])
    for (const [name, { bytes }] of gitObjects)
      expect(bytes.equals((await opened.read(name))?.bytes ?? new Uint8Array(0))).toBe(true);
  expect(await store.mergePacks({ signal })).toBe(0);
  const { bytes } = await store.buildPack({ wants: [main], haves: [], signal });
  const carol = new Map<string, Bytes>();
  const hers = await openObjectStore(openMemoryFiles(carol));
  await hers.storePack({ bytes, tips: [main], signal });
  expect(fsckOf(carol, main)).toBe("");
}, 60_000);

test.each(["before", "after"] as const)(
  "storage that fails %s the change loses nothing",
  async (moment) => {
    const { contents } = await receivedInSteps();
    const error = new StorageFullError("The device has no room left");
    const failing = failAtCommit(openMemoryFiles(contents), { failing: 1, moment, error });
    const store = await openObjectStore(failing);
    await expect(store.mergePacks({ signal })).rejects.toBe(error);
    expect(fsckOf(contents, main)).toBe("");
    const opened = await openObjectStore(openMemoryFiles(contents));
    for (const [name] of gitObjects) expect(await opened.read(name)).toBeDefined();
  },
  60_000,
);

test("packs that are copied together while somebody asks for the history lose nothing of it, then or later", async () => {
  const { contents: before } = await receivedInSteps();
  const list = async (mergeAtRead: number) => {
    const files = openMemoryFiles(new Map(before));
    let reads = 0;
    const readRange = async (path: string, start: number, end: number) => {
      const bytes = await files.readRange?.(path, start, end);
      if (++reads === mergeAtRead) await store.mergePacks({ signal });
      return bytes;
    };
    const store: ObjectStore = await openObjectStore({ ...files, readRange });
    const asked = { wants: [main], haves: [], signal };
    const first = (await store.listReachable(asked)).toSorted();
    const readsOfOne = reads;
    return { first, second: (await store.listReachable(asked)).toSorted(), readsOfOne };
  };
  const all = oids.toSorted();
  const { first, readsOfOne } = await list(0);
  expect(first).toEqual(all);
  for (let read = 1; read <= readsOfOne; read++) {
    const { first, second } = await list(read);
    expect([first, second]).toEqual([all, all]);
  }
}, 60_000);

test("packs that are copied together while somebody reads the history leave it whole", async () => {
  const { contents: before } = await receivedInSteps();
  const expected = history.text("log", "--format=%H", "main").split("\n");
  for (let mergeAtRead = 1; mergeAtRead <= steps.length; mergeAtRead += 7) {
    const files = openMemoryFiles(new Map(before));
    let reads = 0;
    const readRange = async (path: string, start: number, end: number) => {
      if (++reads === mergeAtRead) await repository.objects.mergePacks({ signal });
      return await files.readRange?.(path, start, end);
    };
    const repository = await openRepository({ files: { ...files, readRange } });
    const page = await repository.history(main, { limit: 1_000 });
    expect(page.commits.map((commit) => commit.oid)).toEqual(expected);
    expect(reads).toBeGreaterThan(mergeAtRead);
  }
}, 60_000);

test("merging that is stopped changes nothing", async () => {
  const { contents } = await receivedInSteps();
  const before = [...contents.keys()];
  const controller = new AbortController();
  const store = await openObjectStore(openMemoryFiles(contents), {
    breathe: async () => controller.abort(),
  });
  await expect(store.mergePacks({ signal: controller.signal })).rejects.toThrow(/abort/u);
  expect([...contents.keys()]).toEqual(before);
});

test("what nobody can reach goes, and what somebody can stays", async () => {
  const { contents, store } = await receivedInSteps();
  await store.mergePacks({ signal });
  const stray: ReadonlyArray<ObjectId> = await store.objectsToPack(
    [{ type: "blob", bytes: Uint8Array.from(Buffer.from("a draft that was given up")) }],
    { signal },
  );
  const back = oid(steps[20] ?? "");
  // Not worth it, it is left alone.
  const worthBytes = 1_000_000_000;
  expect(await store.dropUnreachable({ keep: [back], worthBytes, signal })).toEqual(nothing);
  const dropped = await store.dropUnreachable({ keep: [back], signal });
  expect(dropped.objects).toBeGreaterThan(20);
  expect(dropped.bytes).toBeGreaterThan(500);
  for (const gone of [...stray, main]) expect(await store.has(gone)).toBe(false);
  expect(fsckOf(contents, back)).toBe("");
  const reachable = history.text("rev-list", "--objects", "--no-object-names", back).split("\n");
  for (const name of reachable) expect(await store.has(oid(name))).toBe(true);
  expect(await store.dropUnreachable({ keep: [back], signal })).toEqual(nothing);
  // What was let go of can come back.
  const pack = history.run(
    ["pack-objects", "--stdout", "--thin", "--revs", "-q"],
    `${main}\n^${back}\n`,
  );
  await store.storePack({ bytes: pack, tips: [main], signal });
  expect(fsckOf(contents, main)).toBe("");
}, 60_000);

test("whatever moment it ends at, all that is here is here with what it leads to", async () => {
  const { contents: before } = await receivedInSteps();
  const back = oid(steps[20] ?? "");
  const error = new StorageFullError("The device has no room left");
  const belowSteps = steps.map((step) => {
    const below = history.text("rev-list", "--objects", "--no-object-names", step).split("\n");
    return [oid(step), below.map((name) => oid(name))] as const;
  });
  let failed = 0;
  for (const moment of ["before", "after"] as const)
    for (let failing = 1, isOver = false; !isOver; failing++) {
      const contents = new Map(before);
      const files = failAtCommit(openMemoryFiles(contents), { failing, moment, error });
      const store = await openObjectStore(files);
      const dropping = store.dropUnreachable({ keep: [back], signal });
      isOver = await dropping.then(
        () => true,
        () => false,
      );
      if (!isOver) failed += 1;
      const opened = await openObjectStore(openMemoryFiles(contents));
      // Whoever is offered any of it again is not told that a part is here whose rest is not.
      for (const [step, below] of belowSteps)
        if (await opened.has(step)) {
          const here = await Promise.all(below.map(opened.has));
          expect(below.filter((_, index) => !here[index])).toEqual([]);
        }
      expect(await opened.has(back)).toBe(true);
    }
  expect(failed).toBeGreaterThan(3);
}, 60_000);

test("what is to be sent is the same after packs were copied together and cleaned", async () => {
  const { store } = await receivedInSteps();
  const back = oid(steps.at(-9) ?? "");
  const asked = { wants: [main], haves: [back], signal };
  const listed = async (): Promise<ReadonlyArray<ObjectId>> =>
    (await store.listReachable(asked)).toSorted();
  // Everything that one tip reaches is known from now on, and so is what it is led to.
  await store.listReachable({ wants: [back], haves: [], signal });
  const before = await listed();
  expect(before.length).toBeGreaterThan(8);
  await store.mergePacks({ signal });
  expect(await listed()).toEqual(before);
  await store.objectsToPack([{ type: "blob", bytes: new Uint8Array(9) }], { signal });
  await store.dropUnreachable({ keep: [main], signal });
  expect(await listed()).toEqual(before);
  const { bytes, objects } = await store.buildPack(asked);
  expect(objects).toBe(before.length);
  using bob = makeGit();
  bob.run(
    ["index-pack", "--stdin"],
    history.run(["pack-objects", "--stdout", "--revs", "-q"], `${back}\n`),
  );
  bob.run(["index-pack", "--stdin", "--fix-thin", "--strict"], bytes);
  bob.run(["update-ref", "refs/heads/main", main]);
  expect(bob.text("fsck", "--full", "--strict", "--no-dangling")).toBe("");
}, 60_000);

test("few packs are left alone, and packs are copied no more often than doubling asks for", () => {
  expect(chooseMerge([5, 5, 5])).toEqual([]);
  let copied = 0;
  let sizes: number[] = [];
  for (let commit = 0; commit < 2_000; commit++) {
    sizes.push(1_000);
    const chosen = new Set(chooseMerge(sizes));
    let merged = 0;
    for (const index of chosen) merged += sizes[index] ?? 0;
    copied += merged;
    sizes = sizes.filter((_, index) => !chosen.has(index));
    if (merged > 0) sizes.push(merged);
    expect(sizes.length).toBeLessThan(12);
  }
  expect(copied / (2_000 * 1_000)).toBeLessThan(12);
  // Nothing is made that is more than a segment.
  const large = Array.from({ length: 20 }, () => 10 * 1024 * 1024);
  expect(chooseMerge(large).length).toBeLessThan(2);
});

const nothing = { objects: 0, bytes: 0 };

async function receivedInSteps(): Promise<{
  readonly contents: Map<string, Bytes>;
  readonly store: ObjectStore;
}> {
  const contents = new Map<string, Bytes>();
  const store = await openObjectStore(openMemoryFiles(contents));
  let have = "";
  for (const want of steps) {
    const bytes = history.run(
      ["pack-objects", "--stdout", "--thin", "--revs", "-q"],
      `${want}\n${have}`,
    );
    await store.storePack({ bytes, tips: [oid(want)], signal });
    have = `^${want}\n`;
  }
  return { contents, store };
}

function packsOf(contents: ReadonlyMap<string, Bytes>): ReadonlyArray<string> {
  return [...contents.keys()].filter((path) => path.endsWith(".pack"));
}

function fsckOf(contents: ReadonlyMap<string, Bytes>, tip: ObjectId): string {
  using git = makeGit();
  for (const [path, bytes] of contents) {
    mkdirSync(dirname(join(git.path, path)), { recursive: true });
    writeFileSync(join(git.path, path), bytes);
  }
  git.run(["update-ref", "refs/heads/main", tip]);
  return git.text("fsck", "--full", "--strict", "--no-dangling");
}

function oid(text: string): ObjectId {
  const parsed = parseObjectId(text);
  if (parsed === undefined) throw new Error(`${text} is no object id`);
  return parsed;
}
