/** The commits that one reaches, in the order of a log: the kernel goes from one to the next. */

import type { ObjectId } from "@skein/protocol/ids";
import { logStatus, logWords } from "./kernel.ts";
import { writeWord } from "./kernel-words.ts";
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

/** Its words, a bit for each row, and room for as many as can wait. */
function layOut(shelf: PackShelf, firstParent: boolean): number {
  const { kernel } = shelf;
  const rows = shelf.rows();
  const knownBytes = ((rows >>> 5) + 1) * 4;
  const heapBytes = (rows + 1) * 16;
  const at = shelf.borrow(headBytes + knownBytes + heapBytes);
  kernel.bytes().fill(0, at, at + headBytes + knownBytes);
  writeWord(kernel, at + logWords.rows, rows);
  writeWord(kernel, at + logWords.known, at + headBytes);
  writeWord(kernel, at + logWords.heap, at + headBytes + knownBytes);
  writeWord(kernel, at + logWords.firstOnly, Number(firstParent));
  return at;
}

const headBytes = 64;
