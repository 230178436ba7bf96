/** Large packs are kept as segments: each is a pack that git takes by itself, whenever the storage fails. */

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
    for await (const segment of indexed.segments(most)) {
      const byGit = indexByGit(history, segment.pack);
      expect(byGit.why).toBe("");
      expect(Buffer.from(segment.idx).equals(byGit.idx ?? new Uint8Array(0))).toBe(true);
      contents.set(`objects/pack/pack-${segment.name}.pack`, Uint8Array.from(segment.pack));
      contents.set(`objects/pack/pack-${segment.name}.idx`, segment.idx);
      // A single object may be more; no other is in its segment but its base.
      if (segment.pack.length > most) expect(segment.pack[11]).toBeLessThanOrEqual(2);
    }
    expect(contents.size).toBeGreaterThan(2);
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
