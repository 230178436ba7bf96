/** A process that does one thing with a large pack, and tells how much memory it took at the most. */

import { createReadStream, existsSync, readFileSync } from "node:fs";
import { openObjectStore, type ObjectStore } from "@skein/git/object-store";
import { packRoom, type PackRoom } from "@skein/git/pack-spool";
import { oidBytes, type GitObject } from "@skein/git/object";
import { concat, type Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { openDiskFiles } from "./disk-files.ts";

export interface Asked {
  readonly kind: "nothing" | "import" | "copy" | "fill" | "collect";
  /** A pack, or a folder with a store. */
  readonly from: string;
  readonly to: string;
  readonly tips: ReadonlyArray<ObjectId>;
  readonly room?: PackRoom | undefined;
  readonly sliceBytesMax: number;
  /** How many are made to fill it. */
  readonly objects?: number | undefined;
}

export interface Took {
  readonly peakBytes: number;
  readonly millis: number;
  readonly slices: number;
  /** Objects that went. */
  readonly gone: number;
  /** What reaches every second object that was made. */
  readonly tip: ObjectId | undefined;
}

const signal = new AbortController().signal;

process.once("message", (asked: Asked) => {
  const start = process.uptime();
  void work(asked).then((done) =>
    process.send?.({
      peakBytes: peakBytes(),
      millis: Math.round((process.uptime() - start) * 1_000),
      slices: done.slices ?? 0,
      gone: done.gone ?? 0,
      tip: done.tip,
    } satisfies Took),
  );
});

async function work(asked: Asked): Promise<Partial<Took>> {
  const { kind, from, to, tips, room = packRoom, sliceBytesMax, objects = 0 } = asked;
  const store = await openObjectStore(openDiskFiles(to), { room });
  // As much as any work takes.
  await store.objectsToPack([{ type: "blob", bytes: new Uint8Array(10) }], { signal });
  if (kind === "import") await importPack(store, from, tips);
  if (kind === "fill") return { tip: await fill(store, objects) };
  if (kind === "collect")
    return { gone: (await store.dropUnreachable({ keep: tips, signal })).objects };
  if (kind !== "copy") return {};
  const alice = await openObjectStore(openDiskFiles(from), { room });
  return { slices: await copy(alice, store, { tips, sliceBytesMax }) };
}

/** Small files, every second of which is in a folder, and one folder with all of those. */
async function fill(store: ObjectStore, objects: number): Promise<ObjectId | undefined> {
  const folders: Array<readonly [name: string, oid: ObjectId]> = [];
  for (let made = 0; made < objects; made += filesAtOnce) {
    const files = Array.from({ length: filesAtOnce }, (_, at): GitObject => {
      return { type: "blob", bytes: new TextEncoder().encode(`${made + at}`) };
    });
    const kept = (await store.objectsToPack(files, { signal })).filter((_, at) => at % 2 === 0);
    const named = kept.map((oid, at) => [`f${String(at).padStart(6, "0")}`, oid] as const);
    const [oid] = await store.objectsToPack([treeOf("100644", named)], { signal });
    if (oid !== undefined) folders.push([`d${String(made).padStart(9, "0")}`, oid]);
  }
  return (await store.objectsToPack([treeOf("40000", folders)], { signal }))[0];
}

function treeOf(mode: string, named: ReadonlyArray<readonly [string, ObjectId]>): GitObject {
  const encoder = new TextEncoder();
  const entries = named.flatMap(([name, oid]) => [
    encoder.encode(`${mode} ${name}\0`),
    oidBytes(oid),
  ]);
  return { type: "tree", bytes: concat(...entries) };
}

async function importPack(
  store: ObjectStore,
  path: string,
  tips: ReadonlyArray<ObjectId>,
): Promise<void> {
  const receiver = store.openReceiver({ tips, signal });
  for await (const part of createReadStream(path)) {
    const bytes: Buffer = part;
    await receiver.write(new Uint8Array(bytes));
  }
  await receiver.finish();
}

/** Both sides of it: what one tells, the other takes, part by part. */
async function copy(
  alice: ObjectStore,
  bob: ObjectStore,
  { tips, sliceBytesMax }: Pick<Asked, "tips" | "sliceBytesMax">,
): Promise<number> {
  let after: ObjectId | undefined;
  for (let slices = 1; ; slices++) {
    const asked = { wants: tips, haves: [], after, bytesMax: sliceBytesMax, signal };
    const slice = await alice.openSlice(asked);
    if (slice === undefined) throw new Error("something is left");
    const { bytes: packBytes, last, left } = slice;
    const receiver = bob.openReceiver({ tips: left === 0 ? tips : [last], packBytes, signal });
    for await (const part of slice.parts()) await writeAll(receiver.write, part);
    await receiver.finish();
    if (left === 0) return slices;
    after = last;
  }
}

/** In pieces as small as streams bring them. */
async function writeAll(write: (part: Bytes) => Promise<void>, part: Bytes): Promise<void> {
  for (let at = 0; at < part.length; at += pieceBytes) await write(part.slice(at, at + pieceBytes));
}

/** Where the system counts for this process alone, that: what `getrusage` tells begins with the parent's. */
function peakBytes(): number {
  if (!existsSync("/proc/self/status")) return process.resourceUsage().maxRSS * 1_024;
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(/VmHWM:\s+(\d+) kB/u.exec(status)?.[1]) * 1_024;
}

const pieceBytes = 16_128;
const filesAtOnce = 10_000;
