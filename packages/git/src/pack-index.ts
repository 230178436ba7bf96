/** Reads a pack as a stranger's while it arrives: everything is verified, and its index is what `git index-pack` would write. */

/* oxlint-disable eslint/no-await-in-loop -- entries are read one after the other; to wait between them is to give way. */

import { formatHex, type Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { sameId } from "./id-table.ts";
import type { PackLimits } from "./pack-limits.ts";
import { formatIdx, sortByOid } from "./idx.ts";
import type { LinkSet } from "./link-set.ts";
import { oidAt, oidBytes, type GitObject, type ObjectType } from "./object.ts";
import {
  bytesOf,
  giveBase,
  missingBases,
  nameAll,
  openPackReading,
  resolveNext,
  typeAt,
  type PackReading,
} from "./pack-reading.ts";
import { PackRejectedError } from "./pack-rejected.ts";
import {
  finishWindow,
  noticeArrival,
  openPackWindow,
  readNext,
  trailerBytes,
  type PackWindow,
} from "./pack-window.ts";
import type { StoredShapes } from "./stored-shapes.ts";
import { splitPack } from "./pack-split.ts";
import type { MadePack } from "./stored-pack.ts";
import { appendObjects } from "./pack-write.ts";
import type { Breathe, LongWork } from "./stop-signal.ts";

export interface IndexedPack {
  /** The pack as it is to be kept: what was received, with the bases it left out at its end. */
  readonly pack: Uint8Array;
  readonly idx: Bytes;
  /** SHA-1 of the pack, as 40 hex digits: its name. */
  readonly packHash: string;
  /** Objects that were received. */
  readonly objects: number;
  /** The same objects in packs of at most `most` bytes, each of which stands on its own. */
  readonly segments: (most: number) => Iterable<MadePack>;
  readonly typeOf: (id: Uint8Array, offset: number) => ObjectType | undefined;
  /** All that the pack's objects refer to, in it or outside. */
  readonly links: LinkSet;
}

/** Gives an object that is not in the pack, verified, or `undefined`. */
export type ResolveBase = (oid: ObjectId) => Promise<GitObject | undefined>;

export type Indexing = {
  readonly resolveBase: ResolveBase;
  readonly breathe: Breathe;
  /** How long the pack will be, if that is known. */
  readonly packBytes?: number | undefined;
  readonly limits?: PackLimits | undefined;
  /** The trees that are here already. Without them, the pack's are judged as if there were no others. */
  readonly shapes?: (() => StoredShapes) | undefined;
} & LongWork;

export interface PackIndexing {
  /** The next part of the pack. It is read as far as it can be before this resolves. Parts come one after the other. */
  readonly write: (part: Uint8Array) => Promise<void>;
  /** The pack is over. */
  readonly finish: () => Promise<IndexedPack>;
}

/**
 * Verifies the trailer, the count, the end of every zlib stream, every delta, every id and what `git fsck` checks of
 * every object. Throws `PackRejectedError`, or the signal's reason. What is referred to need not be there: see `links`.
 */
export function openPackIndexing(given: Indexing): PackIndexing {
  const { packBytes = 0, signal } = given;
  const reading = openPackReading(packBytes, given.limits);
  checkLength(reading, packBytes);
  const window = openPackWindow(reading);
  const turn = openTurns(given, window);
  const read = async (ended: boolean): Promise<void> => {
    signal.throwIfAborted();
    noticeArrival(window, ended);
    for (let entry = readNext(window); entry !== undefined; entry = readNext(window)) {
      const waited = turn("reading", reading.read, entry.size);
      if (waited !== undefined) await waited;
      if (entry.named !== undefined) await giveMissing(reading, given, entry.named);
      for (let size = resolveNext(reading); size !== undefined; size = resolveNext(reading))
        await turn("reading", reading.read, size);
    }
  };
  return {
    write: async (part) => {
      append(reading, part);
      await read(false);
    },
    finish: async () => {
      if (reading.packBytes < headerBytes + trailerBytes)
        throw new PackRejectedError("cut-short", "cut short");
      await read(true);
      finishWindow(window);
      await resolveRest(reading, given, turn);
      await reading.judge.judgeWhole({
        read: async (oid) => {
          const index = reading.ids.find(oidBytes(oid), 0);
          if (index < 0) return await given.resolveBase(oid);
          return { type: typeAt(reading, index), bytes: bytesOf(reading, index) };
        },
        shapes: given.shapes?.(),
        turn: () => turn("resolving", reading.resolved, 0),
      });
      return complete(reading);
    },
  };
}

/** The same of a pack that is here already. */
export async function indexPack(
  given: { readonly pack: Uint8Array } & Indexing,
): Promise<IndexedPack> {
  const indexing = openPackIndexing({ ...given, packBytes: given.pack.length });
  await indexing.write(given.pack);
  return await indexing.finish();
}

function append(reading: PackReading, part: Uint8Array): void {
  const { pack, packBytes, expectedBytes } = reading;
  const length = packBytes + part.length;
  checkLength(reading, length);
  reading.packBytes = length;
  if (packBytes === 0 && length === expectedBytes) {
    reading.pack = part;
    return;
  }
  if (length > pack.length) {
    // No more is set aside than twice what has come.
    const room = Math.max(length, 2 * pack.length);
    reading.pack = new Uint8Array(length <= expectedBytes ? Math.min(room, expectedBytes) : room);
    reading.pack.set(pack.subarray(0, packBytes));
  }
  reading.pack.set(part, packBytes);
}

function checkLength({ limits }: PackReading, bytes: number): void {
  if (bytes > limits.packBytes)
    throw new PackRejectedError("pack-bytes", `more than ${limits.packBytes} bytes`);
}

/** The base of the entry just read, named `named` bytes after its start, may stand outside. */
async function giveMissing(
  reading: PackReading,
  { resolveBase }: Indexing,
  named: number,
): Promise<void> {
  const { rows, read, pack } = reading;
  if (rows.codes[read - 1] !== 0) return;
  const base = oidAt(pack, (rows.offsets[read - 1] ?? 0) + named);
  const object = await resolveBase(base);
  if (object !== undefined) giveBase(reading, base, object);
}

/** Then the deltas whose base came later and stands outside. */
async function resolveRest(
  reading: PackReading,
  { resolveBase }: Indexing,
  turn: Turn,
): Promise<void> {
  for (let found = true; found;) {
    found = false;
    nameAll(reading);
    for (let size = resolveNext(reading); size !== undefined; size = resolveNext(reading)) {
      await turn("resolving", reading.resolved, size);
      // Others may wait for what was just made.
      if (reading.ready.length === 0) nameAll(reading);
    }
    for (const base of missingBases(reading)) {
      const object = await resolveBase(base);
      if (object === undefined) continue;
      found = true;
      giveBase(reading, base, object);
      await turn("resolving", reading.resolved, object.bytes.length);
    }
  }
  if (reading.resolved < reading.read)
    throw new PackRejectedError(
      "base-missing",
      `${reading.read - reading.resolved} deltas without a base`,
    );
}

/** A thin pack gets its bases appended, so that git itself accepts what is kept. */
function complete(reading: PackReading): IndexedPack {
  const { rows, outside, ids } = reading;
  const count = reading.read;
  const received = { count, ...rows };
  const bases = outside.filter(({ id }) => ids.find(id, 0) < 0);
  const whole = reading.pack.subarray(0, reading.packBytes);
  const { pack, columns } =
    bases.length > 0
      ? appendObjects({ pack: whole, columns: received }, bases)
      : { pack: whole, columns: received };
  const packHash = pack.subarray(-trailerBytes);
  return {
    pack,
    idx: formatIdx(columns, sortByOid(columns.oids, columns.count), packHash),
    packHash: formatHex(packHash),
    objects: count,
    segments: (most) =>
      splitPack(
        {
          pack,
          columns,
          find: (id, offset) => findWith(reading, bases, { id, offset }),
          read: (index) =>
            bases[index - count] ?? {
              type: typeAt(reading, index),
              bytes: bytesOf(reading, index),
            },
        },
        most,
      ),
    typeOf: (id, offset) => {
      const index = ids.find(id, offset);
      return index < 0 ? undefined : typeAt(reading, index);
    },
    links: reading.judge.links,
  };
}

/** Bases that were left out stand behind what was received. */
function findWith(
  { ids, read }: PackReading,
  bases: ReadonlyArray<{ readonly id: Uint8Array }>,
  { id, offset }: { readonly id: Uint8Array; readonly offset: number },
): number {
  const inside = ids.find(id, offset);
  const behind = inside < 0 ? bases.findIndex((base) => sameId(base.id, 0, id, offset)) : -1;
  return behind < 0 ? inside : read + behind;
}

type Turn = (
  phase: "reading" | "resolving",
  done: number,
  bytes: number,
) => Promise<void> | undefined;

/** Tells how far the work is and lets others have their turn, once enough was done. */
function openTurns({ signal, onProgress, breathe }: Indexing, window: PackWindow): Turn {
  let since = 0;
  return (phase, done, bytes) => {
    since += bytes + entryCostBytes;
    const total = window.count ?? done;
    if (since < turnBytes && done < total) return undefined;
    since = 0;
    onProgress?.({ phase, done, total });
    signal.throwIfAborted();
    return breathe();
  };
}

const headerBytes = 12;
/** About 10 ms of work. */
const turnBytes = 1024 * 1024;
const entryCostBytes = 2048;
