/** Cuts what is to be sent into slices: each is a pack, and with those before it a whole history. */

/* oxlint-disable eslint/no-await-in-loop -- a slice is weighed one object after the other. */

import type { ObjectId } from "@skein/protocol/ids";
import { openObjectSet, type ObjectSet } from "./object-set.ts";
import { oidAt, oidBytes } from "./object.ts";
import { measurePack, type Copying, type MeasuredPack } from "./pack-copy.ts";
import { packLimits, type PackLimits } from "./pack-limits.ts";
import { orderRows } from "./pack-order.ts";
import type { StoredPack } from "./stored-pack.ts";
import type { StoredPacks } from "./stored-packs.ts";

/** What is to be sent in all, and what the other side has. */
export interface History {
  readonly wants: ReadonlyArray<ObjectId>;
  readonly sending: ObjectSet;
  readonly had: ObjectSet;
  /** Put in order when it is first cut. */
  order: Uint32Array | undefined;
}

export interface Slicing extends Omit<Copying, "sending" | "had" | "packs"> {
  readonly packs: StoredPacks;
  readonly history: History;
  /** The last object of the slice before. */
  readonly after: ObjectId | undefined;
  readonly bytesMax: number;
  /** What whoever receives it takes in one pack. */
  readonly limits?: PackLimits | undefined;
}

export interface PackSlice extends MeasuredPack {
  /** The history is whole up to this object once the slice is there. */
  readonly last: ObjectId;
  /** How many objects come after it. */
  readonly left: number;
}

/** As much of the history as goes into `bytesMax`, but one object at least. `undefined`: nothing is left of it. */
export async function cutSlice(given: Slicing): Promise<PackSlice | undefined> {
  const { packs, history, after } = given;
  const weights = openWeights(packs);
  if (after === undefined) {
    const whole = await tryWhole(given, weights);
    if (whole !== undefined) return whole;
  }
  const order = await orderOf(given);
  // One that is not known here may have come from a node that was asked otherwise: all is told again.
  const row = after === undefined ? -1 : packs.rowOf(oidBytes(after), 0);
  const start = row < 0 ? 0 : order.indexOf(row) + 1;
  if (start === order.length) return undefined;
  const had = openObjectSet();
  had.addAll(history.had);
  for (const earlier of order.subarray(0, start)) had.add(earlier);
  for (let end = await reach(given, order, { start, weights }); ;) {
    const rows = order.subarray(start, end);
    const sending = openObjectSet();
    for (const one of rows) sending.add(one);
    const pack = await measurePack({ ...given, sending, had });
    const inflated = await inflatedBytes(weights, rows);
    if (rows.length === 1 || (await fits(given, { pack, inflated, weights })))
      return { ...pack, last: oidOf(packs, order[end - 1] ?? 0), left: order.length - end };
    // Deltas whose bases come later were made anew, and are longer than they were.
    const share = Math.min(0.9, (0.9 * given.bytesMax) / pack.bytes);
    end = start + Math.max(1, Math.floor(rows.length * share));
  }
}

/** All of it, where that is little enough. */
async function tryWhole(given: Slicing, weights: Weights): Promise<PackSlice | undefined> {
  const { packs, history, limits = packLimits, turn } = given;
  const { sending, had, wants } = history;
  let objects = 0;
  let bytes = 0;
  let inflated = 0;
  for (const { base, idx } of packs.all())
    for (let row = base; row < base + idx.count; row++) {
      if (!sending.has(row)) continue;
      objects += 1;
      bytes += weights.stored(row);
      const size = weights.inflated(row);
      inflated += typeof size === "number" ? size : await size;
      if (bytes > given.bytesMax || inflated > limits.inflatedBytes || objects > limits.objects)
        return undefined;
      const waited = turn(objects);
      if (waited !== undefined) await waited;
    }
  const last = wants.find((want) => sending.has(packs.rowOf(oidBytes(want), 0)));
  if (last === undefined) return undefined;
  const pack = await measurePack({ ...given, sending, had });
  const isWhole = await fits(given, { pack, inflated, weights });
  return isWhole ? { ...pack, last, left: 0 } : undefined;
}

function oidOf(packs: StoredPacks, row: number): ObjectId {
  return oidAt(packs.idOf(row), 0);
}

async function orderOf({ packs, history, turn }: Slicing): Promise<Uint32Array> {
  if (history.order !== undefined) return history.order;
  const starts = history.wants.map((want) => packs.rowOf(oidBytes(want), 0));
  history.order = await orderRows({ packs, starts, among: history.sending, turn });
  return history.order;
}

/** Where a slice ends by what is stored of its objects. */
async function reach(
  given: Slicing,
  order: Uint32Array,
  { start, weights }: { readonly start: number; readonly weights: Weights },
): Promise<number> {
  const { limits = packLimits } = given;
  const bytesMax = given.bytesMax * shareByStored;
  const inflatedMax = limits.inflatedBytes / 2;
  let bytes = 0;
  let inflated = 0;
  for (let at = start; at < order.length; at++) {
    const row = order[at] ?? 0;
    bytes += weights.stored(row);
    const size = weights.inflated(row);
    inflated += typeof size === "number" ? size : await size;
    const isFull = bytes > bytesMax || inflated > inflatedMax || at - start >= limits.objects;
    if (isFull && at > start) return at;
    const waited = given.turn(at - start);
    if (waited !== undefined) await waited;
  }
  return order.length;
}

/** Whether it is little enough, with the deltas and bases that count as well. */
async function fits(
  { bytesMax, limits = packLimits }: Slicing,
  made: { readonly pack: MeasuredPack; readonly inflated: number; readonly weights: Weights },
): Promise<boolean> {
  const { bytes, deltaBytes, bases } = made.pack;
  const beside = await inflatedBytes(made.weights, bases);
  const most = Math.min(limits.inflatedBytes, limits.inflatedBytesOf(bytes));
  return bytes <= bytesMax && made.inflated + deltaBytes + beside <= most;
}

async function inflatedBytes(weights: Weights, rows: Iterable<number>): Promise<number> {
  let bytes = 0;
  for (const row of rows) {
    const size = weights.inflated(row);
    bytes += typeof size === "number" ? size : await size;
  }
  return bytes;
}

interface Weights {
  /** Bytes that the entry of a row takes in its pack. */
  readonly stored: (row: number) => number;
  readonly inflated: (row: number) => number | Promise<number>;
}

function openWeights(packs: StoredPacks): Weights {
  const all = packs.all().toSorted((a, b) => a.base - b.base);
  const sizes = new Map<StoredPack, Uint32Array>();
  const packOf = (row: number): StoredPack | undefined => {
    let low = 0;
    let high = all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((all[middle]?.base ?? 0) <= row) low = middle + 1;
      else high = middle;
    }
    return all[low - 1];
  };
  return {
    stored: (row) => {
      const pack = packOf(row);
      if (pack === undefined) return 0;
      const found = sizes.get(pack) ?? entrySizes(pack);
      sizes.set(pack, found);
      return found[row - pack.base] ?? 0;
    },
    inflated: packs.sizeOf,
  };
}

function entrySizes(pack: StoredPack): Uint32Array {
  const sizes = new Uint32Array(pack.idx.count);
  let end = pack.bytes - trailerBytes;
  for (const position of pack.byOffset().toReversed()) {
    const start = pack.idx.packOffset(position);
    sizes[position] = end - start;
    end = start;
  }
  return sizes;
}

/** The rest is for what a slice says otherwise than it is stored. */
const shareByStored = 0.85;
const trailerBytes = 20;
