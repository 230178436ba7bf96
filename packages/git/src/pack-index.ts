/** Reads a whole pack as a stranger's: everything is verified, and its index is what `git index-pack` would write. */

/* oxlint-disable eslint/no-await-in-loop -- entries are read one after the other; to wait between them is to give way. */

import { equal, formatHex, type Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { packBytesMax, packObjectsMax } from "@skein/protocol/limits";
import { crc32 } from "./crc32.ts";
import { formatIdx, sortByOid } from "./idx.ts";
import { sameId, type LinkSet } from "./link-set.ts";
import { oidBytes, type GitObject, type ObjectType } from "./object.ts";
import { readEntryHeader } from "./pack-entry.ts";
import {
  bytesOf,
  findBasesInside,
  findOid,
  giveBase,
  missingBases,
  openPackReading,
  readEntry,
  resolveNext,
  typeAt,
  type PackReading,
} from "./pack-reading.ts";
import { PackRejectedError } from "./pack-rejected.ts";
import { appendObjects } from "./pack-write.ts";
import { sha1 } from "./sha1.ts";
import type { Breathe, LongWork } from "./stop-signal.ts";

export interface IndexedPack {
  /** The pack as it is to be kept: what was received, with the bases it left out at its end. */
  readonly pack: Uint8Array;
  readonly idx: Bytes;
  /** SHA-1 of the pack, as 40 hex digits: its name. */
  readonly packHash: string;
  /** Objects that were received. */
  readonly objects: number;
  readonly typeOf: (id: Uint8Array, offset: number) => ObjectType | undefined;
  /** All that the pack's objects refer to, in it or outside. */
  readonly links: LinkSet;
}

/** Gives an object that is not in the pack, verified, or `undefined`. */
export type ResolveBase = (oid: ObjectId) => Promise<GitObject | undefined>;

export type Indexing = {
  readonly pack: Uint8Array;
  readonly resolveBase: ResolveBase;
  readonly breathe: Breathe;
} & LongWork;

/**
 * Verifies the trailer, the count, the end of every zlib stream, every delta, every id and what `git fsck` checks of
 * every object. Throws `PackRejectedError`, or the signal's reason. What is referred to need not be there: see `links`.
 */
export async function indexPack(given: Indexing): Promise<IndexedPack> {
  const { pack, signal, resolveBase } = given;
  signal.throwIfAborted();
  const count = readPackHeader(pack);
  if (!equal(sha1(pack.subarray(0, -20)), pack.subarray(-20)))
    throw new PackRejectedError("a wrong checksum at its end");
  const reading = openPackReading(pack, count);
  const turn = openTurns(given, count);
  await readEntries(reading, turn);
  await resolveDeltas(reading, resolveBase, turn);
  const { oids } = reading;
  const order = sortByOid(oids, count);
  for (let position = 1; position < count; position++)
    if (sameId(oids, (order[position - 1] ?? 0) * 20, oids, (order[position] ?? 0) * 20))
      throw new PackRejectedError("an object appears twice");
  await reading.judge.judgeWhole(async (oid) => {
    const index = findOid(oids, order, oidBytes(oid), 0);
    if (index < 0) return await resolveBase(oid);
    return { type: typeAt(reading, index), bytes: bytesOf(reading, index) };
  });
  return complete(reading, order);
}

/** Magic, version 2, and a count that the bytes could hold. */
function readPackHeader(pack: Uint8Array): number {
  if (pack.length > packBytesMax) throw new PackRejectedError(`more than ${packBytesMax} bytes`);
  if (pack.length < headerBytes + trailerBytes) throw new PackRejectedError("cut short");
  const view = new DataView(pack.buffer, pack.byteOffset, pack.byteLength);
  if (view.getUint32(0) !== magic) throw new PackRejectedError("not a pack");
  if (view.getUint32(4) !== version) throw new PackRejectedError("a version other than 2");
  const count = view.getUint32(8);
  if (count > packObjectsMax) throw new PackRejectedError(`more than ${packObjectsMax} objects`);
  if (count * entryBytesMin > pack.length) throw new PackRejectedError("cut short");
  return count;
}

/** First time through: each entry is found, inflated and, where its base came before it, resolved. */
async function readEntries(reading: PackReading, turn: Turn): Promise<void> {
  const { pack, count, crcs } = reading;
  const end = pack.length - trailerBytes;
  let offset = headerBytes;
  for (let index = 0; index < count; index++) {
    const header = offset < end ? readEntryHeader(pack, offset) : undefined;
    if (header === undefined || header.data > end)
      throw new PackRejectedError(`no entry of a known kind at byte ${offset}`);
    const next = readEntry(reading, { index, offset, header });
    if (next > end) throw new PackRejectedError("cut short");
    crcs[index] = crc32(pack, offset, next);
    offset = next;
    await turn("reading", index + 1, header.size);
  }
  if (offset !== end) throw new PackRejectedError("junk after the last object");
}

/** Then the deltas whose base came later, or stands outside. */
async function resolveDeltas(
  reading: PackReading,
  resolveBase: ResolveBase,
  turn: Turn,
): Promise<void> {
  findBasesInside(reading);
  const resolved = (): number => reading.count - reading.unresolved;
  for (let found = true; found;) {
    found = false;
    for (let size = resolveNext(reading); size !== undefined; size = resolveNext(reading))
      await turn("resolving", resolved(), size);
    for (const base of missingBases(reading)) {
      const object = await resolveBase(base);
      if (object === undefined) continue;
      found = true;
      giveBase(reading, base, object);
      await turn("resolving", resolved(), object.bytes.length);
    }
  }
  if (reading.unresolved > 0)
    throw new PackRejectedError(`${reading.unresolved} deltas without a base`);
}

/** A thin pack gets its bases appended, so that git itself accepts what is kept. */
function complete(reading: PackReading, order: Uint32Array): IndexedPack {
  const { oids, outside } = reading;
  const bases = outside.filter(({ id }) => findOid(oids, order, id, 0) < 0);
  const thin = bases.length > 0;
  const { pack, columns } = thin
    ? appendObjects({ pack: reading.pack, columns: reading }, bases)
    : { pack: reading.pack, columns: reading };
  const packHash = pack.subarray(-trailerBytes);
  return {
    pack,
    idx: formatIdx(columns, thin ? sortByOid(columns.oids, columns.count) : order, packHash),
    packHash: formatHex(packHash),
    objects: reading.count,
    typeOf: (id, offset) => {
      const index = findOid(oids, order, id, offset);
      return index < 0 ? undefined : typeAt(reading, index);
    },
    links: reading.judge.links,
  };
}

type Turn = (phase: "reading" | "resolving", done: number, bytes: number) => Promise<void> | void;

/** Tells how far the work is and lets others have their turn, once enough was done. */
function openTurns({ signal, onProgress, breathe }: Indexing, total: number): Turn {
  let since = 0;
  return (phase, done, bytes) => {
    since += bytes + entryCostBytes;
    if (since < turnBytes && done < total) return undefined;
    since = 0;
    onProgress?.({ phase, done, total });
    signal.throwIfAborted();
    return breathe();
  };
}

const magic = 0x5041_434b;
const version = 2;
const headerBytes = 12;
const trailerBytes = 20;
/** One byte of header and an empty zlib stream. */
const entryBytesMin = 9;
/** About 10 ms of work. */
const turnBytes = 1024 * 1024;
const entryCostBytes = 2048;
