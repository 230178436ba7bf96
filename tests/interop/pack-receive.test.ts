/** Packs that arrive in parts: read on the way, kept at the end, all of them or nothing. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore } from "@skein/git/object-store";
import type { Bytes } from "@skein/protocol/bytes";
import { afterAll, describe, expect, test } from "vitest";
import { blobCode, copy, delta, entry, idOf, insert, packOf, refDelta } from "./pack-builder.ts";
import { indexByGit, makeGit, makeHistory, readPack } from "./pack-git.ts";

const history = makeHistory(40);
const judge = makeGit();
afterAll(() => {
  history[Symbol.dispose]();
  judge[Symbol.dispose]();
});
const signal = new AbortController().signal;
const tips = [history.oid("main"), history.oid("side")];
const packs: ReadonlyArray<readonly [string, Uint8Array]> = [
  ["with deltas told by their distance", readPack(history).pack],
  [
    "with deltas told by their base's name",
    new Uint8Array(
      history.run(["pack-objects", "--stdout", "-q", "--revs", "--all", "--window=20"], "\n"),
    ),
  ],
];

describe.each(packs)("a pack %s", (_, pack) => {
  test.each([1, 13, 777, 4_096, 1_000_000])(
    "in parts of %i bytes is indexed as git does",
    async (size) => {
      for (const packBytes of [undefined, pack.length]) {
        const contents = new Map<string, Bytes>();
        const store = await openObjectStore(openMemoryFiles(contents));
        const receiver = store.openReceiver({ tips, packBytes, signal });
        for (let offset = 0; offset < pack.length; offset += size) {
          expect(contents.size).toBe(0);
          await receiver.write(pack.slice(offset, offset + size));
        }
        await receiver.finish();
        const idx = [...contents].find(([path]) => path.endsWith(".idx"))?.[1];
        expect(Buffer.from(idx ?? "").equals(indexByGit(judge, pack).idx ?? Buffer.of(1))).toBe(
          true,
        );
      }
    },
  );

  test("that ends too early, wherever that is, leaves nothing", async () => {
    const contents = new Map<string, Bytes>();
    const store = await openObjectStore(openMemoryFiles(contents));
    for (let end = 0; end < pack.length; end += 331) {
      const receiver = store.openReceiver({ tips, signal });
      const why = await receiver
        .write(pack.slice(0, end))
        .then(receiver.finish)
        .then(
          () => "nothing",
          (error: Error) => error.name,
        );
      expect(why, `${end} bytes`).toBe("PackRejectedError");
    }
    expect(contents.size).toBe(0);
  });
});

test("objects larger than what is kept at hand, and deltas on them, come out right", async () => {
  using git = makeGit();
  const large = Buffer.alloc(5_500_000);
  for (let at = 0; at < large.length; at++)
    large[at] = (Math.imul(at, 2_654_435_761) >>> 13) & 0x3f;
  const middle = large.subarray(0, 3_000_000);
  const oids: string[] = [];
  for (let version = 0; version < 7; version++)
    for (const file of [large, middle]) {
      file.write(`version ${version} of it`, 1_000 * version);
      const path = join(git.path, "file");
      writeFileSync(path, file);
      oids.push(git.text("hash-object", "-w", path));
    }
  const pack = new Uint8Array(
    git.run(
      [
        "-c",
        "core.bigFileThreshold=1g",
        "pack-objects",
        "--stdout",
        "-q",
        "--window=3",
        "--depth=20",
        "--delta-base-offset",
      ],
      `${oids.join("\n")}\n`,
    ),
  );
  expect(pack.length).toBeLessThan(20_000_000);
  const contents = new Map<string, Bytes>();
  const store = await openObjectStore(openMemoryFiles(contents));
  const receiver = store.openReceiver({ tips: [], signal });
  for (let offset = 0; offset < pack.length; offset += 65_536)
    await receiver.write(pack.slice(offset, offset + 65_536));
  await receiver.finish();
  const idx = [...contents].find(([path]) => path.endsWith(".idx"))?.[1];
  expect(Buffer.from(idx ?? "").equals(indexByGit(judge, pack).idx ?? Buffer.of(1))).toBe(true);
}, 60_000);

test.each([1, 1_000])(
  "in parts of %i bytes, a base that many deltas left out is kept with them once",
  async (size) => {
    const contents = new Map<string, Bytes>();
    const store = await openObjectStore(openMemoryFiles(contents));
    const text = "what is stored already\n";
    await store.storePack({ bytes: packOf([entry(blobCode, text)]), tips: [], signal });
    const before = new Set(contents.keys());
    const deltas = ["x", "y", "zz"].map((more) =>
      refDelta(
        idOf("blob", text),
        delta(text.length, text.length + more.length, copy(0, text.length), insert(more)),
      ),
    );
    const pack = packOf(deltas);
    const receiver = store.openReceiver({ tips: [], packBytes: pack.length, signal });
    for (let offset = 0; offset < pack.length; offset += size)
      await receiver.write(pack.slice(offset, offset + size));
    await receiver.finish();
    const made = [...contents].filter(([path]) => !before.has(path));
    const kept = made.find(([path]) => path.endsWith(".pack"))?.[1] ?? new Uint8Array(12);
    expect(new DataView(kept.buffer, kept.byteOffset).getUint32(8)).toBe(deltas.length + 1);
    const idx = made.find(([path]) => path.endsWith(".idx"))?.[1];
    const { idx: theirs, why } = indexByGit(judge, kept);
    expect(Buffer.from(idx ?? "").equals(theirs ?? Buffer.of(1)), why).toBe(true);
  },
);
