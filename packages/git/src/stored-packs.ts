/** The packs of a repository as they are kept: which there are, where an object stands in them, and what it says. */

/* oxlint-disable eslint/no-await-in-loop -- a chain of deltas is followed from one to the next. */

import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import type { Files } from "./files.ts";
import { parseIdx, type Idx } from "./idx.ts";
import { indexPack } from "./pack-index.ts";
import { openPackPages } from "./pack-pages.ts";
import { openPackReader, type PackReader } from "./pack-reader.ts";
import { PackRejectedError } from "./pack-rejected.ts";
import { damaged, StorageDamagedError, type Place, type StoredPack } from "./stored-pack.ts";

export interface StoredPacks extends Pick<PackReader, "read" | "type" | "size"> {
  readonly all: () => ReadonlyArray<StoredPack>;
  readonly add: (name: string, idx: Bytes, pack: Uint8Array) => Promise<void>;
  readonly find: (id: Uint8Array, offset: number) => Place | undefined;
  /** Bytes of a pack as they are kept. They must not be changed. */
  readonly stretch: (pack: StoredPack, start: number, end: number) => Promise<Uint8Array>;
}

export function packPath(name: string, extension: "pack" | "idx"): string {
  return `${packFolder}/pack-${name}.${extension}`;
}

export async function openStoredPacks(files: Files): Promise<StoredPacks> {
  const packs: StoredPack[] = [];
  const names = await files.list(packFolder);
  let opened = 0;
  const asStored = (name: string, idx: Idx, bytes: number): StoredPack => {
    opened += 1;
    return {
      name,
      number: opened,
      idx,
      bytes,
      path: packPath(name, "pack"),
      pages: new Map(),
      byOffset: openOrder(idx),
    };
  };
  for (const [, name = ""] of names.flatMap((file) => [packName.exec(file) ?? []])) {
    // A pack without its index was never acknowledged: both are written at once.
    if (name === "" || !names.includes(`pack-${name}.idx`)) continue;
    const idx = await readIdx(files, name);
    const bytes = await files.size(packPath(name, "pack"));
    if (idx !== undefined && bytes !== undefined) packs.push(asStored(name, idx, bytes));
  }
  const pages = openPackPages(
    files,
    ({ path }) => new StorageDamagedError(`${path} is gone or cut short`),
  );
  const find = (id: Uint8Array, offset: number): Place | undefined => findPlace(packs, id, offset);
  const { read, type, size } = openPackReader(pages, find);
  return {
    all: () => packs,
    add: async (name, idx, pack) => {
      if (packs.some((known) => known.name === name)) return;
      await files.commit(
        {
          put: [
            [packPath(name, "pack"), pack],
            [packPath(name, "idx"), idx],
          ],
          delete: [],
        },
        { durability: "strict" },
      );
      const parsed = parseIdx(idx);
      assert(parsed !== undefined, "an index that was just made can be read");
      if (!packs.some((known) => known.name === name))
        packs.unshift(asStored(name, parsed, pack.length));
    },
    find,
    stretch: async (pack, start, end) => {
      if (start < 0 || end > pack.bytes || start >= end) throw damaged(pack, start);
      const bytes = await pages.whenHere(() => pages.at(pack, start, end));
      assert(bytes !== undefined, "what is here can be read");
      return bytes;
    },
    read,
    type,
    size,
  };
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
