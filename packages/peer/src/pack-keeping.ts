/** Keeps the packs of a repository few: each commit and each fetch makes one, and looking for an object searches them all. */

import type { ObjectStore } from "@skein/git/object-store";
import type { Scope } from "./scope.ts";
import type { Turns } from "./turns.ts";

/** The answer is called after each change. Small packs are copied together once there are many. */
export function openPackKeeping({
  objects,
  turns,
  scope,
  isRetired,
  storageFailed,
}: {
  readonly objects: ObjectStore;
  readonly turns: Turns;
  readonly scope: Scope;
  readonly isRetired: () => boolean;
  readonly storageFailed: (cause: unknown) => void;
}): () => void {
  let waiting = false;
  const merge = async (signal: AbortSignal): Promise<void> => {
    waiting = false;
    if (isRetired() || signal.aborted) return;
    try {
      await objects.mergePacks({ signal });
    } catch (error) {
      // All objects stay where they were; it is tried again after the next change.
      if (!signal.aborted) storageFailed(error);
    }
  };
  return () => {
    if (waiting) return;
    waiting = true;
    scope.start((signal) => turns.take(() => merge(signal)));
  };
}
