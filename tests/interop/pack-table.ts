/** The shapes of packs that Mallory sends, by the numbers they have in the list of known ones, and those that are only odd. */

import { deflateRawSync, deflateSync } from "node:zlib";
import {
  blobCode,
  copy,
  delta,
  entry,
  idOf,
  insert,
  ofsDelta,
  packOf,
  refDelta,
  treeCode,
  treeOf,
} from "./pack-builder.ts";
import { sealPack } from "./pack-git.ts";
import {
  bomb,
  chain,
  copies,
  cut,
  emptyBlocks,
  hello,
  helloEntry,
  helloOid,
  manyLargeDeltas,
  manyTiny,
  megabyte,
  modules,
  nest,
  raw,
  soundCommit,
  zeros,
} from "./pack-shapes.ts";
import { commitWith, unsound, type RefusedShape } from "./pack-table-objects.ts";

const two = [helloEntry, entry(blobCode, "another\n")];

/** A delta entry right behind `hello`, with an offset that leads to it. */
function after(bytes: Uint8Array): ReadonlyArray<Uint8Array> {
  return [helloEntry, ofsDelta(helloEntry.length, bytes)];
}

/** Nobody may keep these. */
export const refused: ReadonlyArray<RefusedShape> = [
  [
    "01 wrong trailer",
    "wrong-checksum",
    () => packOf(two).map((byte, at, all) => (at === all.length - 1 ? byte ^ 1 : byte)),
  ],
  ["02 no trailer", "cut-short", () => cut(packOf(two), 20)],
  ["03 cut inside an object", "cut-short", () => cut(packOf(two), 30)],
  ["03 cut inside an object, sealed again", "cut-short", () => sealPack(cut(packOf(two), 30))],
  ["04 one object fewer than it says", "cut-short", () => packOf(two, { count: 3 })],
  ["05 one object more than it says", "junk", () => packOf(two, { count: 1 })],
  ["06 four billion objects", "object-count", () => packOf(two, { count: 0xffff_ffff })],
  ["07 no objects, but bytes", "junk", () => packOf(two, { count: 0 })],
  ["09 another magic", "no-pack", () => packOf(two, { magic: "PACX" })],
  ["10 version 3", "unknown-version", () => packOf(two, { version: 3 })],
  ["11 version 4", "unknown-version", () => packOf(two, { version: 4 })],
  ["12 type 0", "unknown-entry", () => packOf([entry(0, hello)])],
  ["13 type 5", "unknown-entry", () => packOf([entry(5, hello)])],
  [
    "14 five bytes more than declared",
    "broken-stream",
    () => packOf([entry(blobCode, hello, { size: 8 })]),
  ],
  [
    "15 five bytes fewer than declared",
    "broken-stream",
    () => packOf([entry(blobCode, hello, { size: 18 }), ...two]),
  ],
  [
    "15 five bytes fewer than declared, and nothing behind",
    "cut-short",
    () => packOf([entry(blobCode, hello, { size: 18 })]),
  ],
  [
    "16 four gigabytes declared",
    "object-bytes",
    () => packOf([entry(blobCode, hello, { size: 2 ** 32 })]),
  ],
  [
    "17 a size that never ends",
    "unknown-entry",
    () => packOf([Buffer.concat([Buffer.alloc(30, 0xbf), Buffer.of(1), deflateSync(hello)])]),
  ],
  [
    "21 a delta on itself, in 84 bytes",
    "base-out-of-bounds",
    () => packOf([ofsDelta(Buffer.of(0), delta(0, 1, insert("x")))]),
  ],
  [
    "21 a delta on the pack's header",
    "base-out-of-bounds",
    () => packOf([ofsDelta(12, delta(0, 1, insert("x")))]),
  ],
  [
    "21 a delta on what lies before the pack",
    "base-out-of-bounds",
    () => packOf([helloEntry, ofsDelta(100, delta(13, 1, insert("x")))]),
  ],
  [
    "22 a base beyond the pack",
    "base-out-of-bounds",
    () => packOf([helloEntry, ofsDelta(5_000, delta(13, 1, insert("x")))]),
  ],
  [
    "23 a base in the middle of an object",
    "base-out-of-bounds",
    () => packOf([helloEntry, ofsDelta(3, delta(13, 1, insert("x")))]),
  ],
  [
    "24 an offset that overflows",
    "unknown-entry",
    () =>
      packOf([
        helloEntry,
        ofsDelta(Buffer.from([...Array<number>(15).fill(0xff), 0x7f]), delta(13, 1, insert("x"))),
      ]),
  ],
  [
    "25 a base that is nowhere",
    "base-missing",
    () => packOf([refDelta("ab".repeat(20), delta(13, 1, insert("x")))]),
  ],
  [
    "26 two deltas on each other",
    "base-missing",
    () =>
      packOf([
        refDelta(idOf("blob", "b"), delta(1, 1, insert("a"))),
        refDelta(idOf("blob", "a"), delta(1, 1, insert("b"))),
      ]),
  ],
  [
    "27 a delta on its own name",
    "base-missing",
    () => packOf([refDelta(idOf("blob", "a"), delta(1, 1, insert("a")))]),
  ],
  [
    "27 a delta on the null id",
    "base-missing",
    () => packOf([refDelta("0".repeat(40), delta(1, 1, insert("a"))), helloEntry]),
  ],
  [
    "30 the reserved opcode",
    "misfit-delta",
    () => packOf(after(delta(13, 2, insert("x"), Buffer.of(0), insert("y")))),
  ],
  ["31 a copy out of the base", "misfit-delta", () => packOf(after(delta(13, 10, copy(10, 10))))],
  ["32 another base size", "misfit-delta", () => packOf(after(delta(12, 5, copy(0, 5))))],
  ["33 a result too short", "misfit-delta", () => packOf(after(delta(13, 9, copy(0, 5))))],
  ["33 a result too long", "misfit-delta", () => packOf(after(delta(13, 3, copy(0, 5))))],
  [
    "34 a copy that is cut off",
    "misfit-delta",
    () => packOf(after(delta(13, 5, Buffer.of(0x91, 0)))),
  ],
  [
    "35 an insert that is cut off",
    "misfit-delta",
    () => packOf(after(delta(13, 5, Buffer.of(5, 0x61)))),
  ],
  [
    "36 garbage after all is there",
    "misfit-delta",
    () => packOf(after(delta(13, 13, copy(0, 13), insert("zz")))),
  ],
  ["37 an empty delta", "misfit-delta", () => packOf(after(new Uint8Array(0)))],
  ["37 a delta without an instruction", "misfit-delta", () => packOf(after(delta(13, 0)))],
  ["37 half of its sizes", "misfit-delta", () => packOf(after(Buffer.of(0x8d)))],
  [
    "38 a copy too many",
    "misfit-delta",
    () => packOf(after(delta(13, 13, copy(0, 13), copy(0, 1)))),
  ],
  ["40 one object twice", "object-twice", () => packOf([helloEntry, helloEntry])],
  [
    "40 one object twice, once as a delta",
    "object-twice",
    () => packOf([helloEntry, ofsDelta(helloEntry.length, delta(13, 13, copy(0, 13)))]),
  ],
  ["41 junk after the trailer", "junk", () => Buffer.concat([packOf(two), Buffer.from("junk")])],
  [
    "42 junk between objects",
    "broken-stream",
    () => packOf([helloEntry, Buffer.from("junk"), helloEntry], { count: 2 }),
  ],
  [
    "43 a wrong adler",
    "broken-stream",
    () =>
      packOf([
        entry(blobCode, hello, {
          stream: deflateSync(hello).map((byte, at, all) =>
            at === all.length - 1 ? byte ^ 1 : byte,
          ),
        }),
      ]),
  ],
  [
    "44 a dictionary",
    "broken-stream",
    () =>
      packOf([
        entry(blobCode, hello, { stream: deflateSync(hello, { dictionary: Buffer.from(hello) }) }),
      ]),
  ],
  [
    "45 deflate without zlib",
    "broken-stream",
    () => packOf([entry(blobCode, hello, { stream: deflateRawSync(hello) })]),
  ],
  [
    "50 a gigabyte of zeros",
    "object-bytes",
    () => packOf([entry(blobCode, "", { size: 2 ** 30, stream: zeros(2 ** 27) })]),
  ],
  [
    "51 128 MB of zeros, ten bytes declared",
    "broken-stream",
    () => packOf([entry(blobCode, "", { size: 10, stream: zeros(2 ** 27) })]),
  ],
  [
    "52 a delta that makes four gigabytes",
    "misfit-delta",
    () => packOf(after(delta(13, 2 ** 32 - 1, copy(0, 13)))),
  ],
  [
    "52 a delta that makes two gigabytes",
    "object-bytes",
    () => packOf(after(delta(13, 2 ** 31 - 1, copy(0, 13)))),
  ],
  [
    "53 a delta that makes one",
    "object-bytes",
    () =>
      packOf([
        megabyte,
        ofsDelta(megabyte.length, delta(2 ** 20, 2 ** 30, ...copies(1024, 2 ** 20))),
      ]),
  ],
  ["54 200 deltas that make 16 MB each", "inflated-bytes", manyLargeDeltas],
  ["55 a chain of 5,000 deltas", "delta-chain", () => packOf(chain(5_000))],
  ["55 a chain of 50,000 deltas", "delta-chain", () => packOf(chain(50_000))],
  ["56 ten folders that spell ten billion files", "tree-paths", () => packOf(bomb(10))],
  ["58 folders 5,000 deep", "tree-depth", () => packOf(nest(5_000))],
  ["t5303 raw deltas 1", "misfit-delta", () => packOf(raw(Buffer.from("\0\x01\x02XX", "latin1")))],
  [
    "t5303 raw deltas 2",
    "misfit-delta",
    () => packOf(raw(Buffer.from("\x04\x01\x91\0\x02", "latin1"), "base")),
  ],
  ["t5303 raw deltas 3", "misfit-delta", () => packOf(raw(Buffer.from("\0\x02\x02X", "latin1")))],
  [
    "t5303 raw deltas 4",
    "misfit-delta",
    () => packOf(raw(Buffer.from("\0\x01\x91\0\x01", "latin1"))),
  ],
  [
    "t5303 raw deltas 5",
    "misfit-delta",
    () => packOf(raw(Buffer.from("\x04\x02\x01X\x91", "latin1"), "base")),
  ],
  [
    "t5303 raw deltas 6",
    "misfit-delta",
    () => packOf(raw(Buffer.from("\0\x01\x01X\x01", "latin1"))),
  ],
  [
    "t5303 raw deltas 7",
    "misfit-delta",
    () => packOf(raw(Buffer.from("\x04\x01\x01X\x91\0\x01", "latin1"), "base")),
  ],
  ["t5303 raw deltas 8", "misfit-delta", () => packOf(raw(Buffer.from("\0\x01\x01X\0", "latin1")))],
  ...unsound,
];

/** Strange, and harmless: git takes them too. */
export const accepted: ReadonlyArray<readonly [name: string, pack: () => Uint8Array]> = [
  ["08 no objects", () => packOf([])],
  ["a blob and a delta on it", () => packOf(after(delta(13, 15, copy(0, 13), insert("zz"))))],
  [
    "a delta that names a base behind it",
    () => packOf([refDelta(helloOid, delta(13, 5, copy(0, 5))), helloEntry]),
  ],
  [
    "46 200,000 empty blocks",
    () => packOf([entry(blobCode, "", { stream: emptyBlocks(200_000) })]),
  ],
  ["55 a chain of 4,000 deltas", () => packOf(chain(4_000))],
  ["57 300,000 tiny objects", () => packOf(manyTiny(300_000))],
  ["58 folders 500 deep", () => packOf(nest(500))],
  [
    "a folder before the file in it",
    () => packOf([entry(treeCode, treeOf(["100644", "a", helloOid])), helloEntry]),
  ],
  ["a sound commit", () => packOf(commitWith(soundCommit))],
  [
    "old modes",
    () =>
      packOf([
        helloEntry,
        entry(treeCode, treeOf(["100664", "a", helloOid], ["100666", "b", helloOid])),
      ]),
  ],
  ["a submodule", () => packOf(modules('[submodule "x"]\n\tpath = x\n\turl = ../x.git\n'))],
];
