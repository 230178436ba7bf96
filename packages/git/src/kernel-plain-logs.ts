/** Commits in the order of a log, as the plain kernel goes through them. */

import { setWord, wordAt, type PlainPacks } from "./kernel-plain-packs.ts";
import { logStatus, logWords, packsStatus, type CoreKernel, type PacksKernel } from "./kernel.ts";

interface Log {
  readonly core: CoreKernel;
  readonly packs: PlainPacks;
  readonly at: number;
}

export function openPlainLogs(
  core: CoreKernel,
  packs: PlainPacks,
): Pick<PacksKernel, "logMeet" | "logNext"> {
  return {
    logMeet: (at, row) => know({ core, packs, at }, row, 0),
    logNext: (at) => goOn({ core, packs, at }),
  };
}

function goOn(log: Log): number {
  if (get(log, "current") === 0) {
    if (get(log, "waiting") === 0) return logStatus.over;
    set(log, "current", takeFirst(log) + 1);
  }
  const row = get(log, "current") - 1;
  const code = log.packs.packsMake(row);
  if (code < 0) return code;
  for (const id of parentsOf(madeBy(log), get(log, "firstOnly") === 1)) {
    const status = meetParent(log, id);
    if (status < 0) return status;
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
    const digit = (at: number): number => {
      const byte = commit[line + 7 + at] ?? 0;
      return (byte & 15) + (byte >> 6) * 9;
    };
    ids.push(Uint8Array.from({ length: 20 }, (_, at) => (digit(at * 2) << 4) | digit(at * 2 + 1)));
    if (firstOnly) break;
  }
  return ids;
}

function meetParent(log: Log, id: Uint8Array): number {
  const { core, packs, at } = log;
  core.bytes().set(id, at + logWords.parentId);
  const row = packs.packsFind(at + logWords.parentId);
  if (row < 0 || row >= get(log, "rows")) return logStatus.missing;
  const word = wordAt(core, get(log, "known") + (row >>> 5) * 4);
  if (((word >>> (row & 31)) & 1) === 1) return 0;
  const code = packs.packsMake(row);
  if (code >= 0) know(log, row, secondsIn(madeBy(log)));
  return code;
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
  const word = get(log, "known") + (row >>> 5) * 4;
  setWord(core, word, (wordAt(core, word) | (1 << (row & 31))) >>> 0);
  const [waiting, came] = [get(log, "waiting"), get(log, "came")];
  const entry = get(log, "heap") + waiting * entryBytes;
  new DataView(core.bytes().buffer).setBigUint64(entry, BigInt(seconds), true);
  setWord(core, entry + 8, came);
  setWord(core, entry + 12, row);
  set(log, "waiting", waiting + 1);
  set(log, "came", came + 1);
}

/** It looks through all that wait; the last one takes the place of the one that goes. */
function takeFirst(log: Log): number {
  const { core } = log;
  const heap = get(log, "heap");
  const last = get(log, "waiting") - 1;
  const secondsOf = (index: number): bigint =>
    new DataView(core.bytes().buffer).getBigUint64(heap + index * entryBytes, true);
  const cameOf = (index: number): number => wordAt(core, heap + index * entryBytes + 8);
  let first = 0;
  for (let index = 1; index <= last; index++) {
    const isLater = secondsOf(index) > secondsOf(first);
    const isEqual = secondsOf(index) === secondsOf(first);
    if (isLater || (isEqual && cameOf(index) < cameOf(first))) first = index;
  }
  const entry = heap + first * entryBytes;
  const row = wordAt(core, entry + 12);
  core.bytes().copyWithin(entry, heap + last * entryBytes, heap + (last + 1) * entryBytes);
  set(log, "waiting", last);
  return row;
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
