/** Fetching what a stream's refs name and this repository lacks, pack by pack, from one node. */

import type { PackReceiver } from "@skein/git/object-store";
import type { Repository } from "@skein/git/repository";
import type { NodeId, ObjectId, RepoId } from "@skein/protocol/ids";
import { objectIdsPerWantMax, packBytesMax } from "@skein/protocol/limits";
import type { AskNode, FlowProgress } from "./flows.ts";
import type { StoredStream } from "./ledger.ts";
import type { Task, Tasks } from "./tasks.ts";

export interface Fetching {
  readonly repo: RepoId;
  readonly git: Repository;
  readonly ask: AskNode;
  readonly tasks: Tasks;
  readonly title: string;
  readonly from: NodeId;
  readonly target: StoredStream;
  /** Tips that are here: what they reach need not be sent. */
  readonly haves: ReadonlyArray<ObjectId>;
  readonly signal: AbortSignal;
}

/** Rejects with `FlowFailedError`, `PackRejectedError` or a storage error; what came before stays. */
export async function fetchObjects(fetching: Fetching): Promise<void> {
  const { git, target } = fetching;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- what is lacking depends on the pack before.
    const wants = await lackingTips(git, target);
    if (wants.length === 0) return;
    // oxlint-disable-next-line no-await-in-loop
    await fetchPack(fetching, wants.slice(0, objectIdsPerWantMax));
  }
}

async function lackingTips(
  git: Repository,
  target: StoredStream,
): Promise<ReadonlyArray<ObjectId>> {
  const tips = [...new Set(target.refs.map(({ oid }) => oid))];
  const here = await Promise.all(tips.map((oid) => git.objects.has(oid)));
  return tips.filter((_, index) => here[index] === false);
}

async function fetchPack(
  { repo, git, ask, tasks, title, from, haves, signal }: Fetching,
  wants: ReadonlyArray<ObjectId>,
): Promise<void> {
  let task: Task | undefined;
  let shown = -1;
  const onProgress = (done: FlowProgress): void => {
    const percent = Math.floor((100 * done.bytes) / done.bytesAll);
    if (done.bytesAll < shownFromBytes || percent === shown) return;
    shown = percent;
    task ??= tasks.start(title, { cancellable: false });
    task.tell({
      phase: "Receiving",
      share: done.bytes / done.bytesAll,
      detail: `${megabytes(done.bytes)} of ${megabytes(done.bytesAll)} MB, ${done.objects} objects`,
    });
  };
  // Read while it arrives: as much of it is on its way as was not read yet, and no more.
  let receiver: PackReceiver | undefined;
  const open = (packBytes: number): PackReceiver =>
    git.objects.openReceiver({ tips: wants, packBytes, signal });
  try {
    await ask(
      from,
      { type: "pack", repo, wants, haves: haves.slice(0, objectIdsPerWantMax) },
      {
        bytesMax: packBytesMax,
        signal,
        onProgress,
        take: (part, { bytesAll }) => (receiver ??= open(bytesAll)).write(part),
      },
    );
    task?.tell({ phase: "Checking and storing" });
    await (receiver ?? open(0)).finish();
  } finally {
    task?.[Symbol.dispose]();
  }
}

function megabytes(count: number): string {
  return (count / 1_000_000).toFixed(1);
}

/** Below this a copy is over before a person could read about it. */
const shownFromBytes = 512 * 1024;
