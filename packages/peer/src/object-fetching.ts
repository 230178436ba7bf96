/** Fetching what a stream's refs name and this repository lacks from one node: in slices, each kept before the next is asked for. */

import type { Repository } from "@skein/git/repository";
import { PackRejectedError, type PackFault } from "@skein/git/pack-rejected";
import { isSameCopy, type CopyName, type UnfinishedCopy } from "@skein/git/unfinished-copy";
import type { NodeId, ObjectId, RepoId } from "@skein/protocol/ids";
import {
  historyObjectsMax,
  objectBytesMax,
  objectIdsPerWantMax,
  packBytesMax,
  packSliceBytesMax,
  zlibStreamBytesFree,
} from "@skein/protocol/limits";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import { FlowFailedError, type AskNode, type AskOptions } from "./flows.ts";
import type { GarbageKeeping } from "./garbage-keeping.ts";
import type { StoredStream } from "./ledger.ts";
import type { Clock } from "./ports.ts";
import { openSliceReading, type SliceReading } from "./slice-reading.ts";
import type { Task, Tasks } from "./tasks.ts";

export interface Fetching {
  readonly repo: RepoId;
  readonly git: Repository;
  readonly ask: AskNode;
  readonly tasks: Tasks;
  readonly title: string;
  readonly from: NodeId;
  readonly target: Pick<StoredStream, "refs">;
  /** Tips that are here: what they reach need not be sent. */
  readonly haves: ReadonlyArray<ObjectId>;
  readonly clock: Pick<Clock, "now">;
  /** How much is asked for at a time. */
  readonly sliceBytesMax?: number | undefined;
  /** Around each slice: between two of them space may be freed. */
  readonly guard: GarbageKeeping["guard"];
  /** All of it is here, and stays until this has ended. */
  readonly arrived: () => void | Promise<void>;
  /** A slice was kept. */
  readonly moved?: (() => void) | undefined;
  readonly signal: AbortSignal;
}

/** What one fetch has seen so far. */
interface Seen {
  /** Tips that came. */
  readonly come: ObjectId[];
  /** What this node was asked to go on with. */
  readonly tried: CopyName[];
  /** Whether its account of what is left may still change. */
  mayShift: boolean;
}

/** Rejects with `FlowFailedError`, `PackRejectedError` or a storage error; what came before stays. */
export async function fetchObjects(fetching: Fetching): Promise<void> {
  const { guard, arrived } = fetching;
  const seen: Seen = { come: [], tried: [], mayShift: true };
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- what is lacking depends on what came before.
    const copy = await guard(async () => {
      const next = await nextCopy(fetching, seen);
      if (next === undefined) await arrived();
      return next;
    });
    if (copy === undefined) return;
    // oxlint-disable-next-line no-await-in-loop
    const isWhole = await (copy.after === undefined ? copyHistory : goOn)(fetching, copy, seen);
    if (isWhole) seen.come.unshift(...copy.wants);
  }
}

type Copy = Omit<UnfinishedCopy, "after" | "at"> & { readonly after: ObjectId | undefined };

/** A copy that was broken off goes on where it was, from whichever node it began. */
async function nextCopy(fetching: Fetching, seen: Seen): Promise<Copy | undefined> {
  const { git, target, haves, from, clock } = fetching;
  const lacking = await lackingAmong(
    git,
    target.refs.map(({ oid }) => oid),
  );
  if (lacking.length === 0) return undefined;
  for (const begun of await git.unfinished.list()) {
    if (begun.doubted.includes(from) || seen.tried.some((one) => isSameCopy(one, begun))) continue;
    seen.tried.push(begun);
    // oxlint-disable-next-line no-await-in-loop -- one is enough.
    if ((await lackingAmong(git, [begun.after, ...begun.haves])).length === 0) return begun;
    // What it stands on is not here any more.
    // oxlint-disable-next-line no-await-in-loop
    await git.unfinished.forget(begun);
  }
  const wants = lacking.slice(0, objectIdsPerWantMax);
  const tips = [...new Set([...seen.come, ...haves])].slice(0, objectIdsPerWantMax);
  const gone = new Set(await lackingAmong(git, tips));
  const had = tips.filter((oid) => !gone.has(oid));
  const begun = clock.now();
  return { wants, haves: had, from, after: undefined, objects: 0, begun, doubted: [] };
}

async function lackingAmong(
  git: Repository,
  oids: ReadonlyArray<ObjectId>,
): Promise<ReadonlyArray<ObjectId>> {
  const tips = [...new Set(oids)];
  const here = await Promise.all(tips.map((oid) => git.objects.has(oid)));
  return tips.filter((_, index) => here[index] === false);
}

/** Whether all of it came. Whoever it was begun with may have lied about how far it is: nobody is blamed then. */
async function goOn(fetching: Fetching, begun: Copy, seen: Seen): Promise<boolean> {
  const { git, guard, from } = fetching;
  try {
    return await copyHistory(fetching, begun, seen);
  } catch (error) {
    if (error instanceof FlowFailedError && error.why === "not-here") return false;
    if (!(error instanceof PackRejectedError && misfits.has(error.fault))) throw error;
    await guard(() => doubt(git, begun, from));
    return false;
  }
}

/** One node's word is no proof: the others may have what fits. Two, or whom it was begun with, are enough. */
async function doubt({ unfinished }: Repository, copy: Copy, by: NodeId): Promise<void> {
  const known = (await unfinished.list()).find((one) => isSameCopy(one, copy));
  if (known === undefined) return;
  const { doubted, from } = known;
  if (from === by || doubted.length > 0) await unfinished.forget(known);
  else await unfinished.write({ ...known, doubted: [by] });
}

/** What a slice looks like to whoever lacks what comes before it. */
const misfits: ReadonlySet<PackFault> = new Set(["object-missing", "base-missing", "tip-missing"]);

/** `false`: what came of it is not here any more, or was told otherwise, and it begins anew. */
async function copyHistory(fetching: Fetching, begun: Copy, seen: Seen): Promise<boolean> {
  const { git, guard, clock, moved } = fetching;
  using shown = openShown(fetching);
  let copy = begun;
  let account: Account = { left: Infinity, total: historyObjectsMax };
  const next = async (): Promise<"whole" | "more" | "anew"> => {
    if (copy.after !== undefined && !(await isKnown(git, copy))) return "anew";
    const slice = await fetchSlice(fetching, copy, shown);
    const objects = copy.objects + slice.objects;
    if (!isProgress(account, { ...slice, all: objects + slice.left })) {
      if (copy.haves.length === 0 || slice.objects === 0 || !seen.mayShift)
        throw new PackRejectedError("object-count", "a slice that brings it no further");
      // Whoever sends it may have come to know what is here, and leaves that out now. It happens once.
      seen.mayShift = false;
      await doubt(git, copy, fetching.from);
      return "anew";
    }
    account = { left: slice.left, total: Math.min(account.total, objects + slice.left) };
    if (slice.left === 0) await git.unfinished.finish(copy.wants);
    else await git.unfinished.write({ ...copy, after: slice.last, objects, at: clock.now() });
    copy = { ...copy, after: slice.last, objects };
    return slice.left === 0 ? "whole" : "more";
  };
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- each slice builds on the one before.
    const came = await guard(next);
    if (came === "anew") return false;
    moved?.();
    if (came === "whole") return true;
  }
}

/** What a node said is left of a copy, and what there is of it in all: it follows from what the objects say. */
interface Account {
  readonly left: number;
  readonly total: number;
}

function isProgress(
  account: Account,
  slice: { readonly objects: number; readonly left: number; readonly all: number },
): boolean {
  return slice.objects > 0 && slice.left < account.left && slice.all <= account.total;
}

async function isKnown({ unfinished }: Repository, copy: Copy): Promise<boolean> {
  const known = (await unfinished.list()).find((one) => isSameCopy(one, copy));
  return known?.after === copy.after;
}

type Slice = Awaited<ReturnType<SliceReading["finish"]>>;

/** Read while it arrives: as much of it is on its way as was not read yet, and no more. */
async function fetchSlice(fetching: Fetching, copy: Copy, shown: Shown): Promise<Slice> {
  const { repo, sliceBytesMax = packSliceBytesMax } = fetching;
  const { wants, haves, after } = copy;
  const asked = { fetching, copy, shown };
  const slice = { type: "slice", repo, wants, haves, after, bytesMax: sliceBytesMax } as const;
  const found = await askFor(asked, slice);
  if (found !== "unheard") return found;
  // A node of before there were slices does not know the question.
  const all =
    after === undefined ? await askFor(asked, { type: "pack", repo, wants, haves }) : found;
  if (all === "unheard") throw new FlowFailedError("silence");
  return all;
}

async function askFor(
  {
    fetching,
    copy,
    shown,
  }: { readonly fetching: Fetching; readonly copy: Copy; readonly shown: Shown },
  request: Extract<StreamRequest, { readonly type: "slice" | "pack" }>,
): Promise<Slice | "unheard"> {
  const { ask, from, git, signal } = fetching;
  const hasHead = request.type === "slice";
  // What was asked for, unless one object is more.
  const bytesMax = hasHead ? request.bytesMax + objectBytesMax + zlibStreamBytesFree : packBytesMax;
  const { wants } = copy;
  const reading = openSliceReading({ objects: git.objects, wants, signal, hasHead, bytesMax });
  let hasCome = false;
  const take: AskOptions["take"] = async (part, done) => {
    hasCome = true;
    await reading.take(part, done);
    shown.tell({ ...done, before: copy.objects, left: reading.left() });
  };
  try {
    await ask(from, request, { bytesMax: packBytesMax, signal, take });
    if (reading.left() === 0) shown.store();
    return await reading.finish();
  } catch (error) {
    if (error instanceof FlowFailedError && error.why === "silence" && !hasCome) return "unheard";
    throw error;
  } finally {
    await reading.close();
  }
}

interface Shown extends Disposable {
  readonly tell: (done: {
    readonly bytes: number;
    readonly bytesAll: number;
    readonly objects: number;
    /** Objects of the slices before, and of those behind. */
    readonly before: number;
    readonly left: number;
  }) => void;
  /** All has come. */
  readonly store: () => void;
}

/** One task for all slices, as soon as it is worth one. */
function openShown({ tasks, title }: Fetching): Shown {
  let task: Task | undefined;
  let shown = -1;
  return {
    tell: ({ bytes, bytesAll, objects, before, left }) => {
      const isOne = before + left === 0;
      const part = bytes / bytesAll;
      const all = before + objects + left;
      const share = isOne ? part : (before + objects * part) / all;
      const percent = Math.floor(1_000 * share);
      if ((isOne && bytesAll < shownFromBytes) || percent === shown) return;
      shown = percent;
      task ??= tasks.start(title, { cancellable: false, begunBy: "others" });
      task.tell({
        phase: "Receiving",
        share,
        detail: isOne
          ? `${megabytes(bytes)} of ${megabytes(bytesAll)} MB, ${objects} objects`
          : `${Math.floor(before + objects * part)} of ${all} objects`,
      });
    },
    store: () => task?.tell({ phase: "Checking and storing" }),
    [Symbol.dispose]: () => task?.[Symbol.dispose](),
  };
}

function megabytes(count: number): string {
  return (count / 1_000_000).toFixed(1);
}

/** Below this a copy is over before a person could read about it. */
const shownFromBytes = 512 * 1024;
