/** Copies stored entries into a pack to send, in the order in which they are stored: bases come before what they are bases of. */

/* oxlint-disable eslint/no-await-in-loop -- a pack is written one entry after the other. */

import { equal, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import type { ObjectId } from "@skein/protocol/ids";
import type { ObjectSet } from "./object-set.ts";
import type { Kernel } from "./kernel.ts";
import { makeDelta } from "./delta-make.ts";
import { deflate } from "./inflate.ts";
import { oidAt, type GitObject } from "./object.ts";
import { findEarlier, nothingEarlier, type Earlier } from "./pack-earlier.ts";
import { rankOf } from "./pack-build.ts";
import {
  formatOffsetDeltaHeader,
  formatRefDeltaHeader,
  readEntryHeader,
  type EntryHeader,
  type WholeHeader,
} from "./pack-entry.ts";
import { openPackMeter, openPackParts, type PackParts } from "./pack-parts.ts";
import { wholeEntry } from "./pack-write.ts";
import { openSha1 } from "./sha1.ts";
import { damaged, type StoredPack } from "./stored-pack.ts";
import type { StoredPacks } from "./stored-packs.ts";

export interface Copying {
  readonly packs: Pick<
    StoredPacks,
    "all" | "stretch" | "readStored" | "rowOf" | "idOf" | "make" | "typeOf"
  >;
  readonly sending: ObjectSet;
  /** What the other side has: deltas may name it. */
  readonly had: ObjectSet;
  readonly read: (oid: ObjectId) => Promise<GitObject>;
  readonly turn: (done: number) => Promise<void> | void;
}

interface Work extends Copying {
  readonly parts: Pick<PackParts, "offset" | "append">;
  readonly earlier: Earlier;
  /** Where in the new pack each row's entry begins, and how many deltas lie below it. */
  readonly offsets: Uint32Array;
  readonly depths: Uint16Array;
  /** Counts what a reader inflates besides the objects. */
  readonly beside: { deltaBytes: number; readonly bases: Set<number> };
}

/** A pack that is told part by part: no more of it is held than a part. */
export interface PackToSend {
  readonly objects: number;
  /** To be asked for once. */
  readonly parts: () => AsyncIterable<Bytes>;
}

export interface MeasuredPack extends PackToSend {
  /** How long all parts are together. */
  readonly bytes: number;
  /** How long its deltas are, inflated. */
  readonly deltaBytes: number;
  /** Rows of what it leaves out, and builds on. */
  readonly bases: ReadonlySet<number>;
}

export async function copyPack(given: Copying): Promise<PackToSend> {
  const whole = wholePack(given);
  if (whole !== undefined)
    return { objects: whole.idx.count, parts: () => readWhole(given, whole) };
  const plan = await planOf(given);
  return { objects: plan.objects, parts: () => copyEntries(plan) };
}

/** The same, measured before the first part: whoever gets it is told how much will come. */
export async function measurePack(given: Copying): Promise<MeasuredPack> {
  const plan = await planOf(given);
  const meter = openPackMeter();
  const beside = { deltaBytes: 0, bases: new Set<number>() };
  const entries = eachEntry(plan, meter, beside);
  while ((await entries.next()).done !== true) continue;
  const { objects } = plan;
  const whole = wholePack(given);
  return whole === undefined
    ? { objects, bytes: meter.offset() + trailerBytes, ...beside, parts: () => copyEntries(plan) }
    : { objects, bytes: whole.bytes, ...beside, parts: () => readWhole(given, whole) };
}

/** The one stored pack that is, as it stands, what is to be sent; but whoever has something gets deltas on it. */
function wholePack({ packs, sending, had }: Copying): StoredPack | undefined {
  if (!isEmpty(had)) return undefined;
  const needed = packs.all().filter(({ base, idx }) => sending.countIn(base, idx.count) > 0);
  const [only] = needed;
  if (only === undefined || needed.length > 1) return undefined;
  return sending.countIn(only.base, only.idx.count) === only.idx.count ? only : undefined;
}

/** As it is stored; but a damaged one comes to no end. */
async function* readWhole({ packs, turn }: Copying, pack: StoredPack): AsyncIterable<Bytes> {
  const hash = openSha1();
  const end = pack.bytes - trailerBytes;
  for (let start = 0; start < pack.bytes; start += partBytes) {
    const stop = Math.min(pack.bytes, start + partBytes);
    const bytes = await packs.readStored(pack, start, stop);
    if (start < end) hash.update(bytes.subarray(0, end - start));
    if (stop === pack.bytes) await checkTrailer(packs, pack, hash.finish());
    yield bytes;
    const waited = turn(Math.floor((pack.idx.count * stop) / pack.bytes));
    if (waited !== undefined) await waited;
  }
}

async function checkTrailer(
  packs: Copying["packs"],
  pack: StoredPack,
  checksum: Uint8Array,
): Promise<void> {
  const trailer = await packs.readStored(pack, pack.bytes - 20, pack.bytes);
  if (!equal(checksum, trailer)) throw damaged(pack, 0);
}

/** What is known before anything is written. */
interface Plan extends Copying {
  readonly objects: number;
  readonly earlier: Earlier;
}

async function planOf(given: Copying): Promise<Plan> {
  const objects = given.packs
    .all()
    .reduce((count, { base, idx }) => count + given.sending.countIn(base, idx.count), 0);
  // Whoever has nothing gets the history as it is stored.
  const earlier = isEmpty(given.had) ? nothingEarlier : await findEarlier(given);
  return { ...given, objects, earlier };
}

async function* copyEntries(plan: Plan): AsyncIterable<Bytes> {
  const parts = openPackParts(plan.objects);
  const entries = eachEntry(plan, parts, { deltaBytes: 0, bases: new Set() });
  while ((await entries.next()).done !== true) yield parts.take();
  yield parts.finish();
}

/** Writes entry after entry, and tells when about a part has come together. */
async function* eachEntry(
  plan: Plan,
  parts: Work["parts"],
  beside: Work["beside"],
): AsyncGenerator<undefined, void, void> {
  const packs = plan.packs.all().toSorted((a, b) => a.base - b.base);
  const rows = packs.reduce((most, { base, idx }) => Math.max(most, base + idx.count), 0);
  const work: Work = {
    ...plan,
    parts,
    beside,
    offsets: new Uint32Array(rows),
    depths: new Uint16Array(rows),
  };
  let done = 0;
  let told = 0;
  for (const pack of packs) {
    const order = pack.byOffset();
    for (let rank = 0; rank < order.length; rank++) {
      const position = order[rank] ?? 0;
      if (!plan.sending.has(pack.base + position)) continue;
      const copied = copyEntry(work, entryOf(pack, rank));
      if (copied !== undefined) await copied;
      if (parts.offset() - told >= partBytes) {
        told = parts.offset();
        yield undefined;
      }
      const waited = plan.turn(++done);
      if (waited !== undefined) await waited;
    }
  }
  assert(done === plan.objects, "all that was counted is sent");
}

interface Entry {
  readonly pack: StoredPack;
  readonly position: number;
  readonly row: number;
  readonly start: number;
  readonly end: number;
}

/** The entry before which so many stand. */
function entryOf(pack: StoredPack, rank: number): Entry {
  const order = pack.byOffset();
  const position = order[rank] ?? 0;
  const next = order[rank + 1];
  const start = pack.idx.packOffset(position);
  const end = next === undefined ? pack.bytes - 20 : pack.idx.packOffset(next);
  if (start >= end) throw damaged(pack, start);
  return { pack, position, row: pack.base + position, start, end };
}

/** Answers a promise only if it had to wait. */
function copyEntry(work: Work, entry: Entry): Promise<void> | undefined {
  const base = nearestBase(work, entry.row);
  const hasBase = base >= 0 || work.earlier.isNew(entry.row);
  const use = (kernel: Kernel, at: number): Copied =>
    appendEntry(work, entry, { kernel, at, size: entry.end - entry.start, hasBase });
  const copied = work.packs.stretch(entry, use);
  if (copied === "copied") return undefined;
  const goOn = async (how: Copied): Promise<void> => {
    if (how !== "copied") await makeAnew(work, entry, { base, how });
  };
  return typeof copied === "string" ? goOn(copied) : copied.then(goOn);
}

/** The latest of its earlier versions that the other side has, or gets before it; or -1. */
function nearestBase(work: Work, row: number): number {
  const { earlier } = work;
  let at = earlier.before.get(row);
  for (let steps = 0; at !== undefined && steps < stepsBackMax; steps++) {
    if (at === row) return -1;
    if (isThere(work, at)) return at;
    at = earlier.before.get(at);
  }
  return -1;
}

/** Whether the other side has a row or gets it before what comes now. */
function isThere({ had, offsets, depths }: Work, row: number): boolean {
  return had.has(row) || ((offsets[row] ?? 0) > 0 && (depths[row] ?? 0) < newChainMax);
}

/** `whole`: it could be copied, but a delta may be shorter. `lost`: it is a delta whose base is not sent. */
type Copied = "copied" | "whole" | "lost";

/** An entry in the kernel's memory. */
interface Here {
  readonly kernel: Kernel;
  readonly at: number;
  readonly size: number;
  readonly hasBase: boolean;
}

function appendEntry(work: Work, entry: Entry, here: Here): Copied {
  const { parts, offsets } = work;
  const { pack, position, start, row } = entry;
  const header = readHeader(here);
  // What goes out is checked by its checksum, as git does; the receiver checks the object.
  if (
    header === undefined ||
    here.kernel.crc32(here.at, here.size) >>> 0 !== pack.idx.crc(position)
  )
    throw damaged(pack, start);
  if (header.form !== "whole")
    return appendDelta(work, entry, { ...here, header }) ? "copied" : "lost";
  if (here.hasBase && here.size > deltaWorthBytes) return "whole";
  offsets[row] = parts.offset();
  parts.append(here.kernel.bytes(), here.at, here.at + here.size);
  return "copied";
}

function readHeader({ kernel, at, size }: Here): EntryHeader | undefined {
  const header = readEntryHeader(kernel.bytes(), at);
  return header === undefined || header.data > at + size ? undefined : header;
}

function appendDelta(
  work: Work,
  { pack, start, row }: Entry,
  { kernel, at, size, header }: Here & { readonly header: Exclude<EntryHeader, WholeHeader> },
): boolean {
  const { packs, parts, offsets, depths, had } = work;
  const bytes = kernel.bytes();
  const id = baseIdOf(pack, start, { bytes, header });
  // Another pack may hold the base too, and be the one that counts.
  const base = packs.rowOf(id, 0);
  const offset = parts.offset();
  const below = offsets[base] ?? 0;
  const depth = (depths[base] ?? 0) + 1;
  const isNear = below > 0 && depth <= chainMax;
  if (!isNear && (base < 0 || !had.has(base))) return false;
  offsets[row] = offset;
  depths[row] = isNear ? depth : 1;
  noteDelta(work, { base, size: header.size, isSent: isNear });
  const distance = isNear ? offset - below : 0;
  if (header.form === "offset-delta" && header.distance === distance) {
    parts.append(bytes, at, at + size);
    return true;
  }
  const head = isNear
    ? formatOffsetDeltaHeader(header.size, distance)
    : formatRefDeltaHeader(header.size, id);
  parts.append(head, 0, head.length);
  parts.append(bytes, header.data, at + size);
  return true;
}

function baseIdOf(
  pack: StoredPack,
  start: number,
  {
    bytes,
    header,
  }: { readonly bytes: Uint8Array; readonly header: Exclude<EntryHeader, WholeHeader> },
): Uint8Array {
  return header.form === "ref-delta"
    ? bytes.slice(header.base, header.base + 20)
    : idAt(pack, start - header.distance);
}

/** The id of the object whose entry begins at `offset`. */
function idAt(pack: StoredPack, offset: number): Uint8Array {
  const position = pack.byOffset()[rankOf(pack, offset)];
  if (position === undefined || pack.idx.packOffset(position) !== offset)
    throw damaged(pack, offset);
  return pack.idx.oids.subarray(position * 20, position * 20 + 20);
}

/** A delta on what the other side knows or, if that is no shorter, the object whole. */
async function makeAnew(
  work: Work,
  entry: Entry,
  { base, how }: { readonly base: number; readonly how: Copied },
): Promise<void> {
  const { pack, position, row, start, end } = entry;
  const object = await work.read(oidAt(pack.idx.oids, position * 20));
  const delta = await shortestDelta(work, { row, base }, object);
  const stream = delta && deflate(delta.bytes);
  const isShorter = stream !== undefined && (how === "lost" || stream.length + 20 < end - start);
  if (delta !== undefined && isShorter) {
    const depth = (work.depths[delta.base] ?? 0) + 1;
    put(work, { row, depth }, [headOf(work, delta.base, delta.bytes.length), stream]);
  } else if (how === "lost") put(work, { row, depth: 0 }, wholeEntry(object));
  else
    await work.packs.stretch(entry, (kernel, at) =>
      appendEntry(work, entry, { kernel, at, size: end - start, hasBase: false }),
    );
}

function put(
  { parts, offsets, depths }: Work,
  { row, depth }: { readonly row: number; readonly depth: number },
  pieces: ReadonlyArray<Uint8Array>,
): void {
  depths[row] = depth;
  offsets[row] = parts.offset();
  for (const piece of pieces) parts.append(piece, 0, piece.length);
}

interface MadeDelta {
  readonly base: number;
  readonly bytes: Bytes;
}

/** On its nearest version; or, if that has little of it, on what stands at its path elsewhere. */
async function shortestDelta(
  work: Work,
  { row, base }: { readonly row: number; readonly base: number },
  object: GitObject,
): Promise<MadeDelta | undefined> {
  let best = base < 0 ? undefined : await deltaOn(work, base, object);
  if (best !== undefined && best.bytes.length <= shortDeltaBytes) return best;
  for (const other of await work.earlier.besides(row)) {
    if (other === base || !isThere(work, other)) continue;
    const delta = await deltaOn(work, other, object);
    if (delta !== undefined && delta.bytes.length < (best?.bytes.length ?? Infinity)) best = delta;
  }
  return best;
}

async function deltaOn(
  { packs }: Work,
  base: number,
  { bytes }: GitObject,
): Promise<MadeDelta | undefined> {
  if (bytes.length > newDeltaBytesMax || bytes.length < deltaWorthBytes) return undefined;
  const delta = await packs.make(base, (from) =>
    from.length > newDeltaBytesMax ? undefined : makeDelta(from, bytes, bytes.length >>> 1),
  );
  return delta && { base, bytes: delta };
}

function headOf(work: Work, base: number, size: number): Uint8Array {
  const { packs, parts, offsets } = work;
  const below = offsets[base] ?? 0;
  noteDelta(work, { base, size, isSent: below > 0 });
  return below > 0
    ? formatOffsetDeltaHeader(size, parts.offset() - below)
    : formatRefDeltaHeader(size, packs.idOf(base));
}

function noteDelta(
  { beside }: Work,
  {
    base,
    size,
    isSent,
  }: { readonly base: number; readonly size: number; readonly isSent: boolean },
): void {
  beside.deltaBytes += size;
  if (!isSent) beside.bases.add(base);
}

function isEmpty(set: ObjectSet): boolean {
  return set.words().every((word) => word === 0);
}

/** Chains of several packs may join into one; beyond this an object is made whole. */
const chainMax = 1_000;
/** Chains that are made here stay as short as git's. */
const newChainMax = 50;
const stepsBackMax = 10_000;
const deltaWorthBytes = 50;
/** A delta of no more is not worth a second try. */
const shortDeltaBytes = 200;
/** Of each side: more is not worth the wait. */
const newDeltaBytesMax = 8 * 1024 * 1024;
const partBytes = 1024 * 1024;
const trailerBytes = 20;
