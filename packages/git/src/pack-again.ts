/** Entries that were read before are read once more, from the pack as far as it has come. */

import { assert } from "@skein/protocol/errors";
import { readEntryHeader, type EntryHeader } from "./pack-entry.ts";
import type { Held, PackMemory } from "./pack-memory.ts";
import type { Rows } from "./pack-rows.ts";
import { BytesAwayError, type PackSpool } from "./pack-spool.ts";

interface ReadBefore {
  readonly memory: PackMemory;
  readonly spool: PackSpool;
  readonly rows: Rows;
  /** Entries read so far; the next one begins at `offset`. */
  readonly read: number;
  readonly offset: number;
}

/** Does `work` as often as it takes to bring the bytes of the pack that it needs. What it has made is not made again. */
export async function bringing<Result>(
  { memory, spool }: Pick<ReadBefore, "memory" | "spool">,
  work: () => Result,
): Promise<Result> {
  try {
    for (;;) {
      const mark = memory.mark();
      try {
        return work();
      } catch (error) {
        if (!(error instanceof BytesAwayError)) throw error;
        memory.release(mark);
        // oxlint-disable-next-line eslint/no-await-in-loop -- what is needed next stands in what was brought.
        await spool.bring(error.start, error.end);
      }
    }
  } finally {
    spool.letGo();
  }
}

/** A delta that was read before, from the pack as it is kept. */
export function inflateDelta(reading: ReadBefore, index: number): Held {
  const { header, stream } = streamAgain(reading, index);
  const held = reading.memory.lend(header.size);
  inflateTo(reading, stream, held);
  return held;
}

export function inflateTo({ memory }: ReadBefore, stream: Held, to: Held): void {
  const length = memory.kernel.inflate(stream.at, stream.at + stream.size, to.at, to.size);
  assert(length >= 0, "an entry that was read can be read again");
}

export function streamAgain(
  { memory, spool, rows, read, offset }: ReadBefore,
  index: number,
): { readonly header: EntryHeader; readonly stream: Held } {
  const end = index + 1 < read ? (rows.offsets[index + 1] ?? 0) : offset;
  const entry = spool.view(rows.offsets[index] ?? 0, end);
  const header = readEntryHeader(entry, 0);
  assert(header !== undefined, "an entry that was read can be read again");
  const bytes = entry.subarray(header.data);
  const stream = memory.lend(bytes.length);
  memory.view(stream).set(bytes);
  return { header, stream };
}
