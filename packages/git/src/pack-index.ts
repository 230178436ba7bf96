/** Reads a pack as a stranger's while it arrives: everything is verified, and its index is what `git index-pack` would write. */

/* oxlint-disable eslint/no-await-in-loop -- entries are read one after the other; to wait between them is to give way. */

import { formatHex } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import type { ObjectId } from "@skein/protocol/ids";
import type { PackLimits } from "./pack-limits.ts";
import { formatIdx, sortByOid, type PackColumns } from "./idx.ts";
import type { LinkSet } from "./link-set.ts";
import { oidAt, oidBytes, type GitObject, type ObjectType } from "./object.ts";
import {
  bytesOf,
  giveBase,
  missingBases,
  nameAll,
  openPackReading,
  outsideBase,
  resolveNext,
  typeAt,
  type OutsideBase,
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
import { bringing } from "./pack-again.ts";
import { openPackSpool, type PackRoom, type SpoolPlace } from "./pack-spool.ts";
import { splitPack } from "./pack-split.ts";
import type { MadePack } from "./stored-pack.ts";
import { appendObjects } from "./pack-write.ts";
import type { Breathe, LongWork } from "./stop-signal.ts";

export interface IndexedPack {
  /** How long it is, at the most. */
  readonly bytes: number;
  /** The pack as it is to be kept, under its SHA-1: what was received, with the bases it left out at its end. */
  readonly whole: () => Promise<MadePack>;
  /** Objects that were received. */
  readonly objects: number;
  /** The same objects in packs of about `most` bytes, each of which stands on its own; see `splitPack`. */
  readonly segments: (most: number) => AsyncIterable<MadePack>;
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
  /** Where a large pack waits while it arrives. Without it, all of it is held. */
  readonly place?: SpoolPlace | undefined;
  readonly room?: PackRoom | undefined;
  /** The trees that are here already. Without them, the pack's are judged as if there were no others. */
  readonly shapes?: (() => StoredShapes) | undefined;
} & LongWork;

export interface PackIndexing {
  /** The next part of the pack. It is read as far as it can be before this resolves. Parts come one after the other. */
  readonly write: (part: Uint8Array) => Promise<void>;
  /** The pack is over. */
  readonly finish: () => Promise<IndexedPack>;
  /** Lets go of what has come. */
  readonly close: () => Promise<void>;
}

/**
 * Verifies the trailer, the count, the end of every zlib stream, every delta, every id and what `git fsck` checks of
 * every object. Throws `PackRejectedError`, or the signal's reason. What is referred to need not be there: see `links`.
 */
export function openPackIndexing(given: Indexing): PackIndexing {
  const { packBytes = 0, signal, place, room, limits } = given;
  const spool = openPackSpool({ expectedBytes: packBytes, place, room });
  const reading = openPackReading(packBytes, { limits, spool });
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
      if (reading.ready.length > 0) await resolveReady(reading, turn, "reading");
    }
  };
  let isClosed = false;
  return {
    write: async (part) => {
      assert(!isClosed, "what is let go of gets nothing more");
      checkLength(reading, spool.length() + part.length);
      spool.append(part);
      await read(false);
      await spool.settle(window.end);
    },
    finish: async () => {
      assert(!isClosed, "what is let go of has no end");
      if (spool.length() < headerBytes + trailerBytes)
        throw new PackRejectedError("cut-short", "cut short");
      await read(true);
      finishWindow(window);
      await resolveRest(reading, given, turn);
      await reading.judge.judgeWhole({
        read: async (oid) => {
          const index = reading.ids.find(oidBytes(oid), 0);
          if (index < 0) return await given.resolveBase(oid);
          const bytes = await bringing(reading, () => bytesOf(reading, index));
          return { type: typeAt(reading, index), bytes };
        },
        shapes: given.shapes?.(),
        turn: () => turn("resolving", reading.resolved, 0),
      });
      return complete(reading, given);
    },
    close: async () => {
      isClosed = true;
      reading.memory.close();
      await spool.close();
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

function checkLength({ limits }: PackReading, bytes: number): void {
  if (bytes > limits.packBytes)
    throw new PackRejectedError("pack-bytes", `more than ${limits.packBytes} bytes`);
}

/** The base of the entry just read may stand outside. */
async function giveMissing(
  reading: PackReading,
  { resolveBase }: Indexing,
  named: Uint8Array,
): Promise<void> {
  const { rows, read } = reading;
  if (rows.codes[read - 1] !== 0 || (rows.bases[read - 1] ?? -1) >= 0) return;
  const base = oidAt(named, 0);
  const object = await resolveBase(base);
  if (object !== undefined) giveBase(reading, base, object);
}

async function resolveReady(
  reading: PackReading,
  turn: Turn,
  phase: "reading" | "resolving",
): Promise<void> {
  const next = (): number | undefined => resolveNext(reading);
  while (reading.ready.length > 0) {
    const size = reading.spool.isAway() ? await bringing(reading, next) : next();
    await turn(phase, phase === "reading" ? reading.read : reading.resolved, size ?? 0);
    // Others may wait for what was just made.
    if (phase === "resolving" && reading.ready.length === 0) nameAll(reading);
  }
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
    await resolveReady(reading, turn, "resolving");
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

function complete(reading: PackReading, { signal, breathe }: Indexing): IndexedPack {
  const { rows, outside, ids, spool } = reading;
  const count = reading.read;
  const columns = { count, ...rows };
  const bases = outside.filter(({ id }) => ids.find(id, 0) < 0);
  const segments = (most: number): AsyncIterable<MadePack> =>
    splitPack(
      {
        columns,
        end: spool.length() - trailerBytes,
        bytes: (start, end) => bringing(reading, () => spool.view(start, end)),
        bases: basesOf(reading, bases),
        read: async (index) =>
          bases[index - count] ?? {
            type: typeAt(reading, index),
            bytes: await bringing(reading, () => bytesOf(reading, index)),
          },
        turn: async () => {
          await breathe();
          signal.throwIfAborted();
        },
      },
      most,
    );
  return {
    bytes: bases.reduce((sum, { bytes }) => sum + bytes.length, spool.length()),
    whole: async () => {
      // A base that came after all may stand on what stands on it: git reads no circles, so it is written whole.
      if (bases.length < outside.length) for await (const only of segments(Infinity)) return only;
      return await wholePack(reading, columns, bases);
    },
    objects: count,
    segments,
    typeOf: (id, offset) => {
      const index = ids.find(id, offset);
      return index < 0 ? undefined : typeAt(reading, index);
    },
    links: reading.judge.links,
  };
}

/** A thin pack gets its bases appended, so that git itself accepts what is kept. */
async function wholePack(
  reading: PackReading,
  received: PackColumns,
  bases: ReadonlyArray<GitObject>,
): Promise<MadePack> {
  const { spool } = reading;
  const given = await bringing(reading, () => spool.view(0, spool.length()));
  const { pack, columns } =
    bases.length > 0
      ? appendObjects({ pack: given, columns: received }, bases)
      : { pack: given, columns: received };
  const packHash = pack.subarray(-trailerBytes);
  const idx = formatIdx(columns, sortByOid(columns.oids, columns.count), packHash);
  return { name: formatHex(packHash), pack, idx };
}

/** What each entry stands on. Bases that were left out stand behind what was received. */
function basesOf(
  { rows, ids, outside, read }: PackReading,
  leftOut: ReadonlyArray<OutsideBase>,
): Int32Array {
  const bases = new Int32Array(read + leftOut.length).fill(-1);
  let behind = read;
  const given = outside.map(({ id }) => {
    const inside = ids.find(id, 0);
    return inside < 0 ? behind++ : inside;
  });
  for (let index = 0; index < read; index++) {
    const base = rows.bases[index] ?? -1;
    bases[index] = base < -1 ? (given[outsideBase - base] ?? -1) : base;
  }
  // It may stand on what stands on it, as both were here before.
  for (const index of given) bases[index] = -1;
  return bases;
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
