/** Large packs are kept as segments: each is a pack that git takes by itself, whenever the storage fails. */

import { createCipheriv } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { StorageFullError } from "@skein/git/files";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore } from "@skein/git/object-store";
import { indexPack, type IndexedPack } from "@skein/git/pack-index";
import type { Bytes } from "@skein/protocol/bytes";
import { packSegmentBytesMax } from "@skein/protocol/limits";
import { failAtCommit } from "@skein/testkit/failing-files";
import { afterAll, expect, test } from "vitest";
import { blobCode, copy, delta, entry, idOf, insert, packOf, refDelta } from "./pack-builder.ts";
import { indexByGit, makeGit, makeHistory, readObjects, readPack } from "./pack-git.ts";

const history = makeHistory(60);
const { pack } = readPack(history);
const oids = history
  .text("rev-list", "--objects", "--no-object-names", "--all")
  .split("\n")
  .map((line) => history.oid(line));
const large = makeLarge();
const signal = new AbortController().signal;
afterAll(() => {
  history[Symbol.dispose]();
  large[Symbol.dispose]();
});

test.each([1, 700, 3_000, 20_000])(
  "segments of at most %i bytes hold all objects",
  async (most) => {
    const indexed = await index(pack);
    const contents = new Map<string, Bytes>();
    let bytes = 0;
    for await (const segment of indexed.segments(most)) {
      const byGit = indexByGit(history, segment.pack);
      expect(byGit.why).toBe("");
      expect(Buffer.from(segment.idx).equals(byGit.idx ?? new Uint8Array(0))).toBe(true);
      contents.set(`objects/pack/pack-${segment.name}.pack`, Uint8Array.from(segment.pack));
      contents.set(`objects/pack/pack-${segment.name}.idx`, segment.idx);
      bytes += segment.pack.length - 32;
    }
    expect(contents.size).toBeGreaterThan(2);
    // Whatever is there twice.
    expect(bytes).toBeLessThanOrEqual(1.5 * pack.length);
    expect(fsckOf(contents, history.oid("main"))).toBe("");
    const store = await openObjectStore(openMemoryFiles(contents));
    for (const [oid, { bytes }] of readObjects(history, oids))
      expect(bytes.equals((await store.read(oid))?.bytes ?? new Uint8Array(0))).toBe(true);
  },
  60_000,
);

test("a pack whose deltas come before their bases is cut as well", async () => {
  const named = history.run(
    ["pack-objects", "--stdout", "-q", "--no-reuse-delta", "--window=20", "--depth=50"],
    `${oids.toReversed().join("\n")}\n`,
  );
  for await (const segment of (await index(named)).segments(3_000))
    expect(indexByGit(history, segment.pack).why).toBe("");
}, 60_000);

test("what is received and is more than a segment is kept as several, and sent again as one", async () => {
  const received = readPack(large).pack;
  expect(received.length).toBeGreaterThan(packSegmentBytesMax);
  const contents = new Map<string, Bytes>();
  const store = await openObjectStore(openMemoryFiles(contents));
  const tip = large.oid("main");
  await store.storePack({ bytes: received, tips: [tip], signal });
  const sizes = [...contents].flatMap(([path, { length }]) =>
    path.endsWith(".pack") ? length : [],
  );
  expect(sizes.length).toBeGreaterThan(1);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(packSegmentBytesMax);
  expect(fsckOf(contents, tip)).toBe("");
  expect(await store.mergePacks({ signal })).toBe(0);
  const { bytes } = await store.buildPack({ wants: [tip], haves: [], signal });
  expect(indexByGit(large, bytes).why).toBe("");
  expect(bytes.length).toBeLessThan(received.length * 1.01);
}, 60_000);

test("many small changes of an object that is more than a segment stand behind one copy of it", async () => {
  const base = noiseOf(17_000_000, 1);
  const sent = packOf([entry(blobCode, base), ...changesOf(base, 20)]);
  const packs = await received(sent);
  expect(packs.length).toBe(1);
  expect(packs[0]?.length).toBeLessThan(sent.length + 1_000);
  for (const one of packs) expect(indexByGit(history, one).why).toBe("");
}, 60_000);

test("changes of large objects in turn stand behind one copy of each", async () => {
  const bases = [1, 2, 3].map((seed) => noiseOf(9_000_000, seed));
  const changes = bases.map((base) => changesOf(base, 5));
  const inTurn = [0, 1, 2, 3, 4].flatMap((at) => changes.flatMap((some) => some[at] ?? []));
  const sent = packOf([...bases.map((base) => entry(blobCode, base)), ...inTurn]);
  const packs = await received(sent);
  expect(packs.length).toBe(3);
  expect(packs.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(sent.length + 1_000);
  for (const one of packs) expect(indexByGit(history, one).why).toBe("");
}, 60_000);

test("a chain is copied only where twice as much stands behind it", async () => {
  const base = noiseOf(20_000, 1);
  const sent = packOf([entry(blobCode, base), ...changesOf(base, 40, 5_000)]);
  let bytes = 0;
  let many = 0;
  for await (const segment of (await index(sent)).segments(30_000)) {
    expect(indexByGit(history, segment.pack).why).toBe("");
    expect(segment.pack.length).toBeLessThan(3 * 20_000 + 5_500);
    bytes += segment.pack.length;
    many += 1;
  }
  expect(many).toBeGreaterThan(3);
  expect(bytes).toBeLessThanOrEqual(1.5 * sent.length);
});

test("a base that was left out and comes after all, on what stands on it, makes no circle", async () => {
  const first = noiseOf(2_000, 1);
  const second = Buffer.concat([first, Buffer.of(7)]);
  const onFirst = delta(2_000, 2_001, copy(0, 2_000), insert(Buffer.of(7)));
  const onSecond = delta(2_001, 2_000, copy(0, 2_000));
  const [here, there] = [idOf("blob", first), idOf("blob", second)];
  const bytes = packOf([refDelta(here, onFirst), refDelta(there, onSecond)]);
  const contents = new Map<string, Bytes>();
  const store = await openObjectStore(openMemoryFiles(contents));
  await store.storePack({ bytes: packOf([entry(blobCode, first)]), tips: [], signal });
  await store.storePack({ bytes, tips: [], signal });
  const [kept] = [...contents]
    .flatMap(([path, pack]) => (path.endsWith(".pack") ? [pack] : []))
    .slice(1);
  expect(indexByGit(history, kept ?? bytes)).toMatchObject({ why: "" });
  expect(kept?.[11]).toBe(2);
});

test("keeping that is stopped between segments leaves nothing", async () => {
  const contents = new Map<string, Bytes>();
  const controller = new AbortController();
  const files = openMemoryFiles(contents);
  const written: number[] = [];
  const commit: typeof files.commit = async (...change) => {
    await files.commit(...change);
    written.push(contents.size);
    controller.abort();
  };
  const store = await openObjectStore({ ...files, commit });
  const tip = large.oid("main");
  const asked = { bytes: readPack(large).pack, tips: [tip], signal: controller.signal };
  await expect(store.storePack(asked)).rejects.toThrow(/abort/u);
  expect(written).toEqual([1, 0]);
  expect(contents.size).toBe(0);
  expect(await store.has(tip)).toBe(false);
}, 60_000);

test.each([
  [1, "before"],
  [2, "after"],
  [3, "before"],
  [3, "after"],
] as const)(
  "storage that fails at change %i, %s it, leaves nothing half there",
  async (failing, moment) => {
    const contents = new Map<string, Bytes>();
    const error = new StorageFullError("The device has no room left");
    const files = failAtCommit(openMemoryFiles(contents), { failing, moment, error });
    const tip = large.oid("main");
    const bytes = readPack(large).pack;
    const store = await openObjectStore(files);
    await expect(store.storePack({ bytes, tips: [tip], signal })).rejects.toBe(error);
    // After the last change it is there, though nobody was told; before, nothing of it is.
    const isThere = failing === 3 && moment === "after";
    const opened = await openObjectStore(openMemoryFiles(contents));
    expect(await opened.has(tip)).toBe(isThere);
    await opened.mergePacks({ signal });
    expect(contents.size).toBe(isThere ? 4 : 0);
    if (isThere) expect(fsckOf(contents, tip)).toBe("");
  },
  60_000,
);

/** What is kept of a pack that comes in parts. */
async function received(bytes: Uint8Array): Promise<ReadonlyArray<Uint8Array>> {
  const contents = new Map<string, Bytes>();
  const store = await openObjectStore(openMemoryFiles(contents));
  const receiver = store.openReceiver({ tips: [], signal });
  for (let at = 0; at < bytes.length; at += 1_000_000)
    await receiver.write(Uint8Array.from(bytes.subarray(at, at + 1_000_000)));
  await receiver.finish();
  return [...contents].flatMap(([path, pack]) => (path.endsWith(".pack") ? [pack] : []));
}

/** Bytes that cannot be shrunk. */
function noiseOf(length: number, seed: number): Buffer {
  const key = Buffer.alloc(16, seed);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** Deltas that name their base, and add a few bytes each, or so many. */
function changesOf(base: Buffer, count: number, added = 100): ReadonlyArray<Uint8Array> {
  const name = idOf("blob", base);
  const copies: Uint8Array[] = [];
  for (let at = 0; at < base.length; at += 0xff_ffff)
    copies.push(copy(at, Math.min(0xff_ffff, base.length - at)));
  return Array.from({ length: count }, (_, at) => {
    const rest = noiseOf(added, 100 + at);
    const inserts: Uint8Array[] = [];
    for (let from = 0; from < added; from += 100)
      inserts.push(insert(rest.subarray(from, from + 100)));
    return refDelta(name, delta(base.length, base.length + added, ...copies, ...inserts));
  });
}

async function index(bytes: Uint8Array): Promise<IndexedPack> {
  return await indexPack({
    pack: bytes,
    signal,
    breathe: async () => {},
    resolveBase: async () => undefined,
  });
}

/** Files that cannot be shrunk, each changed a little by a later commit. */
function makeLarge(): ReturnType<typeof makeGit> {
  const git = makeGit();
  const parts: Buffer[] = [];
  let state = 1;
  const noise = Array.from({ length: 18 }, () =>
    Buffer.from(
      Uint8Array.from({ length: 1_000_000 }, () => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
        return state >> 16;
      }),
    ),
  );
  for (let commit = 0; commit < 2; commit++) {
    parts.push(
      Buffer.from(
        `commit refs/heads/main\nmark :${commit + 1}\ncommitter Alice <a@example.org> ${1_700_000_000 + commit} +0000\ndata 2\nx\n`,
      ),
    );
    for (let file = 0; file < (commit === 0 ? 18 : 5); file++) {
      const bytes = noise[file] ?? Buffer.alloc(0);
      bytes.fill(commit, 1_000 * file, 1_000 * file + 90);
      parts.push(
        Buffer.from(`M 100644 inline file-${file}\ndata ${bytes.length}\n`),
        bytes,
        Buffer.from("\n"),
      );
    }
  }
  git.run(["fast-import", "--quiet"], Buffer.concat(parts));
  git.run(["repack", "-adfq", "--depth=5", "--window=25"]);
  return git;
}

function fsckOf(contents: ReadonlyMap<string, Bytes>, tip: string): string {
  using git = makeGit();
  for (const [path, bytes] of contents) {
    mkdirSync(dirname(join(git.path, path)), { recursive: true });
    writeFileSync(join(git.path, path), bytes);
  }
  git.run(["update-ref", "refs/heads/main", tip]);
  return git.text("fsck", "--full", "--strict", "--no-dangling");
}
