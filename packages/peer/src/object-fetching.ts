/** Fetching what a stream's refs name and this repository lacks from one node: in slices, each kept before the next is asked for. */

import type { Repository } from "@skein/git/repository";
import { PackRejectedError } from "@skein/git/pack-rejected";
import type { NodeId, ObjectId, RepoId } from "@skein/protocol/ids";
import { objectIdsPerWantMax, packBytesMax, packSliceBytesMax } from "@skein/protocol/limits";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import { FlowFailedError, type AskNode, type AskOptions } from "./flows.ts";
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
  readonly signal: AbortSignal;
}

/** Rejects with `FlowFailedError`, `PackRejectedError` or a storage error; what came before stays. */
export async function fetchObjects(fetching: Fetching): Promise<void> {
  const { git, target, haves } = fetching;
  const come = [...(await goOn(fetching))];
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- what is lacking depends on what came before.
    const lacking = await lackingTips(git, target);
    if (lacking.length === 0) return;
    const wants = lacking.slice(0, objectIdsPerWantMax);
    const had = [...come, ...haves].slice(0, objectIdsPerWantMax);
    // oxlint-disable-next-line no-await-in-loop
    await copyHistory(fetching, { wants, haves: had, after: undefined, objects: 0 });
    come.unshift(...wants);
  }
}

async function lackingTips(
  git: Repository,
  target: Fetching["target"],
): Promise<ReadonlyArray<ObjectId>> {
  const tips = [...new Set(target.refs.map(({ oid }) => oid))];
  const here = await Promise.all(tips.map((oid) => git.objects.has(oid)));
  return tips.filter((_, index) => here[index] === false);
}

/** A copy that was broken off goes on where it was, from whichever node it began. Answers the tips that came. */
async function goOn(fetching: Fetching): Promise<ReadonlyArray<ObjectId>> {
  const { unfinished } = fetching.git;
  const begun = await unfinished.read();
  if (begun === undefined) return [];
  try {
    await copyHistory(fetching, begun);
    return begun.wants;
  } catch (error) {
    if (error instanceof FlowFailedError && error.why === "not-here") return [];
    // Whoever it began with may have lied about how far it was: nobody is blamed, and it begins anew.
    if (!(error instanceof PackRejectedError)) throw error;
    await unfinished.forget();
    return [];
  }
}

interface Copy {
  readonly wants: ReadonlyArray<ObjectId>;
  readonly haves: ReadonlyArray<ObjectId>;
  /** Up to where it is here, and how many objects that is. */
  readonly after: ObjectId | undefined;
  readonly objects: number;
}

async function copyHistory(fetching: Fetching, begun: Copy): Promise<void> {
  const { git, clock } = fetching;
  using shown = openShown(fetching);
  let { after, objects } = begun;
  for (let left = Infinity; left > 0;) {
    // oxlint-disable-next-line no-await-in-loop -- each slice builds on the one before.
    const slice = await fetchSlice(fetching, { ...begun, after, objects }, shown);
    if (slice.left >= left)
      throw new PackRejectedError("tip-missing", "a slice that brings it no further");
    ({ left, last: after } = slice);
    objects += slice.objects;
    // oxlint-disable-next-line no-await-in-loop
    await (left === 0
      ? git.unfinished.forget()
      : git.unfinished.write({ ...begun, after: slice.last, objects, at: clock.now() }));
  }
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
  const reading = openSliceReading({ objects: git.objects, wants: copy.wants, signal, hasHead });
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
      task ??= tasks.start(title, { cancellable: false });
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
