/** What a merge reads: at each step it may be told to stop, and a limit it meets is told in words that fit a merge. */

import { LimitExceededError, SkeinError } from "@skein/protocol/errors";
import type { Commits } from "./history-commits.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Breathe, LongWork } from "./stop-signal.ts";

export interface MergeSource {
  readonly objects: ObjectStore;
  readonly commits: Commits;
  readonly breathe?: Breathe | undefined;
}

/** More would have to be looked at than one merge may. Nothing was changed. */
export class MergeTooLargeError extends SkeinError {
  override readonly name = "MergeTooLargeError";
  readonly code = "merge_too_large";
  readonly blame = "caller";
  readonly hint =
    "Download a bundle, merge with git on a computer, and import what comes out as a repository of its own.";
  readonly limit: string;

  constructor(cause: LimitExceededError) {
    super(`This merge is too large for Skein: ${cause.message}`, { cause });
    this.limit = cause.limit;
  }
}

/** Throws why the signal was aborted, soon after it was, and `MergeTooLargeError` at a limit. */
export async function mergeWith<Made>(
  from: MergeSource,
  work: Partial<LongWork>,
  merge: (source: MergeSource) => Promise<Made>,
): Promise<Made> {
  const step = openSteps(from, work);
  const { objects, commits } = from;
  const stepping = {
    objects: { ...objects, read: async (oid) => (await step(), objects.read(oid)) },
    commits: { read: async (oid) => (await step(), commits.read(oid)) },
  } satisfies MergeSource;
  try {
    return await merge(stepping);
  } catch (error) {
    throw error instanceof LimitExceededError ? new MergeTooLargeError(error) : error;
  }
}

function openSteps(
  { breathe }: MergeSource,
  { signal, onProgress }: Partial<LongWork>,
): () => Promise<void> | undefined {
  let done = 0;
  return () => {
    signal?.throwIfAborted();
    if (++done % stepsPerTurn !== 0) return undefined;
    onProgress?.({ phase: "merging", done, total: 0 });
    return breathe?.();
  };
}

/** Objects read until others have a turn. */
const stepsPerTurn = 128;
