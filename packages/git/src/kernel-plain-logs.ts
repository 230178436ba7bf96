/** Commits in the order of a log, and which of them the other side has, as the plain kernel goes through them. */

import { setWord, wordAt, type PlainPacks } from "./kernel-plain-packs.ts";
import {
  logStatus,
  logWords,
  packsStatus,
  walkStatus,
  type CoreKernel,
  type PacksKernel,
} from "./kernel.ts";

interface Log {
  readonly core: CoreKernel;
  readonly packs: PlainPacks;
  readonly at: number;
}

export function openPlainLogs(
  core: CoreKernel,
  packs: PlainPacks,
): Pick<PacksKernel, "logMeet" | "logNext" | "paintMeet" | "paintOn"> {
  return {
    logMeet: (at, row) => know({ core, packs, at }, row, 0),
    logNext: (at) => goOn({ core, packs, at }),
    paintMeet: (at, row, isHad) => paintFirst({ core, packs, at }, row, isHad === 1),
    paintOn: (at, budget) => {
      for (let done = 0; done < budget; done++) {
        const status = paintNext({ core, packs, at });
        if (status < 0) return status;
      }
      return walkStatus.tired;
    },
  };
}

function goOn(log: Log): number {
  if (get(log, "current") === 0) {
    if (get(log, "waiting") === 0) return logStatus.over;
    set(log, "current", takeOut(log, findFirst(log).index) + 1);
  }
  const row = get(log, "current") - 1;
  const code = log.packs.packsMake(row);
  if (code < 0) return code;
  for (const id of parentsOf(madeBy(log), get(log, "firstOnly") === 1)) {
    const parent = rowOf(log, id);
    if (parent < 0) return logStatus.missing;
    if (hasBit(log, "known", parent)) continue;
    const status = log.packs.packsMake(parent);
    if (status < 0) return status;
    know(log, parent, secondsIn(madeBy(log)));
  }
  const again = log.packs.packsMake(row);
  if (again < 0) return again;
  set(log, "current", 0);
  return log.packs.verify(row, again) ? row : packsStatus.damaged;
}

function madeBy({ core, packs }: Log): Uint8Array {
  const { at, size } = packs.made();
  return core.bytes().slice(at, at + size);
}

function parentsOf(commit: Uint8Array, firstOnly: boolean): ReadonlyArray<Uint8Array> {
  const ids: Uint8Array[] = [];
  for (let line = 46; line + 48 <= commit.length && commit[line] === letterP; line += 48) {
    ids.push(idAt(commit, line + 7));
    if (firstOnly) break;
  }
  return ids;
}

function paintFirst(log: Log, first: number, isHad: boolean): number {
  let row = first;
  let code = log.packs.packsMake(row);
  while (code === tagCode && log.packs.made().size > 47) {
    row = rowOf(log, idAt(madeBy(log), 7));
    if (row < 0) return 0;
    code = log.packs.packsMake(row);
  }
  if (code === commitCode) paint(log, { row, isHad, seconds: secondsIn(madeBy(log)) });
  return Math.min(code, 0);
}

function paintNext(log: Log): number {
  if (get(log, "current") === 0) {
    if (get(log, "waiting") === 0) return logStatus.over;
    const { index, seconds } = findFirst(log);
    const oldest = new DataView(log.core.bytes().buffer).getBigUint64(
      log.at + logWords.oldest,
      true,
    );
    if (get(log, "fresh") === 0 && seconds < oldest) return logStatus.over;
    const row = takeOut(log, index);
    clearBit(log, "waits", row);
    if (!hasBit(log, "had", row)) {
      set(log, "fresh", get(log, "fresh") - 1);
      if (seconds < oldest) setLong(log, log.at + logWords.oldest, seconds);
    }
    set(log, "current", row + 1);
  }
  const status = paintParents(log, get(log, "current") - 1);
  if (status === 0) set(log, "current", 0);
  return status;
}

function paintParents(log: Log, row: number): number {
  const isHad = hasBit(log, "had", row);
  const code = log.packs.packsMake(row);
  if (code < 0) return code;
  for (const id of parentsOf(madeBy(log), false)) {
    const parent = rowOf(log, id);
    if (parent < 0) continue;
    if (hasBit(log, "known", parent) && (!isHad || hasBit(log, "had", parent))) continue;
    const found = log.packs.packsMake(parent);
    if (found < 0) return found;
    paint(log, { row: parent, isHad, seconds: secondsIn(madeBy(log)) });
  }
  return 0;
}

function paint(
  log: Log,
  {
    row,
    isHad,
    seconds,
  }: { readonly row: number; readonly isHad: boolean; readonly seconds: number },
): void {
  if (hasBit(log, "known", row) && (!isHad || hasBit(log, "had", row))) return;
  if (isHad) {
    addBit(log, "had", row);
    if (hasBit(log, "waits", row)) {
      set(log, "fresh", get(log, "fresh") - 1);
      return;
    }
  } else set(log, "fresh", get(log, "fresh") + 1);
  addBit(log, "waits", row);
  know(log, row, seconds);
}

/** The row of what has this id, or -1. */
function rowOf(log: Log, id: Uint8Array): number {
  const { core, packs, at } = log;
  core.bytes().set(id, at + logWords.parentId);
  const row = packs.packsFind(at + logWords.parentId);
  return row < get(log, "rows") ? row : -1;
}

function idAt(bytes: Uint8Array, hex: number): Uint8Array {
  const digit = (at: number): number => {
    const byte = bytes[hex + at] ?? 0;
    return (byte & 15) + (byte >> 6) * 9;
  };
  return Uint8Array.from({ length: 20 }, (_, at) => (digit(at * 2) << 4) | digit(at * 2 + 1));
}

/** Of the committer's line. */
function secondsIn(commit: Uint8Array): number {
  for (let line = 0; line < commit.length && commit[line] !== newline;) {
    const found = commit.indexOf(newline, line);
    const end = found < 0 ? commit.length : found;
    const text = String.fromCharCode(...commit.subarray(line, end));
    if (text.length > 10 && text.startsWith("committ"))
      return Number(/^[^>]*>.(?<seconds>\d{0,15})/su.exec(text)?.groups?.["seconds"] ?? 0);
    line = end + 1;
  }
  return 0;
}

function know(log: Log, row: number, seconds: number): void {
  const { core } = log;
  addBit(log, "known", row);
  const [waiting, came] = [get(log, "waiting"), get(log, "came")];
  const entry = get(log, "heap") + waiting * entryBytes;
  setLong(log, entry, BigInt(seconds));
  setWord(core, entry + 8, came);
  setWord(core, entry + 12, row);
  set(log, "waiting", waiting + 1);
  set(log, "came", came + 1);
}

/** Looks through all that wait. */
function findFirst({ core, at }: Log): { readonly index: number; readonly seconds: bigint } {
  const view = new DataView(core.bytes().buffer);
  const heap = wordAt(core, at + logWords.heap);
  let first = { index: 0, seconds: view.getBigUint64(heap, true), came: wordAt(core, heap + 8) };
  for (let index = 1; index < wordAt(core, at + logWords.waiting); index++) {
    const seconds = view.getBigUint64(heap + index * entryBytes, true);
    const came = wordAt(core, heap + index * entryBytes + 8);
    if (seconds > first.seconds || (seconds === first.seconds && came < first.came))
      first = { index, seconds, came };
  }
  return first;
}

/** The last one takes the place of the one that goes. */
function takeOut(log: Log, index: number): number {
  const { core } = log;
  const heap = get(log, "heap");
  const last = get(log, "waiting") - 1;
  const entry = heap + index * entryBytes;
  const row = wordAt(core, entry + 12);
  core.bytes().copyWithin(entry, heap + last * entryBytes, heap + (last + 1) * entryBytes);
  set(log, "waiting", last);
  return row;
}

type BitsName = "known" | "had" | "waits";

function hasBit(log: Log, name: BitsName, row: number): boolean {
  return ((wordAt(log.core, get(log, name) + (row >>> 5) * 4) >>> (row & 31)) & 1) === 1;
}

function addBit(log: Log, name: BitsName, row: number): void {
  const at = get(log, name) + (row >>> 5) * 4;
  setWord(log.core, at, (wordAt(log.core, at) | (1 << (row & 31))) >>> 0);
}

function clearBit(log: Log, name: BitsName, row: number): void {
  const at = get(log, name) + (row >>> 5) * 4;
  setWord(log.core, at, (wordAt(log.core, at) & ~(1 << (row & 31))) >>> 0);
}

function setLong({ core }: Log, at: number, value: bigint): void {
  new DataView(core.bytes().buffer).setBigUint64(at, value, true);
}

function get({ core, at }: Log, word: keyof typeof logWords): number {
  return wordAt(core, at + logWords[word]);
}

function set({ core, at }: Log, word: keyof typeof logWords, value: number): void {
  setWord(core, at + logWords[word], value);
}

const entryBytes = 16;
const newline = 0x0a;
const letterP = 0x70;
const commitCode = 1;
const tagCode = 4;
