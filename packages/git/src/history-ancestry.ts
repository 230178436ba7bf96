/** How commits descend from each other: merge bases, ancestry, and the relation of two tips. */

import { LimitExceededError } from "@skein/protocol/errors";
import type { ObjectId } from "@skein/protocol/ids";
import type { Commits, StoredCommit } from "./history-commits.ts";
import { openCommitQueue } from "./history-queue.ts";

/** How the first tip stands to the second. */
export type Relation = "same" | "ahead" | "behind" | "diverged";

/** Commits one comparison of two tips may look at. */
export const ancestryWalkMax = 1_000_000;

/**
 * The best common ancestors of a commit and of a merge of others (or of one), latest first: none of them is an
 * ancestor of another.
 */
export async function findMergeBases(
  commits: Commits,
  ones: ReadonlyArray<ObjectId>,
  other: ObjectId,
): Promise<ReadonlyArray<ObjectId>> {
  const candidates = await paint(commits, ones, other);
  const best: StoredCommit[] = [];
  for (const candidate of candidates) {
    // oxlint-disable-next-line no-await-in-loop -- there are hardly ever two.
    if (!(await isAncestorOfAny(commits, candidate, candidates))) {
      // oxlint-disable-next-line no-await-in-loop
      best.push(await commits.read(candidate));
    }
  }
  return best
    .toSorted((a, b) => b.committer.at - a.committer.at || (a.oid < b.oid ? -1 : 1))
    .map(({ oid }) => oid);
}

/** A commit is an ancestor of itself. */
export async function isAncestor(
  commits: Commits,
  ancestor: ObjectId,
  descendant: ObjectId,
): Promise<boolean> {
  return (await paint(commits, [ancestor], descendant)).includes(ancestor);
}

export async function relate(
  commits: Commits,
  ours: ObjectId,
  theirs: ObjectId,
): Promise<Relation> {
  if (ours === theirs) return "same";
  const common = await paint(commits, [ours], theirs);
  if (common.includes(ours)) return "behind";
  return common.includes(theirs) ? "ahead" : "diverged";
}

async function isAncestorOfAny(
  commits: Commits,
  commit: ObjectId,
  others: ReadonlyArray<ObjectId>,
): Promise<boolean> {
  for (const other of others) {
    // oxlint-disable-next-line no-await-in-loop -- the first one decides.
    if (other !== commit && (await isAncestor(commits, commit, other))) return true;
  }
  return false;
}

/**
 * Walks from both tips at once and paints each commit with the tips that reach it. Where both colours meet is a
 * candidate, and all below it is stale; the walk ends when only stale commits wait. With dates that lie, a candidate
 * may be an ancestor of another one: `findMergeBases` takes those out.
 */
async function paint(
  commits: Commits,
  ones: ReadonlyArray<ObjectId>,
  other: ObjectId,
): Promise<ReadonlyArray<ObjectId>> {
  const walk = openWalk();
  const candidates = new Set<ObjectId>();
  for (const commit of await Promise.all(ones.map(commits.read))) walk.colour(commit, reachedByOne);
  walk.colour(await commits.read(other), reachedByOther);
  for (let oid = walk.next(); oid !== undefined; oid = walk.next()) {
    const colours = walk.coloursOf(oid);
    if (colours === reachedByBoth) candidates.add(oid);
    const passed = (colours & reachedByBoth) === reachedByBoth ? colours | stale : colours;
    // oxlint-disable-next-line no-await-in-loop -- a walk goes one step at a time.
    const { parents } = await commits.read(oid);
    for (const parent of parents) {
      if ((walk.coloursOf(parent) & passed) === passed) continue;
      // oxlint-disable-next-line no-await-in-loop
      walk.colour(await commits.read(parent), passed);
    }
  }
  return [...candidates].filter((oid) => (walk.coloursOf(oid) & stale) === 0);
}

interface Walk {
  readonly coloursOf: (oid: ObjectId) => number;
  /** Adds colours to a commit, and puts it in the queue unless it waits there. */
  readonly colour: (commit: StoredCommit, colours: number) => void;
  /** `undefined` when only stale commits wait. */
  readonly next: () => ObjectId | undefined;
}

function openWalk(): Walk {
  const colours = new Map<ObjectId, number>();
  const queue = openCommitQueue();
  const waiting = new Set<ObjectId>();
  let fresh = 0;
  let walked = 0;
  const coloursOf = (oid: ObjectId): number => colours.get(oid) ?? 0;
  const isFresh = (oid: ObjectId): number => ((coloursOf(oid) & stale) === 0 ? 1 : 0);
  return {
    coloursOf,
    colour: (commit, added) => {
      const { oid } = commit;
      if (waiting.has(oid)) fresh -= isFresh(oid);
      colours.set(oid, coloursOf(oid) | added);
      fresh += isFresh(oid);
      if (waiting.has(oid)) return;
      waiting.add(oid);
      queue.push(oid, commit.committer.at);
    },
    next: () => {
      if (fresh === 0) return undefined;
      if (++walked > ancestryWalkMax)
        throw new LimitExceededError("commits walked", { actual: walked, most: ancestryWalkMax });
      const oid = queue.pop();
      if (oid === undefined) return undefined;
      waiting.delete(oid);
      fresh -= isFresh(oid);
      return oid;
    },
  };
}

const reachedByOne = 1;
const reachedByOther = 2;
const reachedByBoth = reachedByOne | reachedByOther;
const stale = 4;
