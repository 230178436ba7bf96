/** Objects that two packs hold: the second copy goes once the first was read, and never before. */

import { concat, equal, formatHex, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { makeDelta } from "./delta-make.ts";
import { parseIdx } from "./idx.ts";
import { deflate } from "./inflate.ts";
import { openMemoryFiles } from "./memory-files.ts";
import { hashObject } from "./object-hash.ts";
import { openObjectStore, type ObjectStore } from "./object-store.ts";
import { oidBytes, type GitObject } from "./object.ts";
import { formatRefDeltaHeader } from "./pack-entry.ts";
import { openPackWriter, wholeEntry } from "./pack-write.ts";

const { signal } = new AbortController();
const nothing = { objects: 0, bytes: 0 };

let state = 7;
/** Bytes that do not shrink. */
function noise(length: number): Bytes {
  const words = new Uint32Array(Math.ceil(length / 4)).map(() => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  });
  return new Uint8Array(words.buffer, 0, length);
}

/** Alice's files, each of so many bytes that do not shrink. */
function makeFiles(many: number, length: number): ReadonlyArray<GitObject> {
  return Array.from({ length: many }, () => ({ type: "blob", bytes: noise(length) }));
}

/** A version of a file, as a delta on it. */
function nextOf(base: GitObject): { readonly object: GitObject; readonly delta: Bytes } {
  const object: GitObject = { type: "blob", bytes: base.bytes.slice() };
  object.bytes.set(formatUtf8("changed"), 10);
  const delta = makeDelta(base.bytes, object.bytes, 1_000);
  if (delta === undefined) throw new Error("it differs little");
  return { object, delta };
}

/** A pack of objects in this order; those that `on` has are deltas. */
function packOf(
  objects: ReadonlyArray<GitObject>,
  on = new Map<GitObject, { readonly base: GitObject; readonly delta: Bytes }>(),
): Bytes {
  const writer = openPackWriter();
  for (const object of objects) {
    const made = on.get(object);
    const entry =
      made === undefined
        ? wholeEntry(object)
        : [
            formatRefDeltaHeader(made.delta.length, oidBytes(hashObject(made.base))),
            deflate(made.delta),
          ];
    writer.append(oidBytes(hashObject(object)), ...entry);
  }
  return writer.finish().pack;
}

interface Home {
  readonly contents: Map<string, Bytes>;
  readonly store: ObjectStore;
  /** Paths of the packs, but for that of the folder with the files. */
  readonly packs: () => ReadonlyArray<string>;
  readonly collect: (options?: {
    readonly store?: ObjectStore;
    readonly worthBytes?: number;
    readonly signal?: AbortSignal;
  }) => Promise<{ readonly objects: number; readonly bytes: number }>;
}

/** Alice's folder with these files, which came in these packs. */
async function homeWith(
  files: ReadonlyArray<GitObject>,
  packs: ReadonlyArray<Bytes>,
): Promise<Home> {
  const contents = new Map<string, Bytes>();
  const store = await openObjectStore(openMemoryFiles(contents));
  for (const bytes of packs) await store.storePack({ bytes, tips: [], signal });
  const before = packNames(contents);
  const entries = idsOf(files).flatMap((oid, at) => [
    formatUtf8(`100644 ${String(at).padStart(4, "0")}\0`),
    oidBytes(oid),
  ]);
  const keep = await store.objectsToPack([{ type: "tree", bytes: concat(...entries) }], { signal });
  const folder = packNames(contents).find((path) => !before.includes(path));
  return {
    contents,
    store,
    packs: () => packNames(contents).filter((path) => path !== folder),
    collect: ({ store: by = store, worthBytes, signal: ending = signal } = {}) =>
      by.dropUnreachable({ keep, worthBytes, signal: ending }),
  };
}

function packNames(contents: ReadonlyMap<string, Bytes>): ReadonlyArray<string> {
  return [...contents.keys()].filter((path) => path.endsWith(".pack"));
}

function pathOf(pack: Bytes): string {
  return `objects/pack/pack-${formatHex(pack.subarray(-20))}.pack`;
}

/** Storage turns a bit of an object's entry around. */
function damage(contents: Map<string, Bytes>, pack: Bytes, object: GitObject): void {
  const path = pathOf(pack);
  const kept = contents.get(path);
  const idx = parseIdx(contents.get(path.replace(/pack$/u, "idx")) ?? new Uint8Array());
  if (kept === undefined || idx === undefined) throw new Error("it is kept");
  const at = idx.packOffset(idx.find(oidBytes(hashObject(object)), 0)) + 40;
  const changed = kept.slice();
  changed[at] = (changed[at] ?? 0) ^ 1;
  contents.set(path, changed);
}

/** Opens it anew, as it is on the device by then. */
async function reopen({ contents }: Home): Promise<ObjectStore> {
  return await openObjectStore(openMemoryFiles(contents));
}

async function expectAll(home: Home, objects: ReadonlyArray<GitObject>): Promise<void> {
  const store = await reopen(home);
  for (const object of objects) {
    const read = await store.read(hashObject(object));
    expect(read !== undefined && equal(read.bytes, object.bytes)).toBe(true);
  }
}

function idsOf(objects: ReadonlyArray<GitObject>): ReadonlyArray<ObjectId> {
  return objects.map((object) => hashObject(object));
}

function two(files: ReadonlyArray<GitObject>): readonly [Bytes, Bytes] {
  return [packOf(files), packOf(files.toReversed())];
}

function firstOf(files: ReadonlyArray<GitObject>): GitObject {
  const [first] = files;
  if (first === undefined) throw new Error("there are files");
  return first;
}

test("what two packs of more than 8 MiB hold is kept once", async () => {
  const files = makeFiles(9, 1024 * 1024);
  const home = await homeWith(files, two(files));
  expect(await home.store.mergePacks({ signal })).toBe(0);
  expect(home.packs().length).toBe(2);
  const { objects, bytes } = await home.collect();
  expect([objects, bytes > 9 * 1024 * 1024]).toEqual([9, true]);
  expect(home.packs().length).toBe(1);
  await expectAll(home, files);
  expect(await home.collect()).toEqual(nothing);
}, 30_000);

test("a pack goes also where its objects are spread over several others, and stays where one is not", async () => {
  const files = makeFiles(8, 20_000);
  const [all, left, right] = [packOf(files), packOf(files.slice(0, 4)), packOf(files.slice(4))];
  const spread = await homeWith(files, [left, right, all]);
  await spread.collect();
  expect(spread.packs()).toEqual([pathOf(left), pathOf(right)]);
  await expectAll(spread, files);
  const single = await homeWith(files, [all, left]);
  await single.collect();
  expect(single.packs()).toEqual([pathOf(all)]);
  await expectAll(single, files);
});

test("nothing goes whose other copy is damaged, and the damaged one goes where all of it is sound elsewhere", async () => {
  const files = makeFiles(6, 20_000);
  const [first, second] = two(files);
  for (const [bad, good] of [
    [first, second],
    [second, first],
  ] as const) {
    const home = await homeWith(files, [first, second]);
    damage(home.contents, bad, firstOf(files));
    await home.collect({ store: await reopen(home) });
    expect(home.packs()).toEqual([pathOf(good)]);
    await expectAll(home, files);
  }
  const home = await homeWith(files, [first, second]);
  damage(home.contents, first, firstOf(files));
  damage(home.contents, second, firstOf(files.slice(1)));
  expect(await home.collect({ store: await reopen(home) })).toEqual(nothing);
  expect(home.packs()).toEqual([pathOf(first), pathOf(second)]);
});

test("a copy that is a delta is made of its base before the whole one goes", async () => {
  const [base, ...rest] = makeFiles(5, 20_000);
  if (base === undefined) throw new Error("there are files");
  const { object, delta } = nextOf(base);
  const files = [base, object, ...rest];
  const deltas = packOf(files, new Map([[object, { base, delta }]]));
  const whole = packOf(files);
  const sound = await homeWith(files, [deltas, whole]);
  await sound.collect();
  expect(sound.packs()).toEqual([pathOf(deltas)]);
  await expectAll(sound, files);
  // The delta itself is sound; what it stands on is not.
  const home = await homeWith(files, [deltas, whole]);
  damage(home.contents, deltas, base);
  await home.collect({ store: await reopen(home) });
  expect(home.packs()).toEqual([pathOf(whole)]);
  await expectAll(home, files);
});

test("a pack that is doubled for a quarter and more is written without it, but with what its deltas stand on", async () => {
  const shared = makeFiles(6, 20_000);
  const base = firstOf(shared);
  const { object, delta } = nextOf(base);
  const [here, there] = [makeFiles(8, 20_000), makeFiles(6, 20_000)];
  const files = [...shared, ...here, object, ...there];
  const left = packOf([...shared, ...here]);
  const right = packOf([...shared, object, ...there], new Map([[object, { base, delta }]]));
  // The one that came last is looked at first.
  const home = await homeWith(files, [left, right]);
  const { objects, bytes } = await home.collect();
  expect([objects, bytes > 95_000, bytes < 105_000]).toEqual([5, true, true]);
  expect(home.packs().length).toBe(2);
  await expectAll(home, files);
  expect(await home.collect()).toEqual(nothing);
  // Git wants the base of a delta in the same pack: each can be taken alone.
  for (const path of home.packs()) {
    const pack = home.contents.get(path) ?? new Uint8Array();
    const alone = await openObjectStore(openMemoryFiles());
    await alone.storePack({ bytes: pack, tips: [], signal });
  }
});

test("a pack whose double is damaged is not written without it", async () => {
  const shared = makeFiles(6, 20_000);
  const files = [...shared, ...makeFiles(8, 20_000), ...makeFiles(8, 20_000)];
  const left = packOf(files.slice(0, 14));
  const right = packOf([...shared, ...files.slice(14)]);
  const home = await homeWith(files, [left, right]);
  damage(home.contents, left, firstOf(shared));
  damage(home.contents, right, firstOf(shared.slice(1)));
  expect(await home.collect({ store: await reopen(home) })).toEqual(nothing);
  expect(home.packs()).toEqual([pathOf(left), pathOf(right)]);
});

test("a pack that is doubled for less than a quarter, or by less than it is worth, is left alone", async () => {
  const files = makeFiles(18, 20_000);
  const left = packOf(files.slice(0, 10));
  const little = await homeWith(files, [left, packOf(files.slice(8))]);
  expect(await little.collect()).toEqual(nothing);
  const same = files.slice(0, 6);
  const doubled = await homeWith(same, two(same));
  expect(await doubled.collect({ worthBytes: 200_000 })).toEqual(nothing);
  expect(doubled.packs().length).toBe(2);
});

test("whoever stops it at any moment finds all objects, in the packs there were", async () => {
  const files = makeFiles(400, 200);
  const home = await homeWith(files, two(files));
  const before = home.packs();
  let stops = 0;
  for (let isOver = false; !isOver; stops++) {
    const controller = new AbortController();
    let turns = 0;
    const breathe = async (): Promise<void> => {
      if (turns++ === stops) controller.abort();
    };
    const store = await openObjectStore(openMemoryFiles(home.contents), { breathe });
    isOver = await home.collect({ store, signal: controller.signal }).then(
      () => true,
      () => false,
    );
    expect(before).toEqual(expect.arrayContaining([...home.packs()]));
    await expectAll(home, files);
  }
  expect([stops > 8, home.packs().length]).toEqual([true, 1]);
});
