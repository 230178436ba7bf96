/** Builds a pack to send: entries are copied as they are stored, and only deltas that lost their base are made whole. */

/* oxlint-disable eslint/no-await-in-loop -- a pack is written one object after the other. */

import { assert } from "@skein/protocol/errors";
import type { ObjectId } from "@skein/protocol/ids";
import { crc32 } from "./crc32.ts";
import { oidAt, oidBytes, type GitObject } from "./object.ts";
import {
  formatOffsetDeltaHeader,
  formatRefDeltaHeader,
  formatWholeHeader,
  readEntryHeader,
  type EntryHeader,
} from "./pack-entry.ts";
import { openPackWriter, wholeEntry, type PackWriter, type WrittenPack } from "./pack-write.ts";
import { StorageDamagedError, type Place } from "./stored-pack.ts";
import type { StoredPacks } from "./stored-packs.ts";

/** Where objects are looked for, and read as they are stored. */
export type BuildSource = Pick<StoredPacks, "find" | "stretch">;

export interface Building {
  readonly objects: ReadonlyArray<ObjectId>;
  readonly had: ReadonlySet<ObjectId>;
  readonly read: (oid: ObjectId) => Promise<GitObject>;
  readonly turn: (done: number) => Promise<void> | void;
}

/** Writes the objects, each after its base. Deltas may also name what is `had`. */
export async function writePackOf(packs: BuildSource, given: Building): Promise<WrittenPack> {
  const work: Work = {
    packs,
    writer: openPackWriter(),
    sending: new Set(given.objects),
    had: given.had,
    read: given.read,
    placed: new Map(),
  };
  for (const oid of given.objects) {
    await place(work, oid);
    const waited = given.turn(work.placed.size);
    if (waited !== undefined) await waited;
  }
  return work.writer.finish();
}

interface Work {
  readonly packs: BuildSource;
  readonly writer: PackWriter;
  readonly sending: ReadonlySet<ObjectId>;
  readonly had: ReadonlySet<ObjectId>;
  readonly read: (oid: ObjectId) => Promise<GitObject>;
  /** Where in the new pack each object begins, and how many deltas lie below it. */
  readonly placed: Map<ObjectId, { readonly offset: number; readonly depth: number }>;
}

/** Writes an object after its base, its base's base, and so on. */
async function place(building: Work, wanted: ObjectId): Promise<void> {
  const stack = [wanted];
  // Two packs may each hold one of two objects as a delta on the other: the second one met is made whole.
  const under = new Set<ObjectId>();
  for (let oid = stack.at(-1); oid !== undefined; oid = stack.at(-1)) {
    if (building.placed.has(oid)) {
      stack.pop();
      continue;
    }
    const entry = await storedEntry(building, oid);
    const { base } = entry;
    const baseComes = base !== undefined && building.sending.has(base);
    if (baseComes && !building.placed.has(base) && !under.has(base)) {
      under.add(oid);
      stack.push(base);
      continue;
    }
    await append(building, oid, entry);
    stack.pop();
  }
}

interface StoredEntry {
  readonly header: EntryHeader;
  readonly base: ObjectId | undefined;
  /** The zlib stream as it is stored. */
  readonly stream: Uint8Array;
}

async function storedEntry({ packs }: Work, oid: ObjectId): Promise<StoredEntry> {
  const found = packs.find(oidBytes(oid), 0);
  if (found === undefined) throw new StorageDamagedError(`Object ${oid} is gone`);
  const { pack, position } = found;
  const { idx } = pack;
  const start = idx.packOffset(position);
  const end = endOf(found, pack.bytes - 20);
  const bytes = await packs.stretch({ pack, start, end }, (kernel, at) =>
    kernel.bytes().slice(at, at + end - start),
  );
  const header = readEntryHeader(bytes, 0);
  // What goes out is checked by its checksum, as git does; the receiver checks the object.
  if (
    header === undefined ||
    header.data > bytes.length ||
    crc32(bytes, 0, bytes.length) !== idx.crc(position)
  )
    throw new StorageDamagedError(`Pack ${pack.name} is damaged at byte ${start}`);
  return { header, base: baseOf(found, bytes, header), stream: bytes.subarray(header.data) };
}

async function append(building: Work, oid: ObjectId, entry: StoredEntry): Promise<void> {
  const { writer, placed } = building;
  const { header, base, stream } = entry;
  const offset = writer.offset();
  const id = oidBytes(oid);
  const below = base === undefined ? undefined : placed.get(base);
  const depth = (below?.depth ?? 0) + 1;
  if (header.form === "whole") {
    writer.append(id, formatWholeHeader(header.type, header.size), stream);
    placed.set(oid, { offset, depth: 0 });
  } else if (below !== undefined && depth <= chainMax) {
    writer.append(id, formatOffsetDeltaHeader(header.size, offset - below.offset), stream);
    placed.set(oid, { offset, depth });
  } else if (base !== undefined && !building.sending.has(base) && building.had.has(base)) {
    writer.append(id, formatRefDeltaHeader(header.size, oidBytes(base)), stream);
    placed.set(oid, { offset, depth: 1 });
  } else {
    writer.append(id, ...wholeEntry(await building.read(oid)));
    placed.set(oid, { offset, depth: 0 });
  }
}

function endOf({ pack, position }: Place, packEnd: number): number {
  const order = pack.byOffset();
  const next = order[rankOf(pack, pack.idx.packOffset(position)) + 1];
  return next === undefined ? packEnd : pack.idx.packOffset(next);
}

function baseOf(
  { pack, position }: Place,
  bytes: Uint8Array,
  header: EntryHeader,
): ObjectId | undefined {
  if (header.form === "whole") return undefined;
  if (header.form === "ref-delta") return oidAt(bytes, header.base);
  const offset = pack.idx.packOffset(position) - header.distance;
  const base = pack.byOffset()[rankOf(pack, offset)];
  if (base === undefined || pack.idx.packOffset(base) !== offset)
    throw new StorageDamagedError(`Pack ${pack.name} is damaged: a base is not where it should be`);
  return oidAt(pack.idx.oids, base * 20);
}

/** How many entries begin before `offset`. */
export function rankOf(pack: Place["pack"], offset: number): number {
  const order = pack.byOffset();
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const position = order[middle];
    assert(position !== undefined, "an index between two others is in range");
    if (pack.idx.packOffset(position) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Chains of several packs may join into one; beyond this an object is made whole. */
const chainMax = 1_000;
