/** Stored packs as the kernel sees them: a row for each object, pages of packs, and a ring of what was made last. */

import type { ObjectId } from "@skein/protocol/ids";
import { objectBytesMax } from "@skein/protocol/limits";
import type { Files } from "./files.ts";
import { openKernel } from "./kernel-compiled.ts";
import { readWord, writeWord } from "./kernel-words.ts";
import { packsStatus, type Kernel } from "./kernel.ts";
import { oidAt } from "./object.ts";
import { openPageSlots, pageBytes, type PageSlots } from "./pack-pages.ts";
import { damaged, type StoredPack } from "./stored-pack.ts";

export interface PackShelf {
  readonly kernel: Kernel;
  /** Gives the objects of a pack rows, from `pack.base` on. Packs come in the order of their bases. */
  readonly add: (pack: StoredPack) => void;
  readonly rows: () => number;
  /** The row of the id at `offset` of `bytes`, or -1. */
  readonly find: (bytes: Uint8Array, offset: number) => number;
  readonly idOf: (row: number) => ObjectId;
  /** What the kernel told of its last answer. */
  readonly told: (index: 0 | 1) => number;
  /** The kernel's number for a pack. Throws `StorageDamagedError` if that was replaced. */
  readonly numberOf: (pack: StoredPack) => number;
  /**
   * Has the kernel work until it wants no page and no memory any more, and takes its answer before anything else is made.
   * The result is there at once unless it had to wait. Throws `StorageDamagedError`.
   */
  readonly run: <Result>(
    work: () => number,
    take: (answer: number) => Result,
  ) => Result | Promise<Result>;
  /** Room that the caller keeps until it gives it back. */
  readonly borrow: (bytes: number) => number;
  readonly giveBack: (at: number) => void;
}

interface Shelf {
  readonly files: Files;
  readonly kernel: Kernel;
  readonly told: number;
  readonly idAt: number;
  readonly packs: StoredPack[];
  readonly numbers: Map<string, number>;
  readonly slots: PageSlots;
  /** Rows there are, and those there is room for. */
  rows: number;
  capacity: number;
  ids: number;
  offsets: number;
  owners: number;
  table: number;
  tableSize: number;
  records: number;
  recordCapacity: number;
  /** Where room that nobody has begins, and up to where there is memory. */
  free: number;
  end: number;
  readonly returned: Map<number, number[]>;
  readonly borrowed: Map<number, number>;
}

export function openPackShelf(
  files: Files,
  { kernel = openKernel(), bytes = 0 }: { readonly kernel?: Kernel; readonly bytes?: number } = {},
): PackShelf {
  const { heap } = kernel;
  const ringBytes = Math.min(ringBytesMax, Math.max(ringBytesMin, bytes / 2)) & ~63;
  const placesAt = heap + 64;
  const ringAt = placesAt + placesCount * placeBytes;
  const shelf: Shelf = {
    files,
    kernel,
    told: kernel.packsTold(),
    idAt: heap,
    packs: [],
    numbers: new Map(),
    slots: openPageSlots(files),
    rows: 0,
    capacity: 0,
    ids: 0,
    offsets: 0,
    owners: 0,
    table: 0,
    tableSize: 0,
    records: 0,
    recordCapacity: 0,
    free: ringAt + ringBytes + 64,
    end: 0,
    returned: new Map(),
    borrowed: new Map(),
  };
  setRoom(shelf);
  // The kernel may have been another's.
  kernel.bytes().fill(0, placesAt, ringAt);
  kernel.packsRing(ringAt, ringBytes, placesAt, placesCount - 1, objectBytesMax);
  return {
    kernel,
    add: (pack) => add(shelf, pack),
    rows: () => shelf.rows,
    find: (bytes, offset) => {
      const memory = kernel.bytes();
      for (let at = 0; at < 20; at++) memory[shelf.idAt + at] = bytes[offset + at] ?? 0;
      return shelf.rows === 0 ? -1 : kernel.packsFind(shelf.idAt);
    },
    idOf: (row) => oidAt(kernel.bytes(), shelf.ids + row * 20),
    told: (index) => readWord(kernel, shelf.told + index * 4),
    numberOf: (pack) => {
      const number = shelf.numbers.get(pack.name);
      if (number === undefined) throw damaged(pack, 0);
      return number;
    },
    run: (work, take) => {
      const answer = work();
      return isAnswer(answer) ? take(answer) : runOn(shelf, { work, take }, answer);
    },
    ...lendingOf(shelf),
  };
}

function lendingOf(shelf: Shelf): Pick<PackShelf, "borrow" | "giveBack"> {
  return {
    borrow: (bytes) => {
      const at = shelf.returned.get(bytes)?.pop() ?? setAside(shelf, bytes);
      shelf.borrowed.set(at, bytes);
      return at;
    },
    giveBack: (at) => {
      const bytes = shelf.borrowed.get(at) ?? 0;
      shelf.borrowed.delete(at);
      const others = shelf.returned.get(bytes);
      if (others === undefined) shelf.returned.set(bytes, [at]);
      else others.push(at);
    },
  };
}

/** Not that a page or memory is wanted, or something damaged. */
function isAnswer(answer: number): boolean {
  return answer >= 0 || answer < packsStatus.memoryWanted;
}

async function runOn<Result>(
  shelf: Shelf,
  { work, take }: { readonly work: () => number; readonly take: (answer: number) => Result },
  first: number,
): Promise<Result> {
  const { kernel, packs } = shelf;
  for (let answer = first; ; answer = work()) {
    if (isAnswer(answer)) return take(answer);
    const [one, other] = [readWord(kernel, shelf.told), readWord(kernel, shelf.told + 4)];
    if (answer === packsStatus.memoryWanted) {
      kernel.reserve(one);
      shelf.end = one;
      setRoom(shelf);
      continue;
    }
    const pack = packs[one];
    if (pack === undefined) throw new RangeError("the kernel told of a pack that is not there");
    if (answer !== packsStatus.pageMissing) throw damaged(pack, other);
    // oxlint-disable-next-line eslint/no-await-in-loop -- which page is needed next stands in the one before.
    await bring(shelf, { pack, number: one, index: other });
  }
}

async function bring(
  shelf: Shelf,
  page: {
    readonly pack: StoredPack;
    readonly number: number;
    readonly index: number;
  },
): Promise<void> {
  const { kernel, slots } = shelf;
  const bytes = await slots.read(page.pack, page.index);
  const entry = pagesOf(shelf, page.number) + page.index * pageEntryBytes;
  if (readWord(kernel, entry) !== 0) return;
  const at = slots.take({
    size: bytes.length,
    now: kernel.packsClock() >>> 0,
    entry,
    lastUsed: (other) => readWord(kernel, other + 4),
    drop: (other) => writeWord(kernel, other, 0),
    setAside: (size) => setAside(shelf, size),
  });
  kernel.bytes().set(bytes, at);
  writeWord(kernel, entry, at);
  writeWord(kernel, entry + 4, kernel.packsClock());
}

function add(shelf: Shelf, pack: StoredPack): void {
  const { kernel, packs } = shelf;
  const { base, idx } = pack;
  const count = base + idx.count;
  if (count > shelf.capacity) growRows(shelf, count);
  if (packs.length === shelf.recordCapacity) growRecords(shelf);
  const number = packs.push(pack) - 1;
  shelf.numbers.set(pack.name, number);
  const pages = setAsideZeroed(shelf, Math.ceil(pack.bytes / pageBytes) * pageEntryBytes);
  const record = shelf.records + number * recordBytes;
  for (const [at, word] of [base, idx.count, pack.bytes - trailerBytes, pages].entries())
    writeWord(kernel, record + at * 4, word);
  const bytes = kernel.bytes();
  bytes.set(idx.oids, shelf.ids + base * 20);
  bytes.set(idx.offsets, shelf.offsets + base * 4);
  new Uint16Array(bytes.buffer, shelf.owners + base * 2, idx.count).fill(number);
  shelf.rows = count;
  kernel.packsKnow(base, idx.count);
}

function pagesOf(shelf: Shelf, number: number): number {
  return readWord(shelf.kernel, shelf.records + number * recordBytes + 12);
}

/** All rows move to where there is room for twice as many. */
function growRows(shelf: Shelf, least: number): void {
  const { kernel, rows } = shelf;
  const capacity = Math.max(least, shelf.capacity * 2, rowsMin);
  const tableSize = 2 ** Math.ceil(Math.log2(capacity * 2));
  const move = (from: number, each: number): number => {
    const to = setAside(shelf, capacity * each);
    kernel.bytes().copyWithin(to, from, from + rows * each);
    return to;
  };
  shelf.ids = move(shelf.ids, 20);
  shelf.offsets = move(shelf.offsets, 4);
  shelf.owners = move(shelf.owners, 2);
  shelf.table = setAsideZeroed(shelf, tableSize * 4);
  shelf.tableSize = tableSize;
  shelf.capacity = capacity;
  kernel.packsRows(shelf.ids, shelf.offsets, shelf.owners, shelf.table, tableSize - 1);
  kernel.packsKnow(0, rows);
}

function growRecords(shelf: Shelf): void {
  const { kernel, packs } = shelf;
  const capacity = Math.max(64, shelf.recordCapacity * 2);
  const to = setAside(shelf, capacity * recordBytes);
  kernel.bytes().copyWithin(to, shelf.records, shelf.records + packs.length * recordBytes);
  shelf.records = to;
  shelf.recordCapacity = capacity;
  setRoom(shelf);
}

/** Room that stays. What is lent while an object is made lies behind all of it. */
function setAside(shelf: Shelf, bytes: number): number {
  const at = shelf.free;
  shelf.free += (bytes + 79) & ~15;
  setRoom(shelf);
  return at;
}

function setAsideZeroed(shelf: Shelf, bytes: number): number {
  const at = setAside(shelf, bytes);
  shelf.kernel.bytes().fill(0, at, shelf.free);
  return at;
}

function setRoom(shelf: Shelf): void {
  const { kernel, free } = shelf;
  shelf.end = Math.max(shelf.end, free + lentBytes);
  kernel.reserve(shelf.end);
  kernel.packsRoom(shelf.records, free, shelf.end);
}

const pageEntryBytes = 8;
const recordBytes = 16;
const placeBytes = 24;
const placesCount = 32_768;
const trailerBytes = 20;
const rowsMin = 1024;
/** The larger the ring, the less is made twice; but memory is dear when it is first touched, and far from the processor. */
const ringBytesMin = 4 * 1024 * 1024;
const ringBytesMax = 16 * 1024 * 1024;
/** Most objects ask for less than this while they are made. */
const lentBytes = 1024 * 1024;
