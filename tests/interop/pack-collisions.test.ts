/**
 * An object that was made to collide with another is refused where packs are received, and nothing comes of it.
 *
 * Nobody has yet made one: the collision that was published is of files, and in git a header goes first, so the real
 * kernel finds it in files only (`kernel.test.ts`). These kernels are built from the same sources, for an attack that
 * leaves its mark in a block, and whose other message hashes as this one does.
 */

import { join } from "node:path";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openKernel, prepareKernel } from "@skein/git/kernel-compiled";
import type { Kernel } from "@skein/git/kernel";
import { openObjectStore } from "@skein/git/object-store";
import { packRoom, type PackRoom } from "@skein/git/pack-spool";
import { openRepository } from "@skein/git/repository";
import type { Bytes } from "@skein/protocol/bytes";
import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  blobCode,
  commitCode,
  copy,
  delta,
  entry,
  idOf,
  insert,
  ofsDelta,
  packOf,
  refDelta,
  tagCode,
  treeCode,
} from "./pack-builder.ts";
import { emptyTree, person, soundCommit } from "./pack-shapes.ts";

const { signal } = new AbortController();

/** What the attack leaves: the sixth word of a block. */
const mark = "LIE!";
const markAt = 20;

/** All that a block of this attack must fulfil: each bit of the word is like its first one, or unlike it, as in the mark. */
const attack = vi.hoisted(() => {
  const word = Buffer.from("LIE!").readInt32BE(0);
  return {
    listConditions: () =>
      Array.from({ length: 31 }, (_, bit) => ({
        one: { step: 5, bit: 31 },
        other: { step: 5, bit },
        equal: ((word >>> bit) & 1) === word >>> 31,
        mask: -1,
      })),
    messageDifference: () => new Uint32Array(80),
  };
});

vi.mock("../../packages/git/src/sha1-vectors.ts", async (importOriginal) => ({
  ...(await importOriginal<object>()),
  ...attack,
}));

vi.mock("../../packages/git/src/kernel-module.ts", async () => {
  const vectors = await vi.importActual<object>("../../packages/git/src/sha1-vectors.ts");
  const path = join(import.meta.dirname, "..", "..", "packages", "git", "kernel", "build.mjs");
  const { buildKernel } = await import(/* @vite-ignore */ path);
  const bytes: Uint8Array = await buildKernel({ ...vectors, ...attack });
  return { kernelBytes: bytes.length, kernelModule: Buffer.from(bytes).toString("base64") };
});

/** A text with four letters where the mark counts once git's header stands before it. */
function marked(
  type: string,
  {
    text = "",
    size,
    letters,
  }: { readonly text?: string; readonly size: number; readonly letters: string },
): string {
  const head = `${type} ${size}\0`.length;
  let from = text.length;
  while ((head + from) % 64 !== markAt) from++;
  return (text.padEnd(from, ".") + letters).padEnd(size, ".");
}

const first = idOf("commit", soundCommit);
const tag = `object ${first}\ntype commit\ntag v1\ntagger ${person}\n\n`;
const below = [entry(treeCode, ""), entry(commitCode, soundCommit)];
const line = "a text that nobody made to collide with another\n".repeat(3);
const lineEntry = entry(blobCode, line);
const many = Array.from({ length: 150 }, (_, at) => entry(blobCode, `${line}${at}`));
const half = 2 ** 21;
const largeOf = (letters: string): string =>
  marked("blob", { text: ".".repeat(half), size: 3 * 2 ** 20, letters });

/** The letters, wherever a pack can hold them. */
function packsWith(
  letters: string,
): ReadonlyArray<readonly [name: string, entries: ReadonlyArray<Uint8Array>]> {
  const small = marked("blob", { size: 90, letters });
  const commit = marked("commit", { text: soundCommit, size: 400, letters });
  const large = largeOf(letters);
  const onLine = delta(line.length, small.length, insert(small));
  const calm = largeOf("calm");
  const inLarge = delta(calm.length, large.length, ...replaced(large, large.indexOf(letters)));
  return [
    ["a file", [entry(blobCode, small)]],
    ["a file among many", [...many.slice(0, 77), entry(blobCode, small), ...many.slice(77)]],
    ["the last of many", [...many, entry(blobCode, small)]],
    ["a commit", [...below, entry(commitCode, commit)]],
    ["a tag", [...below, entry(tagCode, marked("tag", { text: tag, size: 400, letters }))]],
    ["a large file", [...many, entry(blobCode, large)]],
    ["what a delta makes", [lineEntry, ofsDelta(lineEntry.length, onLine)]],
    ["what a delta on a later base makes", [refDelta(idOf("blob", line), onLine), lineEntry]],
    [
      "what a delta makes of a large file",
      [entry(blobCode, calm), refDelta(idOf("blob", calm), inLarge)],
    ],
  ];
}

/** All of a text is copied but the four letters at `at`. */
function replaced(text: string, at: number): ReadonlyArray<Uint8Array> {
  const behind = at + mark.length;
  return [...copies(0, at), insert(text.slice(at, behind)), ...copies(behind, text.length)];
}

/** A delta copies no more than this at once. */
function copies(from: number, end: number): ReadonlyArray<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let at = from; at < end; at += 0xffff) parts.push(copy(at, Math.min(0xffff, end - at)));
  return parts;
}

const partBytes = 1_000;
const littleRoom = { heldBytes: 80, chunkBytes: 40, chunksAtOnce: 1, segmentBytes: 150 };

describe.each([
  ["plain", false],
  ["compiled", true],
])("with the %s kernel", (_, isCompiled) => {
  beforeEach(() => {
    if (isCompiled) prepareKernel();
  });

  test("the mark is found where it counts, and nowhere else", () => {
    const kernel = openKernel();
    expect(kernel.bytes().length > 65_536).toBe(isCompiled);
    const small = marked("blob", { size: 90, letters: mark });
    const texts = [small, `.${small}`, line, largeOf(mark), largeOf("calm")];
    expect(texts.map((text) => collides(kernel, text))).toEqual([true, false, false, true, false]);
  });

  test.each(packsWith(mark))(
    "%s is refused while it arrives, and nothing is kept",
    async (__, entries) => {
      for (const room of [packRoom, littleRoom]) {
        const contents = new Map<string, Bytes>();
        await expect(receive(contents, { entries, room })).rejects.toMatchObject({
          code: "pack_rejected",
          fault: "collision",
        });
        expect([...contents.keys()]).toEqual([]);
      }
    },
  );

  test("the same packs without the mark are kept", async () => {
    for (const [name, entries] of packsWith("true")) {
      const contents = new Map<string, Bytes>();
      await receive(contents, { entries, room: packRoom });
      expect([...contents.keys()].length, name).toBeGreaterThan(0);
    }
  });

  test("no ref moves to what came with it, and what was there before stays as it was", async () => {
    const contents = new Map<string, Bytes>();
    const repository = await openRepository({ files: openMemoryFiles(contents) });
    await repository.importBundle(bundleOf(first, below), { signal });
    const before = new Map(contents);
    const text = `tree ${emptyTree}\nparent ${first}\nauthor ${person}\ncommitter ${person}\n\nNext\n`;
    const next = marked("commit", { text, size: 400, letters: mark });
    const bundle = bundleOf(idOf("commit", next), [...below, entry(commitCode, next)]);
    const importing = repository.importBundle(bundle, { signal });
    await expect(importing).rejects.toMatchObject({ code: "pack_rejected", fault: "collision" });
    expect(contents).toEqual(before);
    expect([...(await repository.refs())]).toEqual([["refs/heads/main", first]]);
  });
});

async function receive(
  contents: Map<string, Bytes>,
  { entries, room }: { readonly entries: ReadonlyArray<Uint8Array>; readonly room: PackRoom },
): Promise<void> {
  const pack = packOf(entries);
  const store = await openObjectStore(openMemoryFiles(contents), { room });
  const receiver = store.openReceiver({ tips: [], signal });
  for (let at = 0; at < pack.length; at += partBytes)
    await receiver.write(pack.slice(at, at + partBytes));
  await receiver.finish();
}

function bundleOf(tip: string, entries: ReadonlyArray<Uint8Array>): Uint8Array {
  return Buffer.concat([
    Buffer.from(`# v2 git bundle\n${tip} refs/heads/main\n\n`),
    packOf(entries),
  ]);
}

function collides(kernel: Kernel, text: string): boolean {
  const bytes = Buffer.from(text);
  const at = kernel.heap;
  kernel.reserve(at + bytes.length + 20);
  kernel.bytes().set(bytes, at);
  return kernel.nameObject(blobCode, at, bytes.length, at + bytes.length, 1) === 1;
}
