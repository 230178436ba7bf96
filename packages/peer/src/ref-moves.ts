/** What a ref record makes of a stream, and which refs move here because of it. Local branches only ever go forward. */

import type { RefRecord } from "@skein/auth/repo";
import type { Repository } from "@skein/git/repository";
import type { RefChange } from "@skein/git/refs";
import {
  parseRefName,
  type NodeId,
  type ObjectId,
  type RecordHash,
  type RefName,
} from "@skein/protocol/ids";
import { refsPerNodeMax } from "@skein/protocol/limits";
import type { StoredDraft, StoredStream } from "./ledger.ts";

/** What of a repository says how its commits stand to each other. */
interface History extends Pick<Repository, "relation" | "refMoves"> {
  readonly objects: Pick<Repository["objects"], "type">;
}

/**
 * `moved`: a branch is no longer where it was believed to be, and nothing was changed. `two-places`: this node's keys are, and
 * nothing is signed.
 */
export type MoveOutcome = "done" | "moved" | "read-only" | "two-places";

export interface MoveOptions {
  readonly head?: RefName | undefined;
  readonly name?: string | undefined;
  /** One line for the list of what was. */
  readonly why?: string | undefined;
  /** Another device went there before. */
  readonly followed?: true | undefined;
}

/** The git remote as which another node's branches are shown. */
export function remoteOf(node: NodeId): string {
  return `p2p-${node.slice(0, 12)}`;
}

/** `main` of `refs/heads/main`. */
export function branchOf(ref: RefName): string | undefined {
  return ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : undefined;
}

/** What of a node's refs is its own to tell: branches and tags. */
export function sharedRefs(refs: ReadonlyMap<RefName, ObjectId>): ReadonlyMap<RefName, ObjectId> {
  const isShared = (ref: RefName): boolean =>
    branchOf(ref) !== undefined || ref.startsWith("refs/tags/");
  return new Map([...refs].filter(([ref]) => isShared(ref)));
}

/** What these streams name, and what these drafts are made on. */
export function tipsOf(
  streams: ReadonlyArray<StoredStream>,
  drafts: ReadonlyArray<StoredDraft>,
): ReadonlyArray<ObjectId> {
  return [
    ...streams.flatMap(({ refs }) => refs.map(({ oid }) => oid)),
    ...drafts.flatMap(({ onto }) => onto ?? []),
  ];
}

/** The stream after one more record, or `undefined` if it would hold what no node may hold. */
export function applyRecord(
  last: StoredStream | undefined,
  record: RefRecord,
  hash: RecordHash,
): StoredStream | undefined {
  const refs = new Map((last?.refs ?? []).map(({ ref, oid }) => [ref, oid]));
  for (const ref of record.del) refs.delete(ref);
  for (const { ref, oid } of record.set) refs.set(ref, oid);
  const foreign = [...refs.keys()].some(
    (ref) => branchOf(ref) === undefined && !ref.startsWith("refs/tags/"),
  );
  if (foreign || refs.size > refsPerNodeMax) return undefined;
  return {
    seq: record.seq,
    hash,
    version: record.version,
    at: record.at,
    head: record.head,
    name: record.name,
    refs: [...refs].map(([ref, oid]) => ({ ref, oid })),
  };
}

/** Makes `refs/remotes/p2p-<node>/` show what the node's stream says: no more and no less. */
export function changesTowards(
  refs: ReadonlyMap<RefName, ObjectId>,
  node: NodeId,
  target: StoredStream,
): ReadonlyArray<RefChange> {
  const prefix = `refs/remotes/${remoteOf(node)}/`;
  const wanted = new Map<RefName, ObjectId>();
  const room = new RefRoom([]);
  for (const { ref, oid } of target.refs) {
    const branch = branchOf(ref);
    const remote = branch === undefined ? undefined : parseRefName(prefix + branch);
    if (remote !== undefined && room.take(remote)) wanted.set(remote, oid);
  }
  const gone = [...refs.keys()].filter((ref) => ref.startsWith(prefix) && !wanted.has(ref));
  return [
    ...gone.map((ref) => ({ ref, from: refs.get(ref), to: undefined })),
    ...[...wanted]
      .filter(([ref, oid]) => refs.get(ref) !== oid)
      .map(([ref, oid]) => ({ ref, from: refs.get(ref), to: oid })),
  ];
}

/** Among one's own nodes: new branches and tags appear, and a branch follows where that is a fast-forward. */
export async function planAdvance({
  git,
  refs,
  target,
}: {
  readonly git: History;
  readonly refs: ReadonlyMap<RefName, ObjectId>;
  readonly target: StoredStream;
}): Promise<ReadonlyArray<RefChange>> {
  const plan: RefChange[] = [];
  const room = new RefRoom(refs.keys());
  for (const { ref, oid } of target.refs) {
    const ours = refs.get(ref);
    if (ours === oid || !room.fits(ref)) continue;
    // oxlint-disable-next-line no-await-in-loop -- walks through history are long: one at a time.
    if (!(await mayFollow(git, ref, { ours, oid }))) continue;
    // oxlint-disable-next-line no-await-in-loop
    if (await wasTakenBack(git, ref, oid)) continue;
    plan.push({ ref, from: ours, to: oid });
    room.take(ref);
  }
  return plan;
}

/**
 * What this node's own stream had before its storage was restored from a copy: branches go forward to it where they can.
 * Where both went on, what was is kept as a branch of its own.
 */
export async function planTakingBack({
  git,
  refs,
  target,
}: {
  readonly git: History;
  readonly refs: ReadonlyMap<RefName, ObjectId>;
  readonly target: StoredStream;
}): Promise<ReadonlyArray<RefChange>> {
  const plan = [...(await planAdvance({ git, refs, target }))];
  const planned = new Set(plan.map(({ ref }) => ref));
  for (const { ref, oid } of target.refs) {
    const ours = refs.get(ref);
    if (ours === undefined || ours === oid || planned.has(ref) || branchOf(ref) === undefined)
      continue;
    // oxlint-disable-next-line no-await-in-loop -- walks through history are long: one at a time.
    if ((await git.relation(ours, oid)) !== "diverged") continue;
    const kept = parseRefName(`${ref}-before-${oid.slice(0, 10)}`);
    if (kept !== undefined && !refs.has(kept)) plan.push({ ref: kept, from: undefined, to: oid });
  }
  return plan;
}

/** Tips that are here, those first from which the new ones most likely grew: a want list names only so many. */
export function havesTowards(
  refs: ReadonlyMap<RefName, ObjectId>,
  of: NodeId,
  target: StoredStream,
): ReadonlyArray<ObjectId> {
  const shown = `refs/remotes/${remoteOf(of)}/`;
  const moved = target.refs.filter(({ ref, oid }) => refs.get(ref) !== oid);
  const near = moved.flatMap(({ ref }) => {
    const branch = branchOf(ref);
    const theirs = branch === undefined ? undefined : parseRefName(shown + branch);
    return [theirs === undefined ? undefined : refs.get(theirs), refs.get(ref)];
  });
  const first = near.filter((oid) => oid !== undefined);
  return [...new Set([...first, ...refs.values()])];
}

/** Where refs lag behind what was signed of them, after a crash between the two. */
export async function changesOwed(
  { objects }: Pick<Repository, "objects">,
  refs: ReadonlyMap<RefName, ObjectId>,
  stream: StoredStream | undefined,
): Promise<ReadonlyArray<RefChange>> {
  const here = await Promise.all(
    (stream?.refs ?? []).map(async ({ ref, oid }) => ({
      change: { ref, from: refs.get(ref), to: oid },
      owed: refs.get(ref) !== oid && (await objects.has(oid)),
    })),
  );
  return here.filter(({ owed }) => owed).map(({ change }) => change);
}

/** Whether a stream says exactly what these refs are. */
export function isRecorded(
  stream: StoredStream | undefined,
  refs: ReadonlyMap<RefName, ObjectId>,
): boolean {
  const recorded = new Map((stream?.refs ?? []).map(({ ref, oid }) => [ref, oid]));
  return refs.size === recorded.size && [...refs].every(([ref, oid]) => recorded.get(ref) === oid);
}

/** A branch is a commit and goes forward; a tag, once here, stays. */
async function mayFollow(
  git: History,
  ref: RefName,
  { ours, oid }: { readonly ours: ObjectId | undefined; readonly oid: ObjectId },
): Promise<boolean> {
  if (branchOf(ref) === undefined) return ours === undefined;
  if ((await git.objects.type(oid)) !== "commit") return false;
  return ours === undefined || (await git.relation(ours, oid)) === "behind";
}

/**
 * Whether a person deleted this branch here, or put it back to before, when it already was where another node still has
 * it. That stands until the other node goes further.
 */
async function wasTakenBack(git: History, ref: RefName, oid: ObjectId): Promise<boolean> {
  const [last] = await git.refMoves({ ref, limit: 1 });
  if (last?.from === undefined) return false;
  const { from, to } = last;
  if (branchOf(ref) === undefined) return to === undefined && from === oid;
  if (to !== undefined && (await git.relation(to, from)) !== "behind") return false;
  const relation = await git.relation(from, oid);
  return relation === "same" || relation === "ahead";
}

/** `a` and `a/b` cannot both be refs (git's files backend); the one that came first stays. */
class RefRoom {
  readonly #taken = new Set<string>();
  readonly #folders = new Set<string>();

  constructor(taken: Iterable<RefName>) {
    for (const ref of taken) this.take(ref);
  }

  fits(ref: RefName): boolean {
    return !this.#folders.has(ref) && foldersOf(ref).every((folder) => !this.#taken.has(folder));
  }

  /** `false`, and nothing is taken, where it does not fit. */
  take(ref: RefName): boolean {
    if (!this.fits(ref)) return false;
    this.#taken.add(ref);
    for (const folder of foldersOf(ref)) this.#folders.add(folder);
    return true;
  }
}

/** `refs` and `refs/heads` of `refs/heads/main`. */
function foldersOf(ref: RefName): ReadonlyArray<string> {
  const parts = ref.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}
