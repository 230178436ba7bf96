/** Keeps the storage of a repository tidy: its packs few, as each commit and each fetch makes one, and what nobody can reach gone. */

import type { Repository } from "@skein/git/repository";
import { later, type ObjectId, type RepoId } from "@skein/protocol/ids";
import type { Alarms } from "./alarms.ts";
import { openGarbageKeeping, type GarbageKeeping } from "./garbage-keeping.ts";
import type { Clock } from "./ports.ts";
import type { Scope } from "./scope.ts";
import type { Turns } from "./turns.ts";

export interface PackKeeping extends GarbageKeeping {
  /** To be called after each change: packs are copied together once there are many, and cleaned once it is quiet. */
  readonly changed: () => void;
  /** To be called once all that is stored was read. */
  readonly opened: () => void;
  readonly close: () => void;
}

interface Parts {
  readonly id: RepoId;
  readonly git: Repository;
  /** What is kept besides refs and where they were. */
  readonly tips: () => Promise<ReadonlyArray<ObjectId>>;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly turns: Turns;
  readonly scope: Scope;
  readonly isRetired: () => boolean;
  readonly storageFailed: (cause: unknown) => void;
}

export function openPackKeeping(parts: Parts): PackKeeping {
  const { id, git, turns, scope, clock, alarms, isRetired, storageFailed } = parts;
  const garbage = openGarbageKeeping({ ...parts, now: () => clock.now() });
  const alarm = `garbage ${id}`;
  let waiting = false;
  let collectedAt: number | undefined;
  let isChanged = false;

  const quietly = async (
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<unknown>,
  ): Promise<void> => {
    if (isRetired() || signal.aborted) return;
    try {
      await work(signal);
    } catch (error) {
      // All objects stay where they were; it is tried again after the next change.
      if (!signal.aborted) storageFailed(error);
    }
  };
  const lookLater = (least = quietMillis): void => {
    if (isRetired()) return;
    const due = Math.max(least, (collectedAt ?? 0) + againMillis - clock.now());
    alarms.set(alarm, later(clock.now(), due), () =>
      scope.start((signal) => quietly(signal, look)),
    );
  };
  const look = async (signal: AbortSignal): Promise<void> => {
    // Each day that the repository is open counts for the age of what can be undone, also where nothing is done.
    if (await git.ageMoves()) isChanged = true;
    if (!isChanged) return lookLater(againMillis);
    let isDone = false;
    isChanged = false;
    try {
      const asked = { signal, worthBytes, unfinished: "stays" } as const;
      isDone = (await garbage.collect(asked)) !== "busy";
    } finally {
      isChanged ||= !isDone;
    }
    if (isDone) collectedAt = clock.now();
    lookLater();
  };

  return {
    ...garbage,
    changed: () => {
      isChanged = true;
      lookLater();
      if (waiting) return;
      waiting = true;
      scope.start((signal) =>
        turns.take(() => {
          waiting = false;
          return quietly(signal, () => git.objects.mergePacks({ signal }));
        }),
      );
    },
    opened: () => lookLater(),
    close: () => alarms.cancel(alarm),
  };
}

/** After the last change: nobody is in the middle of something. */
const quietMillis = 10 * 60 * 1_000;
/** Looking costs little, and what is found is mostly nothing: once a day will do. */
const againMillis = 24 * 60 * 60 * 1_000;
/** For less, packs are not written anew. */
const worthBytes = 1024 * 1024;
