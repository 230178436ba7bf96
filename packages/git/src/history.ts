/** Commits as screens show them, and history by date: of everything, or of one path. */

import type { Instant, ObjectId } from "@skein/protocol/ids";
import type { Commits, StoredCommit } from "./history-commits.ts";
import { openCommitQueue } from "./history-queue.ts";
import type { ObjectStore } from "./object-store.ts";
import { findEntry } from "./tree.ts";

export interface CommitInfo {
  readonly oid: ObjectId;
  readonly tree: ObjectId;
  readonly parents: ReadonlyArray<ObjectId>;
  readonly authorName: string;
  readonly authorEmail: string;
  /** When it was authored, and the author's offset from UTC. */
  readonly at: Instant;
  readonly offsetMinutes: number;
  readonly committedAt: Instant;
  readonly title: string;
  readonly body: string;
}

export interface HistoryOptions {
  /** Only commits that changed this path. */
  readonly path?: string | undefined;
  /** Follows first parents only. */
  readonly firstParent?: boolean | undefined;
  readonly skip?: number | undefined;
  readonly limit: number;
}

export interface HistoryPage {
  readonly commits: ReadonlyArray<CommitInfo>;
  readonly more: boolean;
}

/** Commits one question may look at: what a person waits for. A history that goes on longer answers `more`. */
export const historyWalkMax = 50_000;

export function describeCommit(commit: StoredCommit): CommitInfo {
  const message = commit.message.trim();
  const end = message.indexOf("\n");
  return {
    oid: commit.oid,
    tree: commit.tree,
    parents: commit.parents,
    authorName: commit.author.name,
    authorEmail: commit.author.email,
    at: commit.author.at,
    offsetMinutes: commit.author.offsetMinutes,
    committedAt: commit.committer.at,
    title: end === -1 ? message : message.slice(0, end).trimEnd(),
    body: end === -1 ? "" : message.slice(end + 1).trim(),
  };
}

interface Source {
  readonly objects: ObjectStore;
  readonly commits: Commits;
}

/** In the order of `git log`: latest first, as far as the parents' dates allow. */
export async function readHistory(
  from: Source,
  start: ObjectId,
  { skip = 0, limit, ...asked }: HistoryOptions,
): Promise<HistoryPage> {
  const found: CommitInfo[] = [];
  let shown = 0;
  for await (const commit of walkHistory(from, start, asked)) {
    if (commit === "too-far" || found.length === limit) return { commits: found, more: true };
    if (shown++ >= skip) found.push(describeCommit(commit));
  }
  return { commits: found, more: false };
}

async function* walkHistory(
  from: Source,
  start: ObjectId,
  { path, firstParent = false }: Omit<HistoryOptions, "limit">,
): AsyncGenerator<StoredCommit | "too-far", void, void> {
  const queue = openCommitQueue();
  const seen = new Set<ObjectId>([start]);
  queue.push(start, 0);
  for (let walked = 0; ; walked++) {
    const oid = queue.pop();
    if (oid === undefined) return;
    if (walked >= historyWalkMax) yield "too-far";
    // oxlint-disable-next-line no-await-in-loop -- a walk goes one step at a time.
    const commit = await from.commits.read(oid);
    const parents = firstParent ? commit.parents.slice(0, 1) : commit.parents;
    // oxlint-disable-next-line no-await-in-loop
    const step = await follow(from, { commit, parents, path });
    if (step.shown) yield commit;
    for (const next of step.next) {
      if (seen.has(next.oid)) continue;
      seen.add(next.oid);
      queue.push(next.oid, next.committer.at);
    }
  }
}

/** As git simplifies history: a commit that left the path as one parent had it is not shown, and only that parent is followed. */
async function follow(
  { objects, commits }: Source,
  at: {
    readonly commit: StoredCommit;
    readonly parents: ReadonlyArray<ObjectId>;
    readonly path: string | undefined;
  },
): Promise<{ readonly shown: boolean; readonly next: ReadonlyArray<StoredCommit> }> {
  const next: StoredCommit[] = [];
  const { path } = at;
  if (path === undefined) {
    // oxlint-disable-next-line no-await-in-loop
    for (const parent of at.parents) next.push(await commits.read(parent));
    return { shown: true, next };
  }
  const mine = await markOf(objects, at.commit.tree, path);
  for (const oid of at.parents) {
    // oxlint-disable-next-line no-await-in-loop -- the first parent that is alike ends the search.
    const parent = await commits.read(oid);
    // oxlint-disable-next-line no-await-in-loop
    const theirs = await markOf(objects, parent.tree, path);
    if (theirs === mine) return { shown: false, next: [parent] };
    next.push(parent);
  }
  return { shown: at.parents.length > 0 || mine !== undefined, next };
}

/** What stands at a path: equal marks are equal contents. */
async function markOf(
  objects: ObjectStore,
  tree: ObjectId,
  path: string,
): Promise<string | undefined> {
  const entry = await findEntry(objects, tree, path);
  return entry === undefined ? undefined : `${entry.mode} ${entry.oid}`;
}
