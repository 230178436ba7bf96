/** Commits in the order of a log: those that one reaches, and those that the other side has. The kernel goes from one to the next. */

import type { ObjectId } from "@skein/protocol/ids";
import { logStatus, logWords } from "./kernel.ts";
import { readWord, writeWord } from "./kernel-words.ts";
import { openObjectSet, type ObjectSet } from "./object-set.ts";
import { oidAt, oidBytes } from "./object.ts";
import type { PackShelf } from "./pack-shelf.ts";

export interface LogAsked {
  readonly start: ObjectId;
  /** Follows first parents only. */
  readonly firstParent: boolean;
}

export interface CommitLog {
  /** Lends the next commit, verified; or says what there is instead. The answer is there at once if it can be. */
  readonly next: <Result>(
    use: (oid: ObjectId, bytes: Uint8Array) => Result,
  ) => Result | LogEnd | Promise<Result | LogEnd>;
  /** Gives its memory back. */
  readonly close: () => void;
}

export type LogEnd = "over" | { readonly missing: ObjectId };

export function openCommitLog(shelf: PackShelf, { start, firstParent }: LogAsked): CommitLog {
  const { kernel, told } = shelf;
  const at = layOut(shelf, firstParent);
  const first = shelf.find(oidBytes(start), 0);
  if (first >= 0) kernel.logMeet(at, first);
  return {
    next: (use) => {
      if (first < 0) return { missing: start };
      return shelf.run(
        () => kernel.logNext(at),
        (row) => {
          if (row === logStatus.over) return "over";
          const bytes = kernel.bytes();
          if (row === logStatus.missing) return { missing: oidAt(bytes, at + logWords.parentId) };
          return use(shelf.idOf(row), bytes.subarray(told(0), told(0) + told(1)));
        },
      );
    },
    close: () => shelf.giveBack(at),
  };
}

/** The commits that `haves` reach, as far back as it takes to tell which of those that `wants` reach are not among them. */
export async function findHadCommits(
  shelf: PackShelf,
  {
    wants,
    haves,
  }: { readonly wants: ReadonlyArray<ObjectId>; readonly haves: ReadonlyArray<ObjectId> },
  turn: (done: number) => Promise<void> | void,
): Promise<ObjectSet> {
  const { kernel, run, find } = shelf;
  const at = layOut(shelf, false);
  try {
    for (const [oids, isHad] of [[haves, 1] as const, [wants, 0] as const])
      for (const oid of oids)
        // oxlint-disable-next-line no-await-in-loop -- one after the other.
        await run(() => kernel.paintMeet(at, find(oidBytes(oid), 0), isHad), Number);
    for (let done = 0; ; done += commitsPerTurn) {
      // oxlint-disable-next-line no-await-in-loop
      const status = await run(() => kernel.paintOn(at, commitsPerTurn), Number);
      if (status === logStatus.over) break;
      // oxlint-disable-next-line no-await-in-loop
      await turn(done);
    }
    const had = openObjectSet();
    const words = new Uint32Array(
      kernel.bytes().buffer,
      readWord(kernel, at + logWords.had),
      wordsFor(shelf.rows()),
    );
    had.addAll({ words: () => words });
    return had;
  } finally {
    shelf.giveBack(at);
  }
}

/** Its words, bits for each row, and room for as many as can wait. */
function layOut(shelf: PackShelf, firstParent: boolean): number {
  const { kernel } = shelf;
  const rows = shelf.rows();
  const bitsBytes = wordsFor(rows) * 4;
  const heap = headBytes + 3 * bitsBytes;
  const at = shelf.borrow(heap + (rows + 1) * 16);
  kernel.bytes().fill(0, at, at + heap);
  for (const [word, value] of [
    [logWords.rows, rows],
    [logWords.known, at + headBytes],
    [logWords.had, at + headBytes + bitsBytes],
    [logWords.waits, at + headBytes + 2 * bitsBytes],
    [logWords.heap, at + heap],
    [logWords.firstOnly, Number(firstParent)],
    [logWords.oldest, 0xffff_ffff],
    [logWords.oldest + 4, 0xffff_ffff],
  ] as const)
    writeWord(kernel, at + word, value);
  return at;
}

function wordsFor(rows: number): number {
  return (rows >>> 5) + 1;
}

const headBytes = 128;
const commitsPerTurn = 256;
