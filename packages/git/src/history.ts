/** Commits and how they stand to each other: history by date, ancestry, merge bases. */

import type { Instant, ObjectId } from "@skein/protocol/ids";

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

/** How the first tip stands to the second. */
export type Relation = "same" | "ahead" | "behind" | "diverged";
