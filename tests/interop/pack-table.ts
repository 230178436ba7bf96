/** The shapes of packs that Mallory sends, by the numbers they have in the list of known ones, and those that are only odd. */

import { deflateRawSync, deflateSync } from "node:zlib";
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
  treeOf,
} from "./pack-builder.ts";
import { sealPack } from "./pack-git.ts";
import {
  bomb,
  chain,
  copies,
  emptyBlocks,
  emptyTree,
  hello,
  helloEntry,
  helloOid,
  manyLargeDeltas,
  manyParents,
  manyTiny,
  megabyte,
  modules,
  nest,
  person,
  raw,
  soundCommit,
  special,
  zeros,
} from "./pack-shapes.ts";

const two = [helloEntry, entry(blobCode, "another\n")];

/** A delta entry right behind `hello`, with an offset that leads to it. */
function after(bytes: Uint8Array): ReadonlyArray<Uint8Array> {
  return [helloEntry, ofsDelta(helloEntry.length, bytes)];
}

function commitWith(text: string): ReadonlyArray<Uint8Array> {
  return [entry(treeCode, ""), entry(commitCode, text)];
}

function cut(pack: Uint8Array, bytes: number): Uint8Array {
  return pack.subarray(0, pack.length - bytes);
}

type Shape = readonly [name: string, pack: () => Uint8Array];

/** Nobody may keep these. */
export const refused: ReadonlyArray<Shape> = [
  [
    "01 wrong trailer",
    () => Uint8Array.from(packOf(two), (byte, at) => (at === 45 ? byte ^ 1 : byte)),
  ],
  ["02 no trailer", () => cut(packOf(two), 20)],
  ["03 cut inside an object", () => cut(packOf(two), 30)],
  ["03 cut inside an object, sealed again", () => sealPack(cut(packOf(two), 30))],
  ["04 one object fewer than it says", () => packOf(two, { count: 3 })],
  ["05 one object more than it says", () => packOf(two, { count: 1 })],
  ["06 four billion objects", () => packOf(two, { count: 0xffff_ffff })],
  ["07 no objects, but bytes", () => packOf(two, { count: 0 })],
  ["09 another magic", () => packOf(two, { magic: "PACX" })],
  ["10 version 3", () => packOf(two, { version: 3 })],
  ["11 version 4", () => packOf(two, { version: 4 })],
  ["12 type 0", () => packOf([entry(0, hello)])],
  ["13 type 5", () => packOf([entry(5, hello)])],
  ["14 five bytes more than declared", () => packOf([entry(blobCode, hello, { size: 8 })])],
  ["15 five bytes fewer than declared", () => packOf([entry(blobCode, hello, { size: 18 })])],
  ["16 four gigabytes declared", () => packOf([entry(blobCode, hello, { size: 2 ** 32 })])],
  [
    "17 a size that never ends",
    () => packOf([Buffer.concat([Buffer.alloc(30, 0xbf), Buffer.of(1), deflateSync(hello)])]),
  ],
  [
    "21 a delta on itself, in 84 bytes",
    () => packOf([ofsDelta(Buffer.of(0), delta(0, 1, insert("x")))]),
  ],
  ["21 a delta on the pack's header", () => packOf([ofsDelta(12, delta(0, 1, insert("x")))])],
  [
    "21 a delta on what lies before the pack",
    () => packOf([helloEntry, ofsDelta(100, delta(13, 1, insert("x")))]),
  ],
  [
    "22 a base beyond the pack",
    () => packOf([helloEntry, ofsDelta(5_000, delta(13, 1, insert("x")))]),
  ],
  [
    "23 a base in the middle of an object",
    () => packOf([helloEntry, ofsDelta(3, delta(13, 1, insert("x")))]),
  ],
  [
    "24 an offset that overflows",
    () =>
      packOf([
        helloEntry,
        ofsDelta(Buffer.from([...Array<number>(15).fill(0xff), 0x7f]), delta(13, 1, insert("x"))),
      ]),
  ],
  [
    "25 a base that is nowhere",
    () => packOf([refDelta("ab".repeat(20), delta(13, 1, insert("x")))]),
  ],
  [
    "26 two deltas on each other",
    () =>
      packOf([
        refDelta(idOf("blob", "b"), delta(1, 1, insert("a"))),
        refDelta(idOf("blob", "a"), delta(1, 1, insert("b"))),
      ]),
  ],
  [
    "27 a delta on its own name",
    () => packOf([refDelta(idOf("blob", "a"), delta(1, 1, insert("a")))]),
  ],
  [
    "27 a delta on the null id",
    () => packOf([refDelta("0".repeat(40), delta(1, 1, insert("a"))), helloEntry]),
  ],
  [
    "30 the reserved opcode",
    () => packOf(after(delta(13, 2, insert("x"), Buffer.of(0), insert("y")))),
  ],
  ["31 a copy out of the base", () => packOf(after(delta(13, 10, copy(10, 10))))],
  ["32 another base size", () => packOf(after(delta(12, 5, copy(0, 5))))],
  ["33 a result too short", () => packOf(after(delta(13, 9, copy(0, 5))))],
  ["33 a result too long", () => packOf(after(delta(13, 3, copy(0, 5))))],
  ["34 a copy that is cut off", () => packOf(after(delta(13, 5, Buffer.of(0x91, 0))))],
  ["35 an insert that is cut off", () => packOf(after(delta(13, 5, Buffer.of(5, 0x61))))],
  ["36 garbage after all is there", () => packOf(after(delta(13, 13, copy(0, 13), insert("zz"))))],
  ["37 an empty delta", () => packOf(after(new Uint8Array(0)))],
  ["37 a delta without an instruction", () => packOf(after(delta(13, 0)))],
  ["37 half of its sizes", () => packOf(after(Buffer.of(0x8d)))],
  ["38 a copy too many", () => packOf(after(delta(13, 13, copy(0, 13), copy(0, 1))))],
  ["40 one object twice", () => packOf([helloEntry, helloEntry])],
  [
    "40 one object twice, once as a delta",
    () => packOf([helloEntry, ofsDelta(helloEntry.length, delta(13, 13, copy(0, 13)))]),
  ],
  ["41 junk after the trailer", () => Buffer.concat([packOf(two), Buffer.from("junk")])],
  [
    "42 junk between objects",
    () => packOf([helloEntry, Buffer.from("junk"), helloEntry], { count: 2 }),
  ],
  [
    "43 a wrong adler",
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
    () =>
      packOf([
        entry(blobCode, hello, { stream: deflateSync(hello, { dictionary: Buffer.from(hello) }) }),
      ]),
  ],
  [
    "45 deflate without zlib",
    () => packOf([entry(blobCode, hello, { stream: deflateRawSync(hello) })]),
  ],
  [
    "50 a gigabyte of zeros",
    () => packOf([entry(blobCode, "", { size: 2 ** 30, stream: zeros(2 ** 27) })]),
  ],
  [
    "51 128 MB of zeros, ten bytes declared",
    () => packOf([entry(blobCode, "", { size: 10, stream: zeros(2 ** 27) })]),
  ],
  [
    "52 a delta that makes four gigabytes",
    () => packOf(after(delta(13, 2 ** 32 - 1, copy(0, 13)))),
  ],
  [
    "53 a delta that makes one",
    () =>
      packOf([
        megabyte,
        ofsDelta(megabyte.length, delta(2 ** 20, 2 ** 30, ...copies(1024, 2 ** 20))),
      ]),
  ],
  ["54 200 deltas that make 16 MB each", manyLargeDeltas],
  ["55 a chain of 5,000 deltas", () => packOf(chain(5_000))],
  ["55 a chain of 50,000 deltas", () => packOf(chain(50_000))],
  ["56 ten folders that spell ten billion files", () => packOf(bomb(10))],
  ["58 folders 5,000 deep", () => packOf(nest(5_000))],
  ["60 no author", () => packOf(commitWith(`tree ${emptyTree}\ncommitter ${person}\n\nhi\n`))],
  [
    "61 a date that overflows",
    () => packOf(commitWith(soundCommit.replaceAll("1700000000", "9".repeat(30)))),
  ],
  [
    "62 a zero byte in the headers",
    () => packOf(commitWith(soundCommit.replace("Alice", "Al\0ce"))),
  ],
  ["62 a zero byte in the message", () => packOf(commitWith(`${soundCommit}\0\n`))],
  [
    "63 no empty line",
    () => packOf(commitWith(`tree ${emptyTree}\nauthor ${person}\ncommitter ${person}`)),
  ],
  ["64 garbage for a commit", () => packOf(commitWith("garbage"))],
  ["65 200,000 parents", () => packOf(commitWith(manyParents(200_000)))],
  ["66 garbage for a tag", () => packOf([entry(tagCode, "garbage\n\n")])],
  [
    "66 a tag of an unknown type",
    () =>
      packOf([
        helloEntry,
        entry(tagCode, `object ${helloOid}\ntype blub\ntag v1\ntagger ${person}\n\nv1\n`),
      ]),
  ],
  [
    "66 a tag of another type than it says",
    () =>
      packOf([
        helloEntry,
        entry(tagCode, `object ${helloOid}\ntype commit\ntag v1\ntagger ${person}\n\nv1\n`),
      ]),
  ],
  ["67 garbage for a tree", () => packOf([entry(treeCode, "garbage")])],
  [
    "67 a tree cut off inside an id",
    () => packOf([helloEntry, entry(treeCode, cut(treeOf(["100644", "a", helloOid]), 1))]),
  ],
  [
    "67 a folder that is a file",
    () => packOf([helloEntry, entry(treeCode, treeOf(["40000", "a", helloOid]))]),
  ],
  [
    "67 a file that is a folder",
    () => packOf([entry(treeCode, ""), entry(treeCode, treeOf(["100644", "a", emptyTree]))]),
  ],
  ["67 a file that is nowhere", () => packOf([entry(treeCode, treeOf(["100644", "a", helloOid]))])],
  [
    "68 a missing author's name",
    () => packOf(commitWith(soundCommit.replace("author Alice <", "author <"))),
  ],
  [
    "68 two authors",
    () => packOf(commitWith(soundCommit.replace("committer", `author ${person}\ncommitter`))),
  ],
  ["68 a time zone in words", () => packOf(commitWith(soundCommit.replace("+0000", "CET")))],
  [
    "68 a date with a leading zero",
    () => packOf(commitWith(soundCommit.replace("1700000000", "01700000000"))),
  ],
  ["t5303 raw deltas 1", () => packOf(raw(Buffer.from("\0\x01\x02XX", "latin1")))],
  ["t5303 raw deltas 2", () => packOf(raw(Buffer.from("\x04\x01\x91\0\x02", "latin1"), "base"))],
  ["t5303 raw deltas 3", () => packOf(raw(Buffer.from("\0\x02\x02X", "latin1")))],
  ["t5303 raw deltas 4", () => packOf(raw(Buffer.from("\0\x01\x91\0\x01", "latin1")))],
  ["t5303 raw deltas 5", () => packOf(raw(Buffer.from("\x04\x02\x01X\x91", "latin1"), "base"))],
  ["t5303 raw deltas 6", () => packOf(raw(Buffer.from("\0\x01\x01X\x01", "latin1")))],
  [
    "t5303 raw deltas 7",
    () => packOf(raw(Buffer.from("\x04\x01\x01X\x91\0\x01", "latin1"), "base")),
  ],
  ["t5303 raw deltas 8", () => packOf(raw(Buffer.from("\0\x01\x01X\0", "latin1")))],
  [
    "a .gitmodules whose name climbs out",
    () => packOf(modules('[submodule "../../x"]\n\turl = https://a.example/\n')),
  ],
  [
    "a .gitmodules whose url is an option",
    () => packOf(modules('[submodule "x"]\n\turl = -uevil\n')),
  ],
  [
    "a .gitmodules whose path is an option",
    () => packOf(modules('[submodule "x"] path = --upload-pack=x\n')),
  ],
  ["a .gitmodules that runs a command", () => packOf(modules('[submodule "x"]\nupdate = !evil\n'))],
  [
    "a .gitmodules whose url has a second line",
    () => packOf(modules('[submodule "x"]\nurl = https://a.example/%0ab\n')),
  ],
  [
    "a .gitmodules that is a symlink",
    () => packOf([helloEntry, entry(treeCode, treeOf(["120000", ".gitmodules", helloOid]))]),
  ],
  [
    "a .gitattributes with an endless line",
    () => packOf(special(".gitattributes", `a ${"b".repeat(3_000)}\n`)),
  ],
];

/** Strange, and harmless: git takes them too. */
export const accepted: ReadonlyArray<Shape> = [
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
