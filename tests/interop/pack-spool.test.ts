/** Packs that are more than what is held in memory: they wait on the device while they arrive, and nothing of that stays. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { StorageFullError } from "@skein/git/files";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore } from "@skein/git/object-store";
import { PackRejectedError } from "@skein/git/pack-rejected";
import type { PackRoom } from "@skein/git/pack-spool";
import type { Bytes } from "@skein/protocol/bytes";
import { StorageDamagedError } from "@skein/git/stored-pack";
import { parseObjectId, type ObjectId } from "@skein/protocol/ids";
import { failAtCommit } from "@skein/testkit/failing-files";
import { afterAll, describe, expect, test } from "vitest";
import { makeGit, makeHistory, readObjects, readPack, sealPack } from "./pack-git.ts";

const history = makeHistory(60);
afterAll(() => history[Symbol.dispose]());
const tips = [history.oid("main"), history.oid("side")];
const signal = new AbortController().signal;
/** So little that nearly all of a small history has to wait. */
const room: PackRoom = { heldBytes: 900, chunkBytes: 256, chunksAtOnce: 2, segmentBytes: 5_000 };
const oids = history
  .text("rev-list", "--objects", "--no-object-names", ...tips)
  .split("\n")
  .map((line) => history.oid(line));

function packed(...options: ReadonlyArray<string>): Uint8Array {
  return new Uint8Array(
    history.run(["pack-objects", "--stdout", "-q", ...options], `${oids.join("\n")}\n`),
  );
}

const reversed = new Uint8Array(
  history.run(
    ["pack-objects", "--stdout", "-q", "--no-reuse-delta", "--window=20", "--depth=50"],
    `${oids.toReversed().join("\n")}\n`,
  ),
);

/** What lies far behind is asked for again where chains are long, bases are named, or come later. */
const packs: ReadonlyArray<readonly [name: string, pack: Uint8Array]> = [
  ["as git keeps it", readPack(history).pack],
  ["whose bases are named", packed("--window=30", "--depth=60")],
  ["whose bases are told by their distance", packed("--delta-base-offset", "--window=30")],
  ["whose deltas come before their bases", reversed],
];

describe.each(packs)("a pack %s", (_, pack) => {
  test.each([100, 3_000])(
    "is kept as segments that git finds whole, in parts of %i bytes",
    async (partBytes) => {
      const contents = new Map<string, Bytes>();
      const store = await openObjectStore(openMemoryFiles(contents), { room });
      const receiver = store.openReceiver({ tips, signal });
      let [waited, shown] = [0, 0];
      for (let at = 0; at < pack.length; at += partBytes) {
        await receiver.write(pack.slice(at, at + partBytes));
        waited = Math.max(waited, waiting(contents));
        shown += [...contents.keys()].filter((path) => path.startsWith("objects/pack")).length;
      }
      // All but the end of it, and none of it to be seen.
      expect(waited * room.chunkBytes).toBeGreaterThan(pack.length - partBytes - 2_000);
      expect(shown).toBe(0);
      await receiver.finish();
      expect(waiting(contents)).toBe(0);
      const sizes = [...contents].flatMap(([path, { length }]) =>
        path.endsWith(".pack") ? length : [],
      );
      expect(sizes.length).toBeGreaterThan(1);
      expect(fsckOf(contents)).toBe("");
      const again = await openObjectStore(openMemoryFiles(contents));
      for (const [oid, { bytes }] of readObjects(history, oids))
        expect(bytes.equals((await again.read(oid))?.bytes ?? new Uint8Array(0))).toBe(true);
    },
    60_000,
  );
});

test("what fell out of the ring is made again from what waits", async () => {
  using git = makeGit();
  const lines = (file: number, version: number): string =>
    Array.from({ length: 2_500 }, (_, line) =>
      line % 100 === version ? `changed in ${version}\n` : `line ${line} of the file ${file}, \n`,
    ).join("");
  const paths: string[] = [];
  for (let version = 0; version < 8; version++)
    for (let file = 0; file < 8; file++) {
      const path = join(git.path, `${file}-${version}`);
      writeFileSync(path, lines(file, version));
      paths.push(`${path}\n`);
    }
  const blobs = git
    .run(["hash-object", "-w", "--stdin-paths"], paths.join(""))
    .toString()
    .split("\n", 64);
  // By name, so that what belongs together stands far apart.
  const order = blobs.toSorted().map((oid, at) => `${oid} file-${at}\n`);
  const bytes = git.run(["pack-objects", "--stdout", "-q", "--window=70"], order.join(""));
  const contents = new Map<string, Bytes>();
  const reads: string[] = [];
  const files = openMemoryFiles(contents);
  const counted = {
    ...files,
    read: (path: string) => {
      reads.push(path);
      return files.read(path);
    },
  };
  const store = await openObjectStore(counted, { room });
  const receiver = store.openReceiver({ tips: [], packBytes: bytes.length, signal });
  for (let at = 0; at < bytes.length; at += 400)
    await receiver.write(Uint8Array.from(bytes.subarray(at, at + 400)));
  expect(reads.filter((path) => path.startsWith("objects/arriving/")).length).toBeGreaterThan(10);
  await receiver.finish();
  const again = await openObjectStore(files);
  for (const oid of blobs) expect(await again.has(oidOf(oid))).toBe(true);
  expect(fsckOf(contents)).toBe("");
}, 60_000);

test("a thin pack that waits is completed with what is here", async () => {
  const contents = new Map<string, Bytes>();
  const store = await openObjectStore(openMemoryFiles(contents), { room });
  const older = history.oid("main~30");
  const [first, second] = [`${older}\n`, `${tips.join("\n")}\n^${older}\n`].map((asked) =>
    history.run(["pack-objects", "--stdout", "--thin", "--revs", "-q", "--window=30"], asked),
  );
  for (const [bytes, tip] of [
    [first, older],
    [second, tips[0]],
  ] as const) {
    if (bytes === undefined || tip === undefined) throw new Error("there are two packs");
    const receiver = store.openReceiver({ tips: [tip], signal });
    for (let at = 0; at < bytes.length; at += 500)
      await receiver.write(Uint8Array.from(bytes.subarray(at, at + 500)));
    await receiver.finish();
  }
  expect(fsckOf(contents)).toBe("");
});

test("what the device gives back otherwise than it was put away is not kept", async () => {
  const { pack } = readPack(history);
  const contents = new Map<string, Bytes>();
  const store = await openObjectStore(openMemoryFiles(contents), { room });
  const receiver = store.openReceiver({ tips, signal });
  for (let at = 0; at < pack.length; at += 500) await receiver.write(pack.slice(at, at + 500));
  const bent = contents.get("objects/arriving/1-3");
  if (bent === undefined) throw new Error("some of it waits");
  contents.set(
    "objects/arriving/1-3",
    bent.map((byte, at) => (at === 100 ? byte ^ 1 : byte)),
  );
  await expect(receiver.finish()).rejects.toThrow(StorageDamagedError);
  expect(contents.size).toBe(0);
});

test("more than was announced is junk, however it is cut", async () => {
  const { pack } = readPack(history);
  for (const packBytes of [pack.length, pack.length - 700]) {
    const store = await openObjectStore(openMemoryFiles(), { room });
    const receiver = store.openReceiver({ tips, packBytes, signal });
    await receiver.write(new Uint8Array(0));
    await receiver.write(pack.slice(0, packBytes));
    await receiver.write(pack.slice(packBytes));
    if (packBytes === pack.length) {
      await receiver.write(Uint8Array.of(7));
      await expect(receiver.finish()).rejects.toThrow("junk");
    } else await receiver.finish();
  }
});

test("what is refused, let go or never ended leaves nothing, at the latest when the store is opened again", async () => {
  const { pack } = readPack(history);
  const contents = new Map<string, Bytes>();
  const open = (): ReturnType<typeof openObjectStore> =>
    openObjectStore(openMemoryFiles(contents), { room });
  const store = await open();
  const broken = pack.slice();
  broken[pack.length - 3_000] = (broken[pack.length - 3_000] ?? 0) ^ 1;
  const bad = store.openReceiver({ tips, signal });
  const send = async (bytes: Uint8Array, until: number): Promise<void> => {
    for (let at = 0; at < until; at += 500)
      await bad.write(bytes.slice(at, Math.min(until, at + 500)));
    await bad.finish();
  };
  await expect(send(sealPack(broken.slice(0, -20)), pack.length)).rejects.toThrow(
    PackRejectedError,
  );
  expect(contents.size).toBe(0);
  const left = store.openReceiver({ tips, signal });
  await left.write(pack.slice(0, 5_000));
  expect(waiting(contents)).toBeGreaterThan(2);
  await left.close();
  expect(contents.size).toBe(0);
  await store.openReceiver({ tips, signal }).write(pack.slice(0, 5_000));
  expect(waiting(contents)).toBeGreaterThan(2);
  await open();
  expect(contents.size).toBe(0);
});

test.each(["before", "after"] as const)(
  "storage that fails %s any change loses nothing acknowledged and shows nothing half there",
  async (moment) => {
    const { pack } = readPack(history);
    const error = new StorageFullError("The device has no room left");
    const some: PackRoom = { ...room, heldBytes: 5_000, chunkBytes: 1_024 };
    for (let failing = 1; ; failing++) {
      const contents = new Map<string, Bytes>();
      const files = failAtCommit(openMemoryFiles(contents), { failing, moment, error });
      const store = await openObjectStore(files, { room: some });
      const receive = async (): Promise<void> => {
        const receiver = store.openReceiver({ tips, signal });
        for (let at = 0; at < pack.length; at += 1_000)
          await receiver.write(pack.slice(at, at + 1_000));
        await receiver.finish();
      };
      const why = await receive().then(
        () => undefined,
        (cause: unknown) => cause,
      );
      const again = await openObjectStore(openMemoryFiles(contents), { room: some });
      const isHere = await again.has(tips[0] ?? oids[0] ?? history.oid("main"));
      if (why === undefined) expect(isHere).toBe(true);
      expect(waiting(contents)).toBe(0);
      // Where the indexes were written and nobody was told, all of it is there.
      if (isHere) expect(fsckOf(contents)).toBe("");
      await again.mergePacks({ signal });
      if (!isHere) expect(contents.size).toBe(0);
      if (why === undefined) return expect(failing).toBeGreaterThan(5);
      expect(why).toBe(error);
    }
  },
  60_000,
);

function oidOf(text: string): ObjectId {
  const oid = parseObjectId(text);
  if (oid === undefined) throw new Error(`${text} is no object id`);
  return oid;
}

function waiting(contents: ReadonlyMap<string, Bytes>): number {
  return [...contents.keys()].filter((path) => path.startsWith("objects/arriving/")).length;
}

/** Everything that is kept is whole. */
function fsckOf(contents: ReadonlyMap<string, Bytes>): string {
  using git = makeGit();
  for (const [path, bytes] of contents) writeFileSync(join(git.path, path), bytes);
  return git.text("fsck", "--full", "--strict", "--no-dangling");
}
