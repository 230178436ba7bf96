/** Objects of stored packs, as the plain kernel makes them. What lies where in the memory is as in the compiled one. */

import { deltaChainMax } from "@skein/protocol/limits";
import { readDeltaSizes } from "./delta.ts";
import { sameId } from "./id-table.ts";
import { packsStatus, type CoreKernel, type PacksKernel } from "./kernel.ts";
import { codeOfType, readEntryHeader, type EntryHeader } from "./pack-entry.ts";

export interface PlainPacks extends Omit<
  PacksKernel,
  "walkMeet" | "walkOn" | "logMeet" | "logNext" | "paintMeet" | "paintOn"
> {
  /** What was made last, for the walks. */
  readonly made: () => { readonly at: number; readonly size: number };
  /** Whether that has the name of the row. If not, it is told as damaged. */
  readonly verify: (row: number, code: number) => boolean;
}

/** A page or memory is wanted, or something is damaged: the work is given up at once, and tried again or not. */
class Wanting extends Error {
  readonly status: number;
  constructor(status: number) {
    super("the caller is told");
    this.status = status;
  }
}

interface Place {
  readonly pack: number;
  readonly offset: number;
}

interface Made {
  readonly code: number;
  readonly at: number;
  readonly size: number;
}

interface State {
  readonly core: CoreKernel;
  told: number;
  ids: number;
  offsets: number;
  owners: number;
  slots: number;
  slotMask: number;
  records: number;
  lentFrom: number;
  lentTop: number;
  lentEnd: number;
  objectMax: number;
  clock: number;
  made: Made;
}

/** It has no ring: every object is made anew from the base that is whole. */
export function openPlainPacks(core: CoreKernel): PlainPacks {
  const state: State = {
    core,
    told: toldAt,
    ids: 0,
    offsets: 0,
    owners: 0,
    slots: 0,
    slotMask: 0,
    records: 0,
    lentFrom: 0,
    lentTop: 0,
    lentEnd: 0,
    objectMax: 0,
    clock: 0,
    made: { code: 0, at: 0, size: 0 },
  };
  const asStatus = (work: () => number): number => {
    state.lentTop = state.lentFrom;
    state.clock += 1;
    try {
      return work();
    } catch (error) {
      if (error instanceof Wanting) return error.status;
      throw error;
    }
  };
  return {
    packsTold: () => state.told,
    packsClock: () => state.clock,
    // oxlint-disable-next-line eslint/max-params -- the kernel is told numbers, one beside the other.
    packsRing: (_at, _bytes, _places, _mask, objectMax) => {
      state.objectMax = objectMax;
    },
    // oxlint-disable-next-line eslint/max-params -- the kernel is told numbers, one beside the other.
    packsRows: (ids, offsets, owners, slots, mask) => {
      Object.assign(state, { ids, offsets, owners, slots, slotMask: mask });
    },
    packsRoom: (records, from, end) => {
      Object.assign(state, { records, lentFrom: from, lentEnd: end });
    },
    packsKnow: (first, count) => {
      for (let row = first; row < first + count; row++) {
        const slot = slotOf(state, state.ids + row * 20);
        if (wordAt(core, slot) === 0) setWord(core, slot, row + 1);
      }
    },
    packsFind: (id) => wordAt(core, slotOf(state, id)) - 1,
    packsMake: (row) =>
      asStatus(() => {
        state.made = make(state, placeOf(state, row));
        tell(state, state.made.at, state.made.size);
        return state.made.code;
      }),
    packsType: (row) => asStatus(() => typeOf(state, placeOf(state, row))),
    packsSize: (row) => asStatus(() => sizeOf(state, placeOf(state, row))),
    packsBytes: (pack, offset, length) => asStatus(() => bytesAt(state, { pack, offset }, length)),
    packsOrder: (from, count, to) => order(core, { from, count, to }),
    made: () => state.made,
    verify: (row, code) => verify(state, row, code),
  };
}

export function wordAt(core: CoreKernel, at: number): number {
  return new DataView(core.bytes().buffer).getUint32(at, true);
}

function order(
  core: CoreKernel,
  { from, count, to }: { readonly from: number; readonly count: number; readonly to: number },
): void {
  const rows = Array.from({ length: count }, (_, position) => ({
    position,
    offset: offsetAt(core, from + position * 4),
  }));
  for (const [at, { position }] of rows.toSorted((a, b) => a.offset - b.offset).entries())
    setWord(core, to + at * 4, position);
}

/** As indexes write it. */
function offsetAt(core: CoreKernel, at: number): number {
  return new DataView(core.bytes().buffer).getUint32(at);
}

export function setWord(core: CoreKernel, at: number, value: number): void {
  new DataView(core.bytes().buffer).setUint32(at, value, true);
}

function slotOf({ core, ids, slots, slotMask }: State, id: number): number {
  let slot = wordAt(core, id) & slotMask;
  for (;;) {
    const row = wordAt(core, slots + slot * 4);
    if (row === 0 || sameId(core.bytes(), ids + (row - 1) * 20, core.bytes(), id))
      return slots + slot * 4;
    slot = (slot + 1) & slotMask;
  }
}

function placeOf({ core, owners, offsets }: State, row: number): Place {
  const pack = new DataView(core.bytes().buffer).getUint16(owners + row * 2, true);
  return { pack, offset: offsetAt(core, offsets + row * 4) };
}

function make(state: State, wanted: Place): Made {
  const { core } = state;
  const deltas: Array<Place & { readonly header: EntryHeader }> = [];
  let place = wanted;
  let header = entryAt(state, place);
  while (header.form !== "whole") {
    if (deltas.push({ ...place, header }) > deltaChainMax) return damaged(state, wanted);
    place = baseOf(state, place, header);
    header = entryAt(state, place);
  }
  const code = codeOfType(header.type);
  let made = { code, at: inflateEntry(state, place, header), size: header.size };
  for (let step = deltas.pop(); step !== undefined; step = deltas.pop()) {
    const delta = inflateEntry(state, step, step.header);
    const size = core.deltaResult(delta, step.header.size, made.size);
    if (size < 0 || size > state.objectMax) return damaged(state, step);
    const to = lend(state, size);
    if (core.applyDelta(made.at, made.size, delta, step.header.size, to, size) !== 1)
      return damaged(state, step);
    made = { code, at: to, size };
  }
  return made;
}

function verify(state: State, row: number, code: number): boolean {
  const { core, made, ids } = state;
  core.nameObject(code, made.at, made.size, namedAt, 0);
  if (sameId(core.bytes(), namedAt, core.bytes(), ids + row * 20)) return true;
  const { pack, offset } = placeOf(state, row);
  tell(state, pack, offset);
  return false;
}

function typeOf(state: State, wanted: Place): number {
  let place = wanted;
  for (let depth = 0; depth <= deltaChainMax; depth++) {
    const header = entryAt(state, place);
    if (header.form === "whole") return codeOfType(header.type);
    place = baseOf(state, place, header);
  }
  return damaged(state, wanted);
}

function sizeOf(state: State, place: Place): number {
  const header = entryAt(state, place);
  if (header.form === "whole") return header.size;
  const delta = inflateEntry(state, place, header);
  const bytes = state.core.bytes().subarray(delta, delta + header.size);
  const size = readDeltaSizes(bytes)?.result ?? state.objectMax + 1;
  return size > state.objectMax ? damaged(state, place) : size;
}

/** Its header, told from the start of the pack. */
function entryAt(state: State, place: Place): EntryHeader {
  const here = Math.min(headerMax, endOf(state, place.pack) - place.offset);
  if (here <= 0) return damaged(state, place);
  const from = bytesAt(state, place, here);
  const bytes = state.core.bytes().slice(from, from + here);
  const header = readEntryHeader(bytes, 0);
  if (header === undefined || header.data >= here || header.size > state.objectMax)
    return damaged(state, place);
  return { ...header, data: place.offset + header.data };
}

function baseOf(state: State, place: Place, header: EntryHeader): Place {
  const { core } = state;
  const { pack, offset } = place;
  if (header.form === "offset-delta") {
    if (header.distance <= 0 || header.distance > offset) return damaged(state, place);
    return { pack, offset: offset - header.distance };
  }
  if (header.form === "whole") return damaged(state, place);
  const id = bytesAt(state, { pack, offset: offset + header.base }, 20);
  const record = state.records + pack * recordBytes;
  const first = wordAt(core, record);
  for (let row = first; row < first + wordAt(core, record + 4); row++)
    if (sameId(core.bytes(), state.ids + row * 20, core.bytes(), id)) return placeOf(state, row);
  const row = wordAt(core, slotOf(state, id)) - 1;
  return row < 0 ? damaged(state, place) : placeOf(state, row);
}

function inflateEntry(state: State, place: Place, header: EntryHeader): number {
  const to = lend(state, header.size);
  const most = endOf(state, place.pack) - header.data;
  const usual = Math.min(most, header.size + (header.size >>> 3) + 64);
  for (const length of [usual, Math.min(most, 2 * header.size + strangeBytes)]) {
    const from = bytesAt(state, { pack: place.pack, offset: header.data }, length);
    const taken = state.core.inflate(from, from + length, to, header.size);
    if (taken >= 0) return to;
    if (taken === -1) break;
  }
  return damaged(state, place);
}

function endOf({ core, records }: State, pack: number): number {
  return wordAt(core, records + pack * recordBytes + 8);
}

function bytesAt(state: State, { pack, offset }: Place, length: number): number {
  const { core, records, clock } = state;
  const pages = wordAt(core, records + pack * recordBytes + 12);
  const pageAt = (index: number): number => {
    const page = wordAt(core, pages + index * 8);
    if (page === 0) want(state, packsStatus.pageMissing, [pack, index]);
    setWord(core, pages + index * 8 + 4, clock);
    return page;
  };
  const first = Math.floor(offset / pageBytes);
  const last = Math.floor((offset + length - 1) / pageBytes);
  if (first === last) return pageAt(first) + (offset % pageBytes);
  const to = lend(state, length);
  for (let at = offset; at < offset + length;) {
    const page = pageAt(Math.floor(at / pageBytes));
    const many = Math.min(offset + length - at, pageBytes - (at % pageBytes));
    const from = page + (at % pageBytes);
    core.bytes().copyWithin(to + at - offset, from, from + many);
    at += many;
  }
  return to;
}

function lend(state: State, size: number): number {
  const at = state.lentTop;
  const end = at + ((size + slackBytes) & ~15);
  if (end > state.lentEnd) want(state, packsStatus.memoryWanted, [end, 0]);
  state.lentTop = end;
  return at;
}

function damaged(state: State, { pack, offset }: Place): never {
  return want(state, packsStatus.damaged, [pack, offset]);
}

function want(state: State, status: number, [one, other]: readonly [number, number]): never {
  tell(state, one, other);
  throw new Wanting(status);
}

function tell({ core, told }: State, one: number, other: number): void {
  setWord(core, told, one);
  setWord(core, told + 4, other);
}

/** In front of the caller's memory. */
const toldAt = 16;
const namedAt = 32;
const recordBytes = 16;
const pageBytes = 1024 * 1024;
const headerMax = 48;
const slackBytes = 32;
const strangeBytes = 1024 * 1024;
