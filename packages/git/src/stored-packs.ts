/** The packs of a repository as they are kept: which there are, where an object stands in them, and what it says. */

import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { openClosures, type Closures } from "./closure.ts";
import { openCommitLog, type CommitLog, type LogAsked } from "./commit-log.ts";
import type { Files } from "./files.ts";
import { parseIdx, type Idx } from "./idx.ts";
import { borrowKernel, giveKernelBack, sharedKernel } from "./kernel-compiled.ts";
import type { Kernel } from "./kernel.ts";
import { packFolder, packName, packPath, readPackFolder } from "./pack-folder.ts";
import { readStored } from "./pack-pages.ts";
import { spoolFolder } from "./pack-spool.ts";
import { openPackReader, type PackReader } from "./pack-reader.ts";
import { openPackShelf, type PackShelf } from "./pack-shelf.ts";
import { openStoredShapes, type StoredRows, type StoredShapes } from "./stored-shapes.ts";
import {
  damaged,
  StorageDamagedError,
  type MadePack,
  type Place,
  type StoredPack,
} from "./stored-pack.ts";

export interface StoredPacks extends PackReader, StoredRows {
  readonly all: () => ReadonlyArray<StoredPack>;
  /** Whether there are packs that nothing can be read of, whatever was in them. */
  readonly hasLost: () => boolean;
  /** Removes what is left of those. */
  readonly removeLost: () => Promise<void>;
  readonly add: (name: string, idx: Bytes, pack: Uint8Array) => Promise<void>;
  /** Packs that belong together: they are written one by one, and are there at once when the last is. */
  readonly addAll: (made: AsyncIterable<MadePack>) => Promise<void>;
  /** Removes what was written of packs that were never there, because their writer came to an end. */
  readonly clean: () => Promise<void>;
  readonly find: (id: Uint8Array, offset: number) => Place | undefined;
  readonly idOf: (row: number) => Uint8Array;
  /** How long a row's object is. */
  readonly sizeOf: (row: number) => number | Promise<number>;
  /** Looks in these packs only. */
  readonly findAmong: (packs: ReadonlyArray<StoredPack>) => StoredPacks["find"];
  /** Reads what these packs hold, as the storage has it now, as if there were no others, as long as `work` takes. */
  readonly readAlone: <Result>(
    packs: ReadonlyArray<StoredPack>,
    work: (reader: PackReader) => Promise<Result>,
  ) => Promise<Result>;
  /** One pack, or none, in the place of others: at once and durably. */
  readonly replace: (old: ReadonlyArray<StoredPack>, made: MadePack | undefined) => Promise<void>;
  /** Counts how often packs were replaced: rows that were told before stand for other objects now. */
  readonly replaced: () => number;
  /** Does `work` once more if packs were replaced while it was at it: what it found stands elsewhere now. */
  readonly again: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** Goes through the commits that one reaches. `read` begins anew if packs were replaced while it was at it. */
  readonly readLog: <Result>(
    asked: LogAsked,
    read: (log: CommitLog) => Promise<Result>,
  ) => Promise<Result>;
  readonly closures: Closures;
  /** The shapes of stored trees, for one piece of work. */
  readonly shapes: () => StoredShapes;
  /** Lends bytes of a pack as they are kept, in the kernel's memory. The answer is there at once if the bytes are. */
  readonly stretch: <Result>(
    stretch: { readonly pack: StoredPack; readonly start: number; readonly end: number },
    use: (kernel: Kernel, at: number) => Result,
  ) => Result | Promise<Result>;
  /** The same from the storage: for what is read once, from one end to the other. */
  readonly readStored: (pack: StoredPack, start: number, end: number) => Promise<Bytes>;
}

interface Opened {
  readonly files: Files;
  readonly packs: StoredPack[];
  /** Names of packs that can no longer be read. */
  readonly lost: string[];
  readonly reader: PackReader;
  readonly closures: Closures;
  /** Made when something is first read. */
  shelf: PackShelf | undefined;
  objects: number;
  replaced: number;
}

export async function openStoredPacks(files: Files): Promise<StoredPacks> {
  const packs: StoredPack[] = [];
  const shelf = (): PackShelf => shelfOf(opened);
  const opened: Opened = {
    files,
    packs,
    lost: [],
    reader: openPackReader(shelf),
    closures: openClosures(shelf),
    shelf: undefined,
    objects: 0,
    replaced: 0,
  };
  const { reader, closures } = opened;
  await openAll(opened);
  // What does not go now goes when this is opened next.
  await sweepSpool(files).catch(() => {});
  const rows = rowsOf(shelf);
  const openShapes = openStoredShapes(rows);
  return {
    all: () => packs,
    hasLost: () => opened.lost.some((name) => !isKnown(opened, name)),
    removeLost: () => removeLost(opened),
    add: (name, idx, pack) => add(opened, { name, idx, pack }),
    addAll: (made) => addAll(opened, made),
    clean: () => clean(opened),
    find: (id, offset) => findPlace(packs, id, offset),
    ...rows,
    idOf: (row) => idOf(packs, row),
    findAmong: (some) => (id, offset) => findPlace(some, id, offset),
    readAlone: (some, work) => readAlone(files, some, work),
    replace: (old, made) => replace(opened, old, made),
    replaced: () => opened.replaced,
    again: (work) => again(opened, work),
    readLog: (asked, read) => again(opened, () => readLog(shelf(), asked, read)),
    closures,
    shapes: () => {
      const shapes = openShapes();
      return { ...shapes, measure: (id, turn) => again(opened, () => shapes.measure(id, turn)) };
    },
    stretch: (asked, use) => lendStretch(shelf(), asked, use),
    readStored: (pack, start, end) => readStored(files, pack, { start, end }),
    forget: reader.forget,
    read: (oid) => again(opened, () => reader.read(oid)),
    look: (oid, use) => again(opened, () => reader.look(oid, use)),
    type: (oid) => again(opened, () => reader.type(oid)),
    size: (oid) => again(opened, () => reader.size(oid)),
  };
}

function rowsOf(shelf: () => PackShelf): StoredRows & Pick<StoredPacks, "sizeOf"> {
  return {
    rowOf: (id, offset) => shelf().find(id, offset),
    typeOf: (row) => {
      const { run, kernel } = shelf();
      return run(() => kernel.packsType(row), Number);
    },
    make: (row, use) => {
      const { run, kernel, told } = shelf();
      return run(
        () => kernel.packsMake(row),
        () => use(kernel.bytes().subarray(told(0), told(0) + told(1))),
      );
    },
    sizeOf: (row) => {
      const { run, kernel } = shelf();
      return run(() => kernel.packsSize(row), Number);
    },
  };
}

function shelfOf(opened: Opened): PackShelf {
  if (opened.shelf === undefined) {
    const bytes = opened.packs.reduce((sum, pack) => sum + pack.bytes, 0);
    opened.shelf = openPackShelf(opened.files, { bytes });
    for (const pack of inOrder(opened.packs)) opened.shelf.add(pack);
  }
  return opened.shelf;
}

function inOrder(packs: ReadonlyArray<StoredPack>): ReadonlyArray<StoredPack> {
  return packs.toSorted((a, b) => a.base - b.base);
}

async function readAlone<Result>(
  files: Files,
  packs: ReadonlyArray<StoredPack>,
  work: (reader: PackReader) => Promise<Result>,
): Promise<Result> {
  const kernel = borrowKernel();
  try {
    const shelf = openPackShelf(files, { kernel, bytes: readAloneBytes });
    for (const pack of inOrder(packs)) shelf.add({ ...pack, base: shelf.rows() });
    return await work(openPackReader(() => shelf));
  } finally {
    giveKernelBack(kernel);
  }
}

function idOf(packs: ReadonlyArray<StoredPack>, row: number): Uint8Array {
  const pack = packs.find(({ base, idx }) => row >= base && row < base + idx.count);
  if (pack === undefined) throw new StorageDamagedError("A pack was replaced while it was read");
  const at = (row - pack.base) * 20;
  return pack.idx.oids.subarray(at, at + 20);
}

function lendStretch<Result>(
  { kernel, run, numberOf }: PackShelf,
  { pack, start, end }: { readonly pack: StoredPack; readonly start: number; readonly end: number },
  use: (kernel: Kernel, at: number) => Result,
): Result | Promise<Result> {
  if (start < 0 || end > pack.bytes || start >= end) throw damaged(pack, start);
  const number = numberOf(pack);
  return run(
    () => kernel.packsBytes(number, start, end - start),
    (at) => use(kernel, at),
  );
}

async function readLog<Result>(
  shelf: PackShelf,
  asked: LogAsked,
  read: (log: CommitLog) => Promise<Result>,
): Promise<Result> {
  const log = openCommitLog(shelf, asked);
  try {
    return await read(log);
  } finally {
    log.close();
  }
}

async function openAll(opened: Opened): Promise<void> {
  const { found, lost } = await readPackFolder(opened.files);
  for (const { name, ...pack } of found) opened.packs.push(asStored(opened, name, pack));
  opened.lost.push(...lost);
}

function asStored(
  opened: Opened,
  name: string,
  { idx, bytes }: { readonly idx: Idx; readonly bytes: number },
): StoredPack {
  const base = opened.objects;
  opened.objects += idx.count;
  return { name, base, idx, bytes, path: packPath(name, "pack"), byOffset: openOrder(idx) };
}

async function add(opened: Opened, made: MadePack): Promise<void> {
  if (isKnown(opened, made.name)) return;
  await opened.files.commit({ put: filesOf(made), delete: [] }, { durability: "strict" });
  show(opened, made.name, { idx: made.idx, bytes: made.pack.length });
}

function isKnown({ packs }: Opened, wanted: string): boolean {
  return packs.some(({ name }) => name === wanted);
}

/** What is stored is read from now on. */
function show(
  opened: Opened,
  name: string,
  { idx, bytes }: { readonly idx: Bytes; readonly bytes: number },
): void {
  if (isKnown(opened, name)) return;
  const pack = open(opened, name, { idx, bytes });
  opened.packs.unshift(pack);
  opened.shelf?.add(pack);
}

/** A pack without its index is not there. So the packs come first, and then all of their indexes in one change. */
async function addAll(opened: Opened, all: AsyncIterable<MadePack>): Promise<void> {
  const { files } = opened;
  const written: Array<{ readonly name: string; readonly idx: Bytes; readonly bytes: number }> = [];
  try {
    for await (const { name, idx, pack } of all) {
      if (isKnown(opened, name)) continue;
      const put = [[packPath(name, "pack"), pack]] as const;
      await files.commit({ put, delete: [] }, { durability: "strict" });
      written.push({ name, idx, bytes: pack.length });
    }
  } catch (error) {
    const paths = written.map(({ name }) => packPath(name, "pack"));
    // If the storage will not do that either, cleaning does it later.
    await files.commit({ put: [], delete: paths }, { durability: "relaxed" }).catch(() => {});
    throw error;
  }
  const put = written.map(({ name, idx }) => [packPath(name, "idx"), idx] as const);
  if (put.length > 0) await files.commit({ put, delete: [] }, { durability: "strict" });
  for (const { name, ...pack } of written) show(opened, name, pack);
}

async function clean({ files }: Opened): Promise<void> {
  const names = new Set(await files.list(packFolder));
  const left = [...names].filter(
    (name) => packName.test(name) && !names.has(name.replace(/pack$/u, "idx")),
  );
  if (left.length === 0) return;
  const paths = left.map((name) => `${packFolder}/${name}`);
  await files.commit({ put: [], delete: paths }, { durability: "relaxed" });
}

async function removeLost(opened: Opened): Promise<void> {
  const names = opened.lost.filter((name) => !isKnown(opened, name));
  if (names.length > 0)
    await opened.files.commit(
      { put: [], delete: names.flatMap(pathsOf) },
      { durability: "strict" },
    );
  opened.lost.splice(0);
}

function pathsOf(name: string): ReadonlyArray<string> {
  return [packPath(name, "pack"), packPath(name, "idx")];
}

/** Whoever was receiving a pack when this last ended has come to an end. */
async function sweepSpool(files: Files): Promise<void> {
  const names = await files.list(spoolFolder);
  if (names.length === 0) return;
  const paths = names.map((name) => `${spoolFolder}/${name}`);
  await files.commit({ put: [], delete: paths }, { durability: "relaxed" });
}

async function replace(
  opened: Opened,
  old: ReadonlyArray<StoredPack>,
  made: MadePack | undefined,
): Promise<void> {
  const { files, packs, reader, closures } = opened;
  const goes = new Set(old.map(({ name }) => name));
  const gone = [...goes].filter((name) => name !== made?.name);
  await files.commit(
    {
      put: made === undefined ? [] : filesOf(made),
      delete: gone.flatMap(pathsOf),
    },
    { durability: "strict" },
  );
  const kept = packs.filter(({ name }) => !goes.has(name) && name !== made?.name);
  opened.replaced += 1;
  opened.shelf = undefined;
  opened.objects = 0;
  // Rows are counted anew: what is gone leaves no holes.
  const oldestFirst = inOrder(kept).map((pack) => asStored(opened, pack.name, pack));
  const newest =
    made === undefined ? [] : [open(opened, made.name, { idx: made.idx, bytes: made.pack.length })];
  packs.splice(0, packs.length, ...[...oldestFirst, ...newest].toReversed());
  reader.forget();
  closures.forget();
}

async function again<Result>(opened: Opened, work: () => Promise<Result>): Promise<Result> {
  const before = opened.replaced;
  try {
    const result = await work();
    if (opened.replaced === before) return result;
  } catch (error) {
    if (opened.replaced === before || !(error instanceof StorageDamagedError)) throw error;
  }
  return await again(opened, work);
}

function open(
  opened: Opened,
  name: string,
  { idx, bytes }: { readonly idx: Bytes; readonly bytes: number },
): StoredPack {
  const parsed = parseIdx(idx);
  assert(parsed !== undefined, "an index that was just made can be read");
  return asStored(opened, name, { idx: parsed, bytes });
}

function filesOf(made: MadePack): ReadonlyArray<readonly [path: string, bytes: Uint8Array]> {
  return [
    [packPath(made.name, "pack"), made.pack],
    [packPath(made.name, "idx"), made.idx],
  ];
}

/** Sorted when it is first asked for. */
function openOrder({ count, offsets }: Idx): () => Uint32Array {
  let order: Uint32Array | undefined;
  return () => {
    if (order !== undefined) return order;
    const kernel = sharedKernel();
    const to = kernel.heap + count * 4;
    kernel.reserve(to + count * 8);
    kernel.bytes().set(offsets, kernel.heap);
    kernel.packsOrder(kernel.heap, count, to, to + count * 4);
    order = new Uint32Array(kernel.bytes().slice(to, to + count * 4).buffer);
    return order;
  };
}

function findPlace(
  packs: ReadonlyArray<StoredPack>,
  id: Uint8Array,
  offset: number,
): Place | undefined {
  for (const pack of packs) {
    const position = pack.idx.find(id, offset);
    if (position >= 0) return { pack, position };
  }
  return undefined;
}

/** What is read once and in order asks for little memory. */
const readAloneBytes = 16 * 1024 * 1024;
