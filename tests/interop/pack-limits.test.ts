/** How much a pack may be: what is as much as may be is taken, and what is one more is refused for that. */

import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore } from "@skein/git/object-store";
import { packLimits, type PackLimits } from "@skein/git/pack-limits";
import type { Bytes } from "@skein/protocol/bytes";
import {
  commitParentsMax,
  deltaChainMax,
  entryNameBytesMax,
  objectBytesMax,
  packBytesMax,
  packInflatedBytesFree,
  packInflatedBytesMax,
  packInflationMax,
  packObjectsMax,
  zlibStreamBytesFree,
  zlibStreamGrowthMax,
} from "@skein/protocol/limits";
import { expect, test } from "vitest";
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
  treeCode,
  treeOf,
} from "./pack-builder.ts";
import { packFaultOf } from "./pack-fault.ts";
import {
  chain,
  copies,
  emptyTree,
  helloEntry,
  helloOid,
  megabyte,
  soundCommit,
  zeros,
} from "./pack-shapes.ts";

const signal = new AbortController().signal;

interface Way {
  readonly limits?: Partial<PackLimits>;
  /** How long the sender says it is; nothing, unless told. */
  readonly announced?: number;
}

/** `taken`, or what it was refused for. */
async function sent(pack: Uint8Array, { limits, announced }: Way = {}): Promise<string> {
  const contents = new Map<string, Bytes>();
  const given = { limits: { ...packLimits, ...limits } };
  const store = await openObjectStore(openMemoryFiles(contents), given);
  try {
    const receiver = store.openReceiver({ tips: [], packBytes: announced, signal });
    for (let at = 0; at < pack.length; at += 2 ** 20)
      await receiver.write(pack.slice(at, at + 2 ** 20));
    await receiver.finish();
    return "taken";
  } catch (error) {
    expect(contents.size).toBe(0);
    return packFaultOf(error) ?? String(error);
  }
}

const small = packOf([helloEntry, entry(blobCode, "another\n"), entry(blobCode, "and one more\n")]);

test("bytes of a pack, whether they were announced or not", async () => {
  const limits = { packBytes: small.length };
  for (const announced of [undefined, small.length]) {
    const way = announced === undefined ? {} : { announced };
    expect(await sent(small, { limits, ...way })).toBe("taken");
    expect(await sent(small, { limits: { packBytes: small.length - 1 }, ...way })).toBe(
      "pack-bytes",
    );
  }
  // As much as may be is not refused before it came.
  expect(await sent(small.subarray(0, 40), { announced: packBytesMax })).toBe("cut-short");
  expect(await sent(small, { announced: packBytesMax + 1 })).toBe("pack-bytes");
});

test("objects in a pack", async () => {
  expect(await sent(small, { limits: { objects: 3 } })).toBe("taken");
  expect(await sent(small, { limits: { objects: 2 } })).toBe("object-count");
  expect(await sent(packOf([helloEntry], { count: packObjectsMax }))).toBe("cut-short");
  expect(await sent(packOf([helloEntry], { count: packObjectsMax + 1 }))).toBe("object-count");
});

test("bytes of an object that is whole", async () => {
  const pack = (size: number): Uint8Array =>
    packOf([entry(blobCode, "", { size, stream: zeros(size) })]);
  expect(await sent(pack(objectBytesMax))).toBe("taken");
  expect(await sent(pack(objectBytesMax + 1))).toBe("object-bytes");
});

test("bytes of an object that a delta makes", async () => {
  const pack = (more: number): Uint8Array => {
    const made = [...copies(63, 2 ** 20), copy(0, 2 ** 20 - 8), insert("x".repeat(8 + more))];
    const bytes = delta(2 ** 20, 2 ** 26 + more, ...made);
    // With bytes that nobody can shrink, so that the rest may be inflated.
    return packOf([entry(blobCode, noise(8_192)), megabyte, ofsDelta(megabyte.length, bytes)]);
  };
  expect(objectBytesMax).toBe(2 ** 26);
  expect(await sent(pack(0))).toBe("taken");
  expect(await sent(pack(1))).toBe("object-bytes");
});

test("bytes of all objects, for a pack as short as this", async () => {
  const all = "hello, world\nanother\nand one more\n".length;
  const less = small.length - all;
  expect(await sent(small, { limits: { inflatedBytesOf: (bytes) => bytes - less } })).toBe("taken");
  expect(await sent(small, { limits: { inflatedBytesOf: (bytes) => bytes - less - 1 } })).toBe(
    "inflated-bytes",
  );
  expect(packLimits.inflatedBytesOf(1_000)).toBe(packInflatedBytesFree + 1_000 * packInflationMax);
  expect(packLimits).toMatchObject({
    packBytes: packBytesMax,
    objects: packObjectsMax,
    objectBytes: objectBytesMax,
    inflatedBytes: packInflatedBytesMax,
  });
});

test("bytes of all objects and deltas, for any pack", async () => {
  const grown = delta(13, 20, copy(0, 13), insert("goodbye"));
  const pack = packOf([helloEntry, ofsDelta(helloEntry.length, grown)]);
  const all = 13 + grown.length + 20;
  expect(await sent(pack, { limits: { inflatedBytes: all } })).toBe("taken");
  expect(await sent(pack, { limits: { inflatedBytes: all - 1 } })).toBe("inflated-bytes");
});

test("deltas on deltas", async () => {
  expect(await sent(packOf(chain(deltaChainMax)))).toBe("taken");
  expect(await sent(packOf(chain(deltaChainMax + 1)))).toBe("delta-chain");
});

test("parents of a commit", async () => {
  const root = idOf("commit", soundCommit);
  const pack = (parents: number): Uint8Array => {
    const merge = soundCommit.replace("author", `${`parent ${root}\n`.repeat(parents)}author`);
    return packOf([entry(treeCode, ""), entry(commitCode, soundCommit), entry(commitCode, merge)]);
  };
  expect(await sent(pack(commitParentsMax))).toBe("taken");
  expect(await sent(pack(commitParentsMax + 1))).toBe(
    `unsound-object: more than ${commitParentsMax} parents`,
  );
});

test.each([
  ["a file's", "100644", helloOid],
  ["a symlink's", "120000", helloOid],
  ["a folder's", "40000", emptyTree],
  ["a submodule's", "160000", "1".repeat(40)],
])("bytes of %s name", async (_, mode, oid) => {
  const pack = (bytes: number): Uint8Array =>
    packOf([
      helloEntry,
      entry(treeCode, ""),
      entry(treeCode, treeOf([mode, "n".repeat(bytes), oid])),
    ]);
  expect(await sent(pack(entryNameBytesMax))).toBe("taken");
  expect(await sent(pack(entryNameBytesMax + 1))).toBe("unsound-object: largePathname");
});

test("bytes of a zlib stream, however little it inflates to", async () => {
  const longest = (size: number): number => zlibStreamGrowthMax * size + zlibStreamBytesFree;
  const [taken, refused] = [storedIn(longest(0), ""), storedIn(longest(4) + 1, "four")];
  expect(await sent(packOf([entry(blobCode, "", { stream: taken })]))).toBe("taken");
  expect(await sent(packOf([entry(blobCode, "four", { stream: refused })]))).toBe("endless-stream");
});

/** A stream of so many bytes: stored blocks, all of them empty but one. */
function storedIn(bytes: number, text: string): Uint8Array {
  const stored = (flag: number, block: string): Buffer => {
    const length = Buffer.alloc(5);
    length[0] = flag;
    length.writeUInt16LE(block.length, 1);
    length.writeUInt16LE(0xffff - block.length, 3);
    return Buffer.concat([length, Buffer.from(block)]);
  };
  const checksum = deflateSync(text).subarray(-4);
  const empty = (bytes - 2 - 5 - text.length - 4) / 5;
  expect(empty % 1).toBe(0);
  const blocks = Array.from({ length: empty }, () => stored(0, ""));
  return Buffer.concat([Buffer.of(0x78, 0x01), ...blocks, stored(1, text), checksum]);
}

/** Bytes that cannot be shrunk, always the same. */
function noise(bytes: number): Uint8Array {
  const parts = Array.from({ length: bytes / 32 }, (_, at) =>
    createHash("sha256").update(String(at)).digest(),
  );
  return Buffer.concat(parts);
}
