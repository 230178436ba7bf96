/** Histories that come in slices: with those before it, each is one that git finds whole, wherever the next comes from. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore, type ObjectStore } from "@skein/git/object-store";
import { packLimits } from "@skein/git/pack-limits";
import { PackRejectedError } from "@skein/git/pack-rejected";
import { concat, type Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { afterAll, expect, test } from "vitest";
import { indexByGit, makeGit, makeHistory, readPack } from "./pack-git.ts";

const history = makeHistory(60);
const { pack } = readPack(history);
const tips = history
  .text("for-each-ref", "--format=%(refname)")
  .split("\n")
  .map((ref) => history.oid(ref));
const all = Number(history.text("rev-list", "--objects", "--all", "--count"));
const signal = new AbortController().signal;
afterAll(() => history[Symbol.dispose]());

async function aliceWith(
  packs: ReadonlyArray<Uint8Array>,
  brings: ReadonlyArray<ObjectId>,
): Promise<ObjectStore> {
  const store = await openObjectStore(openMemoryFiles());
  for (const bytes of packs) await store.storePack({ bytes, tips: [], signal });
  for (const tip of brings) expect(await store.has(tip)).toBe(true);
  return store;
}

interface Slice {
  readonly bytes: Bytes;
  readonly objects: number;
  readonly last: ObjectId;
  readonly left: number;
}

async function sliceOf(
  store: ObjectStore,
  asked: {
    readonly wants: ReadonlyArray<ObjectId>;
    readonly haves: ReadonlyArray<ObjectId>;
    readonly after: ObjectId | undefined;
    readonly bytesMax: number;
  },
): Promise<Slice> {
  const slice = await store.openSlice({ ...asked, signal });
  if (slice === undefined) throw new Error("something is left");
  const parts: Bytes[] = [];
  for await (const part of slice.parts()) parts.push(part);
  const bytes = concat(...parts);
  expect(bytes.length).toBe(slice.bytes);
  return { ...slice, bytes };
}

test.each([1, 300, 3_000, 12_000])(
  "in slices of at most %i bytes all of it comes, and git finds each beginning whole",
  async (bytesMax) => {
    const alice = await aliceWith([pack], tips);
    const contents = new Map<string, Bytes>();
    const bob = await openObjectStore(openMemoryFiles(contents));
    const asked = { wants: tips, haves: [], bytesMax };
    let after: ObjectId | undefined;
    let [left, objects, slices] = [all, 0, 0];
    while (left > 0) {
      const slice = await sliceOf(alice, { ...asked, after });
      if (slice.objects > 1) expect(slice.bytes.length).toBeLessThanOrEqual(bytesMax);
      expect(slice.left).toBeLessThan(left);
      await bob.storePack({ bytes: slice.bytes, tips: [slice.last], signal });
      objects += slice.objects;
      slices += 1;
      ({ last: after, left } = slice);
      // Whatever is there is there with all that it leads to; git is slow to ask.
      if (slices % Math.ceil(all / 8) === 1) expect(fsckOf(contents)).toBe("");
    }
    expect(objects).toBe(all);
    expect(slices).toBeGreaterThan(2);
    expect(fsckOf(contents)).toBe("");
    for (const tip of tips) expect(await bob.has(tip)).toBe(true);
    expect(await alice.openSlice({ ...asked, after, signal })).toBeUndefined();
  },
  120_000,
);

test("a slice is no more, once inflated, than whoever gets it takes", async () => {
  const limits = { ...packLimits, inflatedBytes: 60_000, objects: 40 };
  const files = openMemoryFiles();
  await (await openObjectStore(files)).storePack({ bytes: pack, tips, signal });
  const careful = await openObjectStore(files, { limits });
  const bob = await openObjectStore(openMemoryFiles(), { limits });
  await expect(bob.storePack({ bytes: pack, tips, signal })).rejects.toThrow(PackRejectedError);
  let after: ObjectId | undefined;
  for (let left = all; left > 0;) {
    const slice = await sliceOf(careful, { wants: tips, haves: [], after, bytesMax: pack.length });
    await bob.storePack({ bytes: slice.bytes, tips: [slice.last], signal });
    ({ last: after, left } = slice);
  }
  for (const tip of tips) expect(await bob.has(tip)).toBe(true);
});

test("what is little comes whole, as it is stored", async () => {
  const alice = await aliceWith([pack], tips);
  const asked = { wants: tips, haves: [], after: undefined };
  const slice = await sliceOf(alice, { ...asked, bytesMax: pack.length });
  expect(slice.left).toBe(0);
  expect(Buffer.from(slice.bytes).equals(pack)).toBe(true);
  const { left } = await sliceOf(alice, { ...asked, bytesMax: pack.length - 1 });
  expect(left).toBeGreaterThan(0);
});

test("a copy goes on at another node, which keeps the same history in other packs", async () => {
  const alice = await aliceWith([pack], tips);
  const halves = ["main~20", "side", "main", "v1"].map((tip, index, known) => {
    const had = known.slice(0, index).map((before) => `^${before}\n`);
    return history.run(["pack-objects", "--stdout", "--revs", "-q"], `${tip}\n${had.join("")}`);
  });
  const carol = await aliceWith(halves, tips);
  const bob = await openObjectStore(openMemoryFiles());
  let after: ObjectId | undefined;
  for (let left = all, turn = 0; left > 0; turn += 1) {
    const from = turn % 2 === 0 ? alice : carol;
    const asked = { wants: tips, haves: [], after, bytesMax: 4_000 };
    const slice = await sliceOf(from, asked);
    await bob.storePack({ bytes: slice.bytes, tips: [slice.last], signal });
    ({ last: after, left } = slice);
  }
  for (const tip of tips) expect(await bob.has(tip)).toBe(true);
});

test("what is new comes in slices as well, each a pack that git completes", async () => {
  const alice = await aliceWith([pack], tips);
  const [have, want] = [history.oid("main~25"), history.oid("main")];
  const bob = makeGit();
  bob.run(["fetch", "-q", history.path, `${have}:refs/heads/main`]);
  let after: ObjectId | undefined;
  for (let left = all; left > 0;) {
    const slice = await sliceOf(alice, { wants: [want], haves: [have], after, bytesMax: 2_500 });
    bob.run(["index-pack", "--stdin", "--fix-thin", "--strict"], slice.bytes);
    ({ last: after, left } = slice);
  }
  bob.run(["update-ref", "refs/heads/main", want]);
  expect(bob.text("fsck", "--full", "--strict")).toBe("");
  bob[Symbol.dispose]();
});

test("a slice is one pack that git accepts by itself, if nothing came before", async () => {
  const alice = await aliceWith([pack], tips);
  const asked = { wants: tips, haves: [], after: undefined, bytesMax: 5_000 };
  expect(indexByGit(history, (await sliceOf(alice, asked)).bytes).why).toBe("");
});

test("what is told of while packs are replaced ends early, and packs wait to be merged", async () => {
  const contents = new Map<string, Bytes>();
  const alice = await openObjectStore(openMemoryFiles(contents));
  await alice.storePack({ bytes: pack, tips, signal });
  const blobs = Array.from({ length: 12 }, (_, at) => ({
    type: "blob" as const,
    bytes: Uint8Array.from(Buffer.from(`text ${at}`)),
  }));
  for (const blob of blobs) await alice.objectsToPack([blob], { signal });
  const bytesMax = 5_000;
  const slice = await alice.openSlice({ wants: tips, haves: [], bytesMax, signal });
  const telling = slice?.parts()[Symbol.asyncIterator]();
  expect((await telling?.next())?.done).toBe(false);
  expect(await alice.mergePacks({ signal })).toBe(0);
  await telling?.return?.();
  const again = await alice.openSlice({ wants: tips, haves: [], bytesMax, signal });
  expect(await alice.mergePacks({ signal })).toBeGreaterThan(2);
  let told = 0;
  for await (const part of again?.parts() ?? []) told += part.length;
  expect(told).toBe(0);
});

function fsckOf(contents: ReadonlyMap<string, Bytes>): string {
  using git = makeGit();
  for (const [path, bytes] of contents) writeFileSync(join(git.path, path), bytes);
  return git.text("fsck", "--full", "--strict", "--no-dangling");
}
