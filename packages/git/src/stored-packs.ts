/** The packs of a repository as they are kept: which there are, where an object stands in them, and what it says. */

/* oxlint-disable eslint/no-await-in-loop -- a chain of deltas is followed from one to the next. */

import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { openClosures, type Closures } from "./closure.ts";
import type { Files } from "./files.ts";
import { parseIdx, type Idx } from "./idx.ts";
import { indexPack } from "./pack-index.ts";
import { openPackPages, type PackPages } from "./pack-pages.ts";
import { openPackReader, type PackReader } from "./pack-reader.ts";
import { PackRejectedError } from "./pack-rejected.ts";
import { damaged, StorageDamagedError, type Place, type StoredPack } from "./stored-pack.ts";

export interface StoredPacks extends Pick<PackReader, "read" | "type" | "size"> {
  readonly all: () => ReadonlyArray<StoredPack>;
  readonly add: (name: string, idx: Bytes, pack: Uint8Array) => Promise<void>;
  readonly find: (id: Uint8Array, offset: number) => Place | undefined;
  /** Looks in these packs only. */
  readonly findAmong: (packs: ReadonlyArray<StoredPack>) => StoredPacks["find"];
  /** One pack, or none, in the place of others: at once and durably. */
  readonly replace: (old: ReadonlyArray<StoredPack>, made: MadePack | undefined) => Promise<void>;
  /** Does `work` once more if packs were replaced while it was at it: what it found stands elsewhere now. */
  readonly again: <Result>(work: () => Promise<Result>) => Promise<Result>;
  readonly closures: Closures;
  /** Bytes of a pack as they are kept, if they are in memory. They must not be changed. */
  readonly stretchNow: (pack: StoredPack, start: number, end: number) => Uint8Array | undefined;
  /** The same, from the storage if need be. */
  readonly stretch: (pack: StoredPack, start: number, end: number) => Promise<Uint8Array>;
}

export function packPath(name: string, extension: "pack" | "idx"): string {
  return `${packFolder}/pack-${name}.${extension}`;
}

interface Opened {
  readonly files: Files;
  readonly packs: StoredPack[];
  readonly pages: PackPages;
  readonly reader: PackReader;
  readonly closures: Closures;
  /** Packs that were opened, and times that some were replaced. */
  count: number;
  objects: number;
  replaced: number;
}

export async function openStoredPacks(files: Files): Promise<StoredPacks> {
  const packs: StoredPack[] = [];
  const find = (id: Uint8Array, offset: number): Place | undefined => findPlace(packs, id, offset);
  const pages = openPackPages(
    files,
    ({ path }) => new StorageDamagedError(`${path} is gone or cut short`),
  );
  const reader = openPackReader(pages, find);
  const closures = openClosures(packs, reader.peek, pages.whenHere);
  const opened: Opened = {
    files,
    packs,
    pages,
    reader,
    closures,
    count: 0,
    objects: 0,
    replaced: 0,
  };
  await openAll(opened);
  return {
    all: () => packs,
    add: (name, idx, pack) => add(opened, { name, idx, pack }),
    find,
    findAmong: (some) => (id, offset) => findPlace(some, id, offset),
    replace: (old, made) => replace(opened, old, made),
    again: (work) => again(opened, work),
    closures,
    stretchNow: (pack, start, end) => pages.at(pack, start, end),
    stretch: async (pack, start, end) => {
      if (start < 0 || end > pack.bytes || start >= end) throw damaged(pack, start);
      const bytes = await pages.whenHere(() => pages.at(pack, start, end));
      assert(bytes !== undefined, "what is here can be read");
      return bytes;
    },
    read: (oid) => again(opened, () => reader.read(oid)),
    type: (oid) => again(opened, () => reader.type(oid)),
    size: (oid) => again(opened, () => reader.size(oid)),
  };
}

async function openAll(opened: Opened): Promise<void> {
  const { files, packs } = opened;
  const names = await files.list(packFolder);
  for (const [, name = ""] of names.flatMap((file) => [packName.exec(file) ?? []])) {
    // A pack without its index was never acknowledged: both are written at once.
    if (name === "" || !names.includes(`pack-${name}.idx`)) continue;
    const idx = await readIdx(files, name);
    const bytes = await files.size(packPath(name, "pack"));
    if (idx !== undefined && bytes !== undefined)
      packs.push(asStored(opened, name, { idx, bytes }));
  }
}

function asStored(
  opened: Opened,
  name: string,
  { idx, bytes }: { readonly idx: Idx; readonly bytes: number },
): StoredPack {
  opened.count += 1;
  const base = opened.objects;
  opened.objects += idx.count;
  return {
    name,
    number: opened.count,
    base,
    idx,
    bytes,
    path: packPath(name, "pack"),
    pages: new Map(),
    byOffset: openOrder(idx),
  };
}

/** A pack, its index, and the name of both. */
export interface MadePack {
  readonly name: string;
  readonly pack: Uint8Array;
  readonly idx: Bytes;
}

async function add(opened: Opened, made: MadePack): Promise<void> {
  const { files, packs } = opened;
  const isKnown = (): boolean => packs.some(({ name }) => name === made.name);
  if (isKnown()) return;
  await files.commit({ put: filesOf(made), delete: [] }, { durability: "strict" });
  if (!isKnown()) packs.unshift(open(opened, made));
}

async function replace(
  opened: Opened,
  old: ReadonlyArray<StoredPack>,
  made: MadePack | undefined,
): Promise<void> {
  const { files, packs, pages, reader, closures } = opened;
  const gone = old.filter(({ name }) => name !== made?.name);
  await files.commit(
    {
      put: made === undefined ? [] : filesOf(made),
      delete: gone.flatMap(({ name }) => [packPath(name, "pack"), packPath(name, "idx")]),
    },
    { durability: "strict" },
  );
  opened.replaced += 1;
  const kept = packs.filter((pack) => !old.includes(pack) && pack.name !== made?.name);
  packs.splice(0, packs.length, ...kept, ...(made === undefined ? [] : [open(opened, made)]));
  for (const pack of old) pages.forget(pack);
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

function open(opened: Opened, { name, pack, idx }: MadePack): StoredPack {
  const parsed = parseIdx(idx);
  assert(parsed !== undefined, "an index that was just made can be read");
  return asStored(opened, name, { idx: parsed, bytes: pack.length });
}

function filesOf(made: MadePack): ReadonlyArray<readonly [path: string, bytes: Uint8Array]> {
  return [
    [packPath(made.name, "pack"), made.pack],
    [packPath(made.name, "idx"), made.idx],
  ];
}

/** The index as it is kept or, if it is damaged, made anew. A pack that is damaged as well is as good as gone. */
async function readIdx(files: Files, name: string): Promise<Idx | undefined> {
  const kept = await files.read(packPath(name, "idx"));
  const idx = kept && parseIdx(kept);
  if (idx !== undefined) return idx;
  const pack = await files.read(packPath(name, "pack"));
  if (pack === undefined) return undefined;
  try {
    const again = await indexPack({
      pack,
      // What is kept holds all of its bases.
      resolveBase: async () => undefined,
      breathe: async () => {},
      signal: neverStopped,
    });
    return parseIdx(again.idx);
  } catch (error) {
    if (error instanceof PackRejectedError) return undefined;
    throw error;
  }
}

/** Sorted when it is first asked for. */
function openOrder(idx: Idx): () => Uint32Array {
  let order: Uint32Array | undefined;
  return () => {
    order ??= Uint32Array.from({ length: idx.count }, (_, position) => position).toSorted(
      (a, b) => idx.packOffset(a) - idx.packOffset(b),
    );
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

const neverStopped = { aborted: false, throwIfAborted: () => {} };
const packFolder = "objects/pack";
const packName = /^pack-([0-9a-f]{40})\.pack$/u;
