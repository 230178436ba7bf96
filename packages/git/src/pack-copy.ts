/** Copies stored entries into a pack to send, in the order in which they are stored: bases come before what they are bases of. */

/* oxlint-disable eslint/no-await-in-loop -- a pack is written one entry after the other. */

import { equal } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import type { Closures, ObjectSet } from "./closure.ts";
import { crc32 } from "./crc32.ts";
import { oidAt, type GitObject } from "./object.ts";
import { rankOf } from "./pack-build.ts";
import { formatOffsetDeltaHeader, formatRefDeltaHeader, readEntryHeader } from "./pack-entry.ts";
import { openPackWriter, wholeEntry, type PackWriter, type WrittenPack } from "./pack-write.ts";
import { sha1 } from "./sha1.ts";
import { damaged, type StoredPack } from "./stored-pack.ts";
import type { StoredPacks } from "./stored-packs.ts";

export interface Copying {
  readonly packs: Pick<StoredPacks, "all" | "stretchNow" | "stretch">;
  readonly closures: Pick<Closures, "numberOf">;
  readonly sending: ObjectSet;
  /** What the other side has: deltas may name it. */
  readonly had: ObjectSet;
  readonly read: (oid: ObjectId) => Promise<GitObject>;
  readonly turn: (done: number) => Promise<void> | void;
}

interface Work extends Copying {
  readonly writer: PackWriter;
  /** Where in the new pack each object begins, and how many deltas lie below it. */
  readonly placed: Map<number, { readonly offset: number; readonly depth: number }>;
}

/** The pack to send, and how many objects are in it. */
export async function copyPack(
  given: Copying,
): Promise<{ readonly bytes: Uint8Array; readonly objects: number }> {
  const whole = wholePack(given);
  if (whole !== undefined)
    return { bytes: await readWhole(given, whole), objects: whole.idx.count };
  const { pack, columns } = await copyEntries(given);
  return { bytes: pack, objects: columns.count };
}

/** The one stored pack that is, as it stands, what is to be sent. */
function wholePack({ packs, sending }: Copying): StoredPack | undefined {
  const needed = packs.all().filter(({ base, idx }) => countIn(sending, base, idx.count) > 0);
  const [only] = needed;
  if (only === undefined || needed.length > 1) return undefined;
  return countIn(sending, only.base, only.idx.count) === only.idx.count ? only : undefined;
}

function countIn(set: ObjectSet, base: number, count: number): number {
  let many = 0;
  for (let number = base; number < base + count; number++) if (set.has(number)) many += 1;
  return many;
}

async function readWhole({ packs, turn }: Copying, pack: StoredPack): Promise<Uint8Array> {
  const bytes = await packs.stretch(pack, 0, pack.bytes);
  if (!equal(sha1(bytes.subarray(0, -20)), bytes.subarray(-20))) throw damaged(pack, 0);
  const waited = turn(pack.idx.count);
  if (waited !== undefined) await waited;
  return bytes;
}

async function copyEntries(given: Copying): Promise<WrittenPack> {
  const work: Work = { ...given, writer: openPackWriter(), placed: new Map() };
  for (const pack of given.packs.all().toSorted((a, b) => a.base - b.base)) {
    const order = pack.byOffset();
    for (let rank = 0; rank < order.length; rank++) {
      const position = order[rank] ?? 0;
      if (!given.sending.has(pack.base + position)) continue;
      const next = order[rank + 1];
      const end = next === undefined ? pack.bytes - 20 : pack.idx.packOffset(next);
      const start = pack.idx.packOffset(position);
      if (start >= end) throw damaged(pack, start);
      const bytes =
        given.packs.stretchNow(pack, start, end) ?? (await given.packs.stretch(pack, start, end));
      const made = copyEntry(work, { pack, position, bytes });
      if (made !== undefined) await made;
      const waited = given.turn(work.placed.size);
      if (waited !== undefined) await waited;
    }
  }
  return work.writer.finish();
}

/** Answers a promise only if the entry could not be copied. */
function copyEntry(
  work: Work,
  {
    pack,
    position,
    bytes,
  }: { readonly pack: StoredPack; readonly position: number; readonly bytes: Uint8Array },
): Promise<void> | undefined {
  const { writer, placed } = work;
  const start = pack.idx.packOffset(position);
  const header = readEntryHeader(bytes, 0);
  // What goes out is checked by its checksum, as git does; the receiver checks the object.
  if (
    header === undefined ||
    header.data > bytes.length ||
    crc32(bytes, 0, bytes.length) !== pack.idx.crc(position)
  )
    throw damaged(pack, start);
  const number = pack.base + position;
  const id = pack.idx.oids.subarray(position * 20, position * 20 + 20);
  const offset = writer.offset();
  if (header.form === "whole") {
    writer.append(id, bytes);
    placed.set(number, { offset, depth: 0 });
    return undefined;
  }
  const baseId =
    header.form === "ref-delta"
      ? bytes.subarray(header.base, header.base + 20)
      : idAt(pack, start - header.distance);
  const base = work.closures.numberOf(baseId, 0);
  const below = placed.get(base);
  const stream = bytes.subarray(header.data);
  if (below !== undefined && below.depth < chainMax) {
    writer.append(id, formatOffsetDeltaHeader(header.size, offset - below.offset), stream);
    placed.set(number, { offset, depth: below.depth + 1 });
    return undefined;
  }
  if (base >= 0 && work.had.has(base)) {
    writer.append(id, formatRefDeltaHeader(header.size, baseId), stream);
    placed.set(number, { offset, depth: 1 });
    return undefined;
  }
  return makeWhole(work, { id, number });
}

/** The id of the object whose entry begins at `offset`. */
function idAt(pack: StoredPack, offset: number): Uint8Array {
  const position = pack.byOffset()[rankOf(pack, offset)];
  if (position === undefined || pack.idx.packOffset(position) !== offset)
    throw damaged(pack, offset);
  return pack.idx.oids.subarray(position * 20, position * 20 + 20);
}

/** The base of a delta is not sent: the object is made whole. */
async function makeWhole(
  { writer, placed, read }: Work,
  { id, number }: { readonly id: Uint8Array; readonly number: number },
): Promise<void> {
  const object = await read(oidAt(id, 0));
  placed.set(number, { offset: writer.offset(), depth: 0 });
  writer.append(id, ...wholeEntry(object));
}

/** Chains of several packs may join into one; beyond this an object is made whole. */
const chainMax = 1_000;
