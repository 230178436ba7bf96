/** Taking back what another node has of our own stream: its objects are copied while work goes on here, then it becomes our stream at once. */

import { PackRejectedError } from "@skein/git/pack-rejected";
import type { RefChange } from "@skein/git/refs";
import type { Repository } from "@skein/git/repository";
import type { NodeId, ObjectId, RefName, RepoId } from "@skein/protocol/ids";
import { FlowFailedError } from "./flows.ts";
import type { GarbageKeeping } from "./garbage-keeping.ts";
import type { StoredStream } from "./ledger.ts";
import type { Fetch, ObjectCopying } from "./object-copying.ts";
import { twoPlaces, type CaughtUp, type OwnGiving } from "./own-giving.ts";
import { openPatience, type Patience } from "./patience.ts";
import { isRecorded, planTakingBack } from "./ref-moves.ts";
import type { RepositoryWorld } from "./repository-world.ts";
import type { Turns } from "./turns.ts";

type World = Pick<RepositoryWorld, "keys" | "alarms" | "clock" | "notice" | "storageFailed">;

interface Parts extends World {
  readonly id: RepoId;
  readonly git: Repository;
  /** Of the repository: nothing is signed, and none of our records given, while somebody has one. */
  readonly turns: Turns;
  readonly own: OwnGiving;
  readonly copying: ObjectCopying;
  readonly guard: GarbageKeeping["guard"];
  readonly name: () => string;
  readonly refs: () => ReadonlyMap<RefName, ObjectId>;
  readonly ownRefs: () => ReadonlyMap<RefName, ObjectId>;
  readonly isRetired: () => boolean;
  readonly fetching: (target: StoredStream, rest: Pick<Fetch, "title" | "arrived">) => Fetch;
  readonly tellMade: (stream: StoredStream) => void;
  readonly move: (plan: ReadonlyArray<RefChange>, why: string) => Promise<unknown>;
}

export interface CatchingUp {
  /** That node knows more of our own stream than this storage, which was restored from a copy, or is one of two. */
  readonly from: (from: NodeId, signal: AbortSignal) => Promise<void>;
  /** Something came of what is copied. */
  readonly moved: () => void;
}

export function openCatchingUp(parts: Parts): CatchingUp {
  const { turns, storageFailed } = parts;
  const waiting = new Set<Patience>();
  let count = 0;
  const open = (millis: number, parent: AbortSignal): Patience => {
    const name = `catching up ${parts.id} ${++count}`;
    return openPatience({ ...parts, name, millis, parent });
  };
  const catchUp = async (from: NodeId, signal: AbortSignal): Promise<void> => {
    const found = await turns.take(async () => {
      using patience = open(recordsMillisMax, signal);
      return await find(parts, from, patience.signal);
    });
    if (found === undefined) return;
    using patience = open(copyMillisMax, signal);
    waiting.add(patience);
    try {
      await copy(parts, found, { from, signal: patience.signal });
    } finally {
      waiting.delete(patience);
    }
  };
  return {
    from: (from, signal) =>
      catchUp(from, signal).catch((error: unknown) => {
        // Tried again when that node next says what it has.
        if (!(error instanceof FlowFailedError || error instanceof PackRejectedError))
          storageFailed(error);
      }),
    moved: () => waiting.forEach((patience) => patience.moved()),
  };
}

/** Answers what has to be copied first. */
async function find(
  parts: Parts,
  from: NodeId,
  signal: AbortSignal,
): Promise<CaughtUp | undefined> {
  const { git, guard, name, notice, own } = parts;
  const found = await own.catchUp(from, signal);
  if (own.isForked()) notice(twoPlaces(name()));
  if (found === undefined) return undefined;
  const here = await Promise.all(found.stream.refs.map(({ oid }) => git.objects.has(oid)));
  if (here.includes(false)) return found;
  await guard(() => takeBack(parts, found));
  return undefined;
}

/** Whoever has it may be slow: meanwhile others have their turn. */
async function copy(
  parts: Parts,
  found: CaughtUp,
  from: { readonly from: NodeId; readonly signal: AbortSignal },
): Promise<void> {
  const { copying, fetching, keys, name, turns } = parts;
  const title = `Catching up with what this device had in ${name()}`;
  const arrived = (): Promise<void> => turns.take(() => takeBack(parts, found));
  // The others go on after it.
  copying.stopAll();
  await copying.copy({
    ...from,
    of: keys.id,
    fetching: () => fetching(found.stream, { title, arrived }),
  });
}

/** All that it names is here. What was committed meanwhile is kept, and signed anew behind it. */
async function takeBack(parts: Parts, found: CaughtUp): Promise<void> {
  const { git, isRetired, move, own, ownRefs, refs, tellMade } = parts;
  if (isRetired() || !(await own.adopt(found))) return;
  const target = found.stream;
  const plan = await planTakingBack({ git, refs: refs(), target });
  tellMade(target);
  if (plan.length > 0 || !isRecorded(target, ownRefs()))
    await move(plan, "had been here before this device was restored");
}

/** As long as what a node says of our stream is believed without being shown. Nothing can be committed meanwhile. */
const recordsMillisMax = 2 * 60_000;
/** As for every copy: one that brings no slice in this time is ended. */
const copyMillisMax = 60 * 60_000;
