/** Commits as screens show them, and history by date: of everything, or of one path. */

import type { Instant, ObjectId } from "@skein/protocol/ids";
import type { CommitLog } from "./commit-log.ts";
import type { Commits, StoredCommit } from "./history-commits.ts";
import { previousPath } from "./history-follow.ts";
import { openCommitQueue } from "./history-queue.ts";
import { parseCommit, type Commit } from "./object.ts";
import type { ObjectStore } from "./object-store.ts";
import { missing } from "./overlay.ts";
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
  /** With a path: goes on under the path that the file was moved from. */
  readonly follow?: boolean | undefined;
  /** Follows first parents only. */
  readonly firstParent?: boolean | undefined;
  readonly skip?: number | undefined;
  readonly limit: number;
}

export interface HistoryPage {
  readonly commits: ReadonlyArray<CommitInfo>;
  /** Where the file that is followed stood in each of them. */
  readonly paths: ReadonlyMap<ObjectId, string>;
  readonly more: boolean;
}

/** Commits one question may look at: what a person waits for. A history that goes on longer answers `more`. */
export const historyWalkMax = 50_000;

export function describeCommit(commit: StoredCommit): CommitInfo {
  return describe(commit.oid, commit);
}

function describe(oid: ObjectId, commit: Commit): CommitInfo {
  const message = commit.message.trim();
  const end = message.indexOf("\n");
  return {
    oid,
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
  const { path, firstParent = false } = asked;
  if (path === undefined)
    return await from.objects.readLog({ start, firstParent }, (log) =>
      readPage(log, { skip, limit }),
    );
  const commits: CommitInfo[] = [];
  const paths = new Map<ObjectId, string>();
  let shown = 0;
  for await (const step of walkHistory(from, start, { ...asked, path })) {
    if (step === "too-far" || commits.length === limit) return { commits, paths, more: true };
    if (shown++ < skip) continue;
    commits.push(describeCommit(step.commit));
    if (asked.follow === true) paths.set(step.commit.oid, step.path);
  }
  return { commits, paths, more: false };
}

async function readPage(
  log: CommitLog,
  { skip, limit }: { readonly skip: number; readonly limit: number },
): Promise<HistoryPage> {
  const commits: CommitInfo[] = [];
  const paths = new Map<ObjectId, string>();
  for (let walked = 0; walked < historyWalkMax; walked++) {
    const take = walked < skip ? pass : read;
    const next = log.next(take);
    // What is at hand is not waited for.
    // oxlint-disable-next-line no-await-in-loop -- a log goes one step at a time.
    const step = next instanceof Promise ? await next : next;
    if (step === "over") return { commits, paths, more: false };
    if (step === undefined) continue;
    if ("missing" in step) throw missing(step.missing, "commit");
    if (commits.length === limit) return { commits, paths, more: true };
    commits.push(step);
  }
  return { commits, paths, more: true };
}

function pass(): undefined {
  // Earlier pages have shown it.
}

function read(oid: ObjectId, bytes: Uint8Array): CommitInfo {
  const commit = parseCommit(bytes);
  if (commit === undefined) throw missing(oid, "commit");
  return describe(oid, commit);
}

interface Step {
  readonly commit: StoredCommit;
  readonly path: string;
}

async function* walkHistory(
  from: Source,
  start: ObjectId,
  {
    path: asked,
    firstParent = false,
    follow: follows = false,
  }: Omit<HistoryOptions, "limit"> & { readonly path: string },
): AsyncGenerator<Step | "too-far", void, void> {
  const queue = openCommitQueue();
  /** Each commit that was met, and the path to look for in it. */
  const seen = new Map<ObjectId, string>([[start, asked]]);
  queue.push(start, 0);
  for (let walked = 0; ; walked++) {
    const oid = queue.pop();
    if (oid === undefined) return;
    if (walked >= historyWalkMax) yield "too-far";
    // oxlint-disable-next-line no-await-in-loop -- a walk goes one step at a time.
    const commit = await from.commits.read(oid);
    const parents = firstParent ? commit.parents.slice(0, 1) : commit.parents;
    const path = seen.get(oid) ?? asked;
    // oxlint-disable-next-line no-await-in-loop
    const step = await follow(from, { commit, parents, path, follows });
    if (step.shown) yield { commit, path };
    for (const next of step.next) {
      if (seen.has(next.commit.oid)) continue;
      seen.set(next.commit.oid, next.path);
      queue.push(next.commit.oid, next.commit.committer.at);
    }
  }
}

/** As git simplifies history: a commit that left the path as one parent had it is not shown, and only that parent is followed. */
async function follow(
  { objects, commits }: Source,
  at: Step & { readonly parents: ReadonlyArray<ObjectId>; readonly follows: boolean },
): Promise<{ readonly shown: boolean; readonly next: ReadonlyArray<Step> }> {
  const next: Step[] = [];
  const { path } = at;
  const mine = await markOf(objects, at.commit.tree, path);
  for (const oid of at.parents) {
    // oxlint-disable-next-line no-await-in-loop -- the first parent that is alike ends the search.
    const commit = await commits.read(oid);
    // oxlint-disable-next-line no-await-in-loop
    const theirs = await markOf(objects, commit.tree, path);
    if (theirs === mine) return { shown: false, next: [{ commit, path }] };
    const trees = { before: commit.tree, after: at.commit.tree, from: "moved-or-copied" } as const;
    const isNew = at.follows && theirs === undefined;
    // oxlint-disable-next-line no-await-in-loop
    const old = isNew ? await previousPath(objects, trees, path) : undefined;
    next.push({ commit, path: old?.path ?? path });
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
