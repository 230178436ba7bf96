/** Shapes of packs that are too large, too deep or too many to be written out. */

import { deflateSync } from "node:zlib";
import {
  blobCode,
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

export const hello = "hello, world\n";
export const helloEntry = entry(blobCode, hello);
export const helloOid = idOf("blob", hello);
export const emptyTree = idOf("tree", "");
export const person = "Alice <alice@example.org> 1700000000 +0000";
export const soundCommit = `tree ${emptyTree}\nauthor ${person}\ncommitter ${person}\n\nhi\n`;
export function zeros(size: number): Uint8Array {
  return deflateSync(new Uint8Array(size), { level: 1 });
}

export const megabyte = entry(blobCode, new Uint8Array(2 ** 20));

export function copies(many: number, size: number): ReadonlyArray<Uint8Array> {
  return Array.from({ length: many }, () => copy(0, size));
}

export function manyLargeDeltas(): Uint8Array {
  const entries = [megabyte];
  let distance = megabyte.length;
  for (let at = 0; at < 200; at++) {
    const next = ofsDelta(
      distance,
      delta(2 ** 20, 2 ** 24 + 4, ...copies(16, 2 ** 20), insert(String(at).padStart(4, "0"))),
    );
    entries.push(next);
    distance += next.length;
  }
  return packOf(entries);
}

/** Each object is the one before with another number in front. */
export function chain(length: number): ReadonlyArray<Uint8Array> {
  const entries = [entry(blobCode, "000000 is a line of text")];
  for (let at = 1; at <= length; at++) {
    const bytes = delta(24, 24, insert(String(at).padStart(6, "0")), copy(6, 18));
    entries.push(ofsDelta(entries.at(-1)?.length ?? 0, bytes));
  }
  return entries;
}

/** Each folder holds the one below ten times. */
export function bomb(levels: number): ReadonlyArray<Uint8Array> {
  const entries = [helloEntry];
  let below = helloOid;
  for (let level = 0; level < levels; level++) {
    const mode = level === 0 ? "100644" : "40000";
    const tree = treeOf(...Array.from({ length: 10 }, (_, at) => [mode, `d${at}`, below] as const));
    entries.push(entry(treeCode, tree));
    below = idOf("tree", tree);
  }
  return entries;
}

export function nest(depth: number): ReadonlyArray<Uint8Array> {
  const entries = [entry(treeCode, "")];
  let below = emptyTree;
  for (let level = 1; level < depth; level++) {
    const tree = treeOf(["40000", "a", below]);
    entries.push(entry(treeCode, tree));
    below = idOf("tree", tree);
  }
  return entries;
}

export function manyParents(many: number): string {
  const parents = Array.from(
    { length: many },
    (_, at) => `parent ${at.toString(16).padStart(40, "0")}\n`,
  );
  return soundCommit.replace("author", `${parents.join("")}author`);
}

export function raw(bytes: Uint8Array, base = ""): ReadonlyArray<Uint8Array> {
  const first = entry(blobCode, base);
  return [first, ofsDelta(first.length, bytes)];
}

export function modules(text: string): ReadonlyArray<Uint8Array> {
  return special(".gitmodules", text);
}

export function special(name: string, text: string): ReadonlyArray<Uint8Array> {
  return [entry(blobCode, text), entry(treeCode, treeOf(["100644", name, idOf("blob", text)]))];
}

/** Stored blocks of no bytes, then the last one. */
export function emptyBlocks(many: number): Uint8Array {
  const block = Buffer.of(0, 0, 0, 0xff, 0xff);
  const last = Buffer.of(1, 0, 0, 0xff, 0xff, 0, 0, 0, 1);
  return Buffer.concat([Buffer.of(0x78, 0x01), ...Array.from({ length: many }, () => block), last]);
}

/** Entries whose streams are stored blocks: written by hand, since deflating so many takes its time. */
export function manyTiny(many: number): ReadonlyArray<Uint8Array> {
  return Array.from({ length: many }, (_, at) => {
    const text = Buffer.from(String(at));
    const stream = Buffer.alloc(text.length + 11);
    stream.set([0x78, 0x01, 1, text.length, 0, 255 - text.length, 255]);
    stream.set(text, 7);
    let [low, high] = [1, 0];
    for (const byte of text) {
      low += byte;
      high += low;
    }
    stream.writeUInt16BE(high, text.length + 7);
    stream.writeUInt16BE(low, text.length + 9);
    return entry(blobCode, text, { stream });
  });
}

export function cut(pack: Uint8Array, bytes: number): Uint8Array {
  return pack.subarray(0, pack.length - bytes);
}
