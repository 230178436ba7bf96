/** What git repositories are made of, and what they come in: objects, deltas, streams, indexes, bundles, zips, names. */

import { deflateSync, inflateSync } from "node:zlib";
import { BundleRejectedError, readBundle, writeBundle } from "@skein/git/bundle";
import { applyDelta } from "@skein/git/delta";
import { entryNameFault } from "@skein/git/entry-name";
import { exportName } from "@skein/git/export-names";
import { formatIdx, parseIdx, sortByOid } from "@skein/git/idx";
import { inflateAt } from "@skein/git/inflate";
import { openKernel, prepareKernel } from "@skein/git/kernel-compiled";
import { openPlainKernel } from "@skein/git/kernel-plain";
import type { Kernel } from "@skein/git/kernel";
import { parseLfsPointer } from "@skein/git/lfs";
import { parseCommit, parseTag, parseTree, type ObjectType } from "@skein/git/object";
import { objectFault } from "@skein/git/object-fault";
import { flushPacket, formatPacket, openPacketReader, type Packet } from "@skein/git/pkt-line";
import { readCapabilities, readRefs, RemoteRefusedError } from "@skein/git/remote-protocol";
import { readModules, specialFileFault } from "@skein/git/special-file";
import { formatPath, parsePath } from "@skein/git/tree-path";
import { readZip, ZipRejectedError } from "@skein/git/zip-read";
import { concat, equal, formatUtf8, parseUtf8, type Bytes } from "@skein/protocol/bytes";
import { parseObjectId, parseRefName } from "@skein/protocol/ids";
import { zipSync } from "fflate";
import { copy, delta, idOf, insert, treeOf } from "../interop/pack-builder.ts";
import { sealPack } from "../interop/pack-git.ts";
import { demand, type Decoder } from "./fuzz.ts";
import { mutate } from "./mutation.ts";

prepareKernel();
const kernels = [openKernel(), openPlainKernel()];
const person = "Alice <alice@example.org> 1700000000 +0000";
const oid = parseObjectId("ab".repeat(20));
const main = parseRefName("refs/heads/main");
if (oid === undefined || main === undefined) throw new Error("they are names");

const deltaBase = Uint8Array.from({ length: 3_000 }, (_, at) => (at * 7) ^ (at >> 4));
const resultMax = 2 ** 20;

const deltas: Decoder = {
  name: "delta",
  samples: [
    delta(3_000, 2_010, copy(0, 1_000), insert("0123456789"), copy(2_000, 1_000)),
    delta(3_000, 3_000, copy(0, 3_000)),
    delta(3_000, 3, insert("abc")),
    delta(3_000, 300, ...Array.from({ length: 30 }, (_, at) => copy(at * 90, 10))),
  ],
  read: (bytes) => {
    const made = applyDelta(deltaBase, bytes, resultMax);
    demand((made?.length ?? 0) <= resultMax, "a result is no larger than may be");
    const told = kernels.map((kernel) => applyInKernel(kernel, bytes));
    for (const one of told)
      demand(
        one === undefined ? made === undefined : made !== undefined && equal(one, made),
        "all ways of applying a delta come to the same",
      );
    return made !== undefined;
  },
};

function applyInKernel(kernel: Kernel, bytes: Bytes): Bytes | undefined {
  const base = kernel.heap;
  const at = base + deltaBase.length;
  const to = at + bytes.length;
  kernel.reserve(to);
  kernel.bytes().set(deltaBase, base);
  kernel.bytes().set(bytes, at);
  const size = kernel.deltaResult(at, bytes.length, deltaBase.length);
  if (size < 0 || size > resultMax) return undefined;
  kernel.reserve(to + size);
  const sound = kernel.applyDelta(base, deltaBase.length, at, bytes.length, to, size) === 1;
  return sound ? kernel.bytes().slice(to, to + size) : undefined;
}

const texts = ["", "hello", "a line of text\n".repeat(60), "abcdefgh".repeat(900)];
const sizeBytes = 4;
const inflatedMax = 100_000;

/** Four bytes of size, then the stream. */
const streams: Decoder = {
  name: "inflate",
  samples: texts.flatMap((text) =>
    [1, 9, 0].map((level) =>
      concat(sizeOf(text.length), Uint8Array.from(deflateSync(text, { level }))),
    ),
  ),
  reshape: (sample, chance) => {
    const stream = mutate(sample.subarray(sizeBytes), chance, { others: [sample] });
    const size = new DataView(sample.buffer, sample.byteOffset).getUint32(0);
    return concat(sizeOf(chance.below(5) === 0 ? chance.below(1_000) : size), stream);
  },
  read: (bytes) => {
    if (bytes.length < sizeBytes) return false;
    const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) % inflatedMax;
    const stream = bytes.subarray(sizeBytes);
    const ours = inflateAt(stream, 0, size);
    const zlib = inflateByZlib(stream);
    const theirs = zlib?.length === size ? zlib : undefined;
    demand(
      ours === undefined ? theirs === undefined : theirs !== undefined && equal(ours.bytes, theirs),
      "zlib takes what is taken here, and no more",
    );
    return ours !== undefined;
  },
};

function sizeOf(size: number): Bytes {
  const bytes = new Uint8Array(sizeBytes);
  new DataView(bytes.buffer).setUint32(0, size);
  return bytes;
}

function inflateByZlib(stream: Uint8Array): Uint8Array | undefined {
  try {
    return inflateSync(stream, { maxOutputLength: inflatedMax });
  } catch {
    // It says why in words; here it is enough that it refuses.
    return undefined;
  }
}

const tree = treeOf(
  ["40000", ".git-hooks", "11".repeat(20)],
  ["100644", "a.txt", "22".repeat(20)],
  ["100755", "run.sh", "33".repeat(20)],
  ["120000", "tilde~1", "44".repeat(20)],
  ["160000", "zz", "55".repeat(20)],
);
const commit = `tree ${idOf("tree", tree)}\nparent ${"12".repeat(20)}\nauthor ${person}\ncommitter ${person}\nencoding UTF-8\ngpgsig -----BEGIN\n more\n -----END\n\nHello\n`;
const tag = `object ${idOf("blob", "")}\ntype commit\ntag v1\ntagger ${person}\n\nv1\n`;
const objectTypes: ReadonlyArray<ObjectType> = ["commit", "tree", "tag"];

/** The first byte says what it is to be. */
const objects: Decoder = {
  name: "object",
  samples: [commit, tree, tag].map((data, type) =>
    concat(Uint8Array.of(type), Uint8Array.from(Buffer.from(data))),
  ),
  words: [
    "tree ",
    "parent ",
    "author ",
    "committer ",
    "object ",
    "type blob\n",
    "\n\n",
    "\0",
    "<",
    ">",
    " +0000\n",
    "40000 ",
    "100644 .git\0",
    "120000 .gitmodules\0",
    "0".repeat(40),
  ],
  read: (bytes) => {
    const type = objectTypes[(bytes[0] ?? 0) % objectTypes.length] ?? "tree";
    const object = bytes.slice(1);
    const referred: string[] = [];
    const fault = objectFault(type, object, {
      refer: (from, offset, kind) => {
        demand(offset + 20 <= from.length, "an id that is referred to lies inside");
        referred.push(kind);
      },
      special: () => {},
    });
    const read = { commit: parseCommit, tree: parseTree, tag: parseTag, blob: () => undefined }[
      type
    ](object);
    if (fault !== undefined) return false;
    demand(read !== undefined, "an object without a fault can be read");
    if (type !== "tree") demand(referred.length > 0, "a commit and a tag refer to something");
    return true;
  },
};

const columns = ((): Bytes => {
  const count = 40;
  const oids = Uint8Array.from({ length: count * 20 }, (_, at) => (at * 89) ^ (at >> 2));
  const offsets = Uint32Array.from({ length: count }, (_, at) => 12 + at * 100);
  const crcs = Uint32Array.from({ length: count }, (_, at) => at);
  const packed = { count, oids, offsets, crcs };
  return formatIdx(packed, sortByOid(oids, count), new Uint8Array(20));
})();

const indexes: Decoder = {
  name: "idx",
  samples: [columns],
  mend: (bytes) => Uint8Array.from(sealPack(bytes.subarray(0, Math.max(0, bytes.length - 20)))),
  read: (bytes) => {
    const idx = parseIdx(bytes);
    if (idx === undefined) return false;
    for (let position = 0; position < idx.count; position++) {
      const found = idx.find(idx.oids, position * 20);
      demand(found >= -1 && found < idx.count, "an id is looked up inside the index only");
      demand(idx.packOffset(position) < 2 ** 32, "an offset is one of a pack");
    }
    demand(idx.find(new Uint8Array(20).fill(0xff), 0) >= -1, "what is not there is not found");
    return true;
  },
};

const bundles: Decoder = {
  name: "bundle",
  samples: [
    writeBundle({
      refs: new Map([[main, oid]]),
      head: { oid, branch: main },
      prerequisites: [oid],
      pack: formatUtf8("PACK and so on"),
    }),
    formatUtf8(
      `# v3 git bundle\n@object-format=sha1\n@filter=x\n-${oid} why\n${oid} refs/tags/v1\n\nPACK`,
    ),
  ].filter((bytes) => isBundle(bytes)),
  words: [
    "# v2 git bundle\n",
    "# v3 git bundle\n",
    "@object-format=sha256\n",
    "-",
    "\n\n",
    " HEAD\n",
    "refs/heads/../config",
    `${oid} `,
  ],
  read: (bytes) => isBundle(bytes),
};

function isBundle(bytes: Uint8Array): boolean {
  return refusedAs(BundleRejectedError, () => {
    const { refs, pack } = readBundle(bytes);
    for (const name of refs.keys()) demand(parseRefName(name) === name, "a ref has a sound name");
    demand(pack.length <= bytes.length, "the pack lies inside");
  });
}

const conversation = concat(
  formatPacket("version 2"),
  formatPacket("agent=git/2"),
  formatPacket("object-format=sha1"),
  formatPacket("fetch=shallow"),
  flushPacket,
);
const listing = concat(
  formatPacket(`${oid} HEAD symref-target:refs/heads/main`),
  formatPacket(`${oid} refs/heads/main`),
  formatPacket(`${oid} refs/tags/v1 peeled:${oid}`),
  flushPacket,
);

const packets: Decoder = {
  name: "pkt-line",
  samples: [conversation, listing],
  words: [
    "0000",
    "0001",
    "0002",
    "0003",
    "0004",
    "fff0",
    "fff1",
    "000g",
    "ERR no\n",
    "unborn HEAD",
    "refs/heads/../x",
  ],
  read: (bytes, chance) => {
    const whole = openPacketReader().push(bytes);
    const reader = openPacketReader();
    const cut = chance.below(bytes.length + 1);
    const parts = [bytes.slice(0, cut), bytes.slice(cut)].map((part) => reader.push(part));
    const joined = parts.includes(undefined) ? undefined : parts.flatMap((part) => part ?? []);
    demand(
      (whole === undefined) === (joined === undefined),
      "it does not matter how packets come in",
    );
    demand(whole?.length === joined?.length, "as many packets come, however they come");
    return whole !== undefined && isAnswer(whole);
  },
};

function isAnswer(read: ReadonlyArray<Packet>): boolean {
  const capabilities = refusedAs(RemoteRefusedError, () => void readCapabilities(read));
  const refs = refusedAs(RemoteRefusedError, () => {
    for (const name of readRefs(read).refs.keys())
      demand(parseRefName(name) === name, "a ref has a sound name");
  });
  return capabilities || refs;
}

const zips: Decoder = {
  name: "zip-read",
  samples: [
    Uint8Array.from(zipSync({ "a.txt": formatUtf8("a".repeat(90)), "folder/b": formatUtf8("b") })),
    Uint8Array.from(zipSync({ c: formatUtf8("stored") }, { level: 0 })),
  ],
  words: ["../x", "/etc", "PK\u0001\u0002", "PK\u0003\u0004", "PK\u0005\u0006", "\\"],
  read: (bytes) =>
    refusedAs(ZipRejectedError, () => {
      for (const { names } of readZip(bytes))
        for (const name of names) demand(!name.includes(0x2f), "a name has no slash");
    }),
};

function refusedAs(refusal: new (...args: never[]) => Error, work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof refusal) return false;
    throw error;
  }
}

const treeNames: Decoder = {
  name: "tree-names",
  samples: ["a.txt", ".gitignore", "git~2", "CON", "a:b", "fu\u00df.md", "x. ", ".g"].map(
    formatUtf8,
  ),
  words: [
    ".git",
    ".GIT",
    "git~1",
    "GIT~1",
    "\u200c",
    "\ufeff",
    ":",
    "::$INDEX_ALLOCATION",
    ".",
    " ",
    "\\",
    "/",
    "\0",
    "..",
    "%2F",
    "aux",
  ],
  read: (bytes) => {
    const out = exportName(bytes);
    demand(isSafeOnDisk(out), `${JSON.stringify(out)} can be written on any disk`);
    if (bytes.length > 0 && !bytes.includes(0x2f) && !bytes.includes(0)) {
      const path = formatPath([bytes]);
      const [name] = parsePath(path) ?? [];
      demand(name !== undefined && equal(name, bytes), "a path that is shown can be told back");
    }
    if (entryNameFault(bytes) !== undefined) return false;
    demand(!namesDotgit(bytes), "no name that is taken is read as .git anywhere");
    return true;
  },
};

/** Said once more and otherwise than the code under test says it. */
function namesDotgit(name: Uint8Array): boolean {
  const text = parseUtf8(name) ?? Buffer.from(name).toString("latin1");
  if (text === "." || text === ".." || text.includes("/")) return true;
  // HFS+ passes over some characters, NTFS over what follows a name: no system does both.
  const onHfs = text.replaceAll(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/gu, "");
  const onNtfs = text.toLowerCase().split("\\");
  return (
    onHfs.toLowerCase() === ".git" ||
    onNtfs.some((part) => /^(?:\.git|git~1)[. ]*(?::.*)?$/su.test(part))
  );
}

function isSafeOnDisk(name: string): boolean {
  const bytes = formatUtf8(name);
  const isDevice = /^(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.|$)/iu.test(name);
  // oxlint-disable-next-line eslint/no-control-regex -- control bytes are what must not be there.
  const hasMeaning = /[\0-\x1f<>:"/\\|?*\x7f]|[. ]$/u.test(name);
  return bytes.length > 0 && bytes.length <= 255 && !isDevice && !hasMeaning && !namesDotgit(bytes);
}

const files: Decoder = {
  name: "special-files",
  samples: [
    '[submodule "x"]\n\tpath = x\n\turl = ../x.git\n',
    "*.txt text=auto\n",
    `version https://git-lfs.github.com/spec/v1\noid sha256:${"ab".repeat(32)}\nsize 12345\n`,
  ].map(formatUtf8),
  words: [
    "[submodule ",
    '"',
    "../",
    "-u",
    "url = ",
    "update = !x",
    "\\\n",
    "\0",
    "%0a",
    "path=",
    "\r",
  ],
  read: (bytes) => {
    const faults = (["gitmodules", "gitattributes"] as const).map((name) =>
      specialFileFault(name, bytes),
    );
    for (const { url, path } of readModules(bytes)) {
      demand(url?.startsWith("-") !== true && path?.startsWith("-") !== true, "no option is read");
    }
    const pointer = parseLfsPointer(bytes);
    if (pointer !== undefined) demand(/^[0-9a-f]{64}$/u.test(pointer.sha256), "a hash is a hash");
    return faults.every((fault) => fault === undefined);
  },
};

export const gitDecoders: ReadonlyArray<Decoder> = [
  deltas,
  streams,
  objects,
  indexes,
  bundles,
  packets,
  zips,
  treeNames,
  files,
];
