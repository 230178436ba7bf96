/**
 * Which tags a relay has anybody for, as 65,536 slots by a tag's first two bytes: what ours are, and what others said theirs are.
 *
 * A relay says at once what it wants anew, and every few seconds everything, so what was lost on the way is made good
 * and what it wants no more is forgotten. Of a relay that has not said it yet we believe that it wants all.
 */

import type { TagKey } from "./tag-table.ts";

export type Slot = number;

export function slotOf(tag: TagKey): Slot {
  return ((tag.charCodeAt(0) << 8) | tag.charCodeAt(1)) & (slots - 1);
}

interface Need {
  count: number;
  /** When to want it no more, once nobody is left. */
  untilMillis: number | undefined;
}

/** What this relay wants. */
export class OwnInterest {
  readonly #needs = new Map<Slot, Need>();
  #fresh: Slot[] = [];

  /** Answers whether the slot was not wanted before. */
  hold(slot: Slot): boolean {
    const need = this.#needs.get(slot);
    if (need !== undefined) {
      need.count += 1;
      need.untilMillis = undefined;
      return false;
    }
    this.#needs.set(slot, { count: 1, untilMillis: undefined });
    this.#fresh.push(slot);
    return true;
  }

  release(slot: Slot, untilMillis: number): void {
    const need = this.#needs.get(slot);
    if (need === undefined || need.count === 0) return;
    need.count -= 1;
    if (need.count === 0) need.untilMillis = untilMillis;
  }

  /** Takes out what nobody has needed for long enough. */
  lapse(nowMillis: number): ReadonlySet<Slot> {
    const lapsed = new Set<Slot>();
    for (const [slot, { untilMillis }] of this.#needs)
      if (untilMillis !== undefined && nowMillis >= untilMillis) lapsed.add(slot);
    for (const slot of lapsed) this.#needs.delete(slot);
    return lapsed;
  }

  /** What is wanted and has not been said yet. */
  takeFresh(): ReadonlyArray<Slot> {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  /** Everything that is wanted, for a record. */
  write(): Buffer {
    this.#fresh = [];
    if (this.#needs.size < listedMax) return writeSlots([...this.#needs.keys()]);
    const map = Buffer.alloc(mapBytes);
    for (const slot of this.#needs.keys()) set(map, slot);
    return map;
  }
}

/** What one other relay wants. */
export class OthersInterest {
  #map: Uint8Array | undefined = undefined;

  wants(slot: Slot): boolean {
    return this.#map === undefined || ((this.#map[slot >> 3] ?? 0) & (1 << (slot & 7))) !== 0;
  }

  /** Everything it wants, in place of what it wanted. */
  replace(body: Buffer): void {
    this.#map = undefined;
    const map = new Uint8Array(mapBytes);
    if (body.length === mapBytes) map.set(body);
    else for (const slot of readSlots(body)) set(map, slot);
    this.#map = map;
  }

  add(body: Buffer): void {
    if (this.#map !== undefined) for (const slot of readSlots(body)) set(this.#map, slot);
  }
}

export function writeSlots(wanted: ReadonlyArray<Slot>): Buffer {
  const body = Buffer.allocUnsafe(wanted.length * 2);
  for (const [index, slot] of wanted.entries()) body.writeUInt16BE(slot, index * 2);
  return body;
}

/** Whether a record's body is a list of slots or a map of them. */
export function isInterest(body: Buffer): boolean {
  return body.length % 2 === 0 && body.length <= mapBytes;
}

function readSlots(body: Buffer): ReadonlyArray<Slot> {
  return Array.from({ length: body.length >> 1 }, (_, index) => body.readUInt16BE(index * 2));
}

function set(map: Uint8Array, slot: Slot): void {
  map[slot >> 3] = (map[slot >> 3] ?? 0) | (1 << (slot & 7));
}

export const slots = 65_536;
const mapBytes = slots / 8;
/** A list of so many would be as long as the map, and be taken for one. */
const listedMax = mapBytes / 2;
