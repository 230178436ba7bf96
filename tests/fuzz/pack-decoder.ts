/** Packs through the real receive path, in parts; entries are taken apart, changed and put together again. */

import { deflateSync } from "node:zlib";
import { openMemoryFiles } from "@skein/git/memory-files";
import { inflateAt } from "@skein/git/inflate";
import { oidAt } from "@skein/git/object";
import { openObjectStore } from "@skein/git/object-store";
import { readEntryHeader } from "@skein/git/pack-entry";
import { PackRejectedError } from "@skein/git/pack-rejected";
import { packRoom } from "@skein/git/pack-spool";
import { parseIdx } from "@skein/git/idx";
import type { Bytes } from "@skein/protocol/bytes";
import {
  blobCode,
  commitCode,
  copy,
  delta,
  entry,
  header,
  idOf,
  insert,
  ofsDelta,
  packOf,
  refDelta,
  tagCode,
  treeCode,
  treeOf,
} from "../interop/pack-builder.ts";
import { sealPack } from "../interop/pack-git.ts";
import { demand, type Decoder } from "./fuzz.ts";
import { mutate, type Chance } from "./mutation.ts";

const signal = new AbortController().signal;
const person = "Alice <alice@example.org> 1700000000 +0000";
const [text, longer] = ["a line of text\n".repeat(3), "a line of text\n".repeat(4)];
const tree = treeOf(
  ["100644", "a", idOf("blob", text)],
  ["100755", "b", idOf("blob", longer)],
  ["160000", "m", "1".repeat(40)],
);
const commit = `tree ${idOf("tree", tree)}\nauthor ${person}\ncommitter ${person}\n\nHello\n`;
/** What the first two of the samples reach from here is in them. */
export const packTip = idOf("commit", commit);
const tag = `object ${idOf("commit", commit)}\ntype commit\ntag v1\ntagger ${person}\n\nv1\n`;
const base = entry(blobCode, text);
const grow = delta(text.length, longer.length, copy(0, text.length), insert("a line of text\n"));
const above = [entry(treeCode, tree), entry(commitCode, commit), entry(tagCode, tag)];

/** Each ends with its SHA-1. */
export const packSamples = [
  packOf([base, ofsDelta(base.length, grow), ...above]),
  packOf([...above, base, refDelta(idOf("blob", text), grow)]),
  packOf([entry(blobCode, ""), entry(treeCode, ""), base]),
];

/** Whatever lies inside: data, deltas, bases, their number and their order. */
export function reshapePack(sample: Uint8Array, chance: Chance): Bytes {
  const parts = entriesOf(sample);
  const others = parts.map(({ data }) => data);
  for (let changes = chance.below(3); changes >= 0; changes--) {
    const at = chance.below(parts.length);
    const part = parts[at];
    if (part === undefined) break;
    const what = chance.below(10);
    if (what === 0) parts.splice(at, 1);
    else if (what === 1) parts.splice(chance.below(parts.length), 0, part);
    else if (what === 2) parts[at] = { ...part, prefix: mutate(part.prefix, chance, { others }) };
    else if (what === 3) parts[at] = { ...part, code: chance.below(8) };
    else parts[at] = { ...part, data: mutate(part.data, chance, { others, words }) };
  }
  const pack = packOf(
    parts.map(({ code, prefix, data }) => {
      const size = chance.below(30) === 0 ? chance.below(2 * data.length + 3) : data.length;
      return Buffer.concat([header(code, size), prefix, deflateSync(data, { level: 1 })]);
    }),
  );
  return Uint8Array.from(pack);
}

interface Part {
  readonly code: number;
  /** Where the base is, or nothing. */
  readonly prefix: Uint8Array;
  readonly data: Uint8Array;
}

function entriesOf(pack: Uint8Array): Part[] {
  const parts: Part[] = [];
  for (let offset = 12; offset < pack.length - 20;) {
    const read = readEntryHeader(pack, offset);
    const inflated = read && inflateAt(pack, read.data, read.size);
    if (read === undefined || inflated === undefined) throw new Error(`no entry at ${offset}`);
    const code = ((pack[offset] ?? 0) >> 4) & 7;
    let end = offset;
    while ((pack[end++] ?? 0) >= 0x80);
    parts.push({ code, prefix: pack.slice(end, read.data), data: inflated.bytes });
    offset = inflated.end;
  }
  return parts;
}

const words = [
  "tree ",
  "parent ",
  "author ",
  "tagger ",
  "40000 a",
  "100644 .git",
  "\0",
  "\n\n",
  "..",
];

const littleRoom = { heldBytes: 80, chunkBytes: 40, chunksAtOnce: 1, segmentBytes: 150 };

export const packDecoder: Decoder = {
  name: "pack",
  samples: packSamples,
  mend: sealAnew,
  reshape: reshapePack,
  read: async (bytes, chance) => {
    const contents = new Map<string, Bytes>();
    // Half of them wait on the device while they arrive.
    const room = chance.below(2) === 0 ? packRoom : littleRoom;
    const store = await openObjectStore(openMemoryFiles(contents), { room });
    try {
      // Mostly it is known how long a pack will be: then less memory is set aside, and more packs are read in the same time.
      const packBytes = chance.below(50) === 0 ? undefined : bytes.length;
      const receiver = store.openReceiver({ tips: [], packBytes, signal });
      const cut = chance.below(bytes.length + 1);
      for (const part of [bytes.slice(0, cut), bytes.slice(cut)]) await receiver.write(part);
      await receiver.finish();
    } catch (error) {
      if (!(error instanceof PackRejectedError)) throw error;
      demand(contents.size === 0, "nothing of a refused pack is kept");
      return false;
    }
    await judgeKept(contents);
    return true;
  },
};

export function sealAnew(pack: Uint8Array): Bytes {
  return Uint8Array.from(sealPack(pack.subarray(0, Math.max(0, pack.length - 20))));
}

/** Every object of what was kept can be read, under the id that the index has for it. */
export async function judgeKept(contents: Map<string, Bytes>): Promise<void> {
  const store = await openObjectStore(openMemoryFiles(contents));
  for (const [path, bytes] of contents) {
    if (!path.endsWith(".idx")) continue;
    const idx = parseIdx(bytes);
    demand(idx !== undefined, "an index that was kept can be read");
    for (let position = 0; position < idx.count; position++) {
      const oid = oidAt(idx.oids, position * 20);
      const object = await store.read(oid);
      demand(object !== undefined, "an object of a pack that was kept can be read");
      demand(idOf(object.type, object.bytes) === oid, "an object is what its name says");
    }
  }
}
