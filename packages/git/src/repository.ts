/** One bare repository in a `Files`: its objects, its refs, and what screens and replication ask of them. */

import type { Bytes } from "@skein/protocol/bytes";
import { Bug } from "@skein/protocol/errors";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import type { ChangedFiles } from "./changes.ts";
import type { Draft } from "./draft.ts";
import type { Files } from "./files.ts";
import type { CommitInfo, HistoryOptions, HistoryPage, Relation } from "./history.ts";
import type { MergeResult } from "./merge.ts";
import type { ObjectStore } from "./object-store.ts";
import type { RefChange } from "./refs.ts";
import type { FileContent, TreeEntry } from "./tree.ts";

export interface Progress {
  readonly phase: "reading" | "checking" | "storing";
  readonly done: number;
  readonly total: number;
}

/** The part of an `AbortSignal` that is asked. */
export interface StopSignal {
  readonly aborted: boolean;
  throwIfAborted(): void;
}

export interface WorkOptions {
  readonly signal: StopSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface ImportedBundle {
  readonly refs: ReadonlyMap<RefName, ObjectId>;
  readonly head: RefName | undefined;
  /** Refs of the bundle that were not taken: remotes, stashes, names Skein refuses. */
  readonly skipped: ReadonlyArray<string>;
}

export interface Repository {
  readonly objects: ObjectStore;
  head(): Promise<RefName | undefined>;
  refs(): Promise<ReadonlyMap<RefName, ObjectId>>;
  /** Compare-and-swap of all of them, in one strict transaction. Throws `RefRefusedError`. */
  updateRefs(
    changes: ReadonlyArray<RefChange>,
    options?: { readonly head?: RefName | undefined },
  ): Promise<"done" | "moved">;
  /** `undefined`: there is no such folder. */
  readTree(commit: ObjectId, path: string): Promise<ReadonlyArray<TreeEntry> | undefined>;
  /** `undefined`: there is no such file. */
  readFile(
    commit: ObjectId,
    path: string,
    options?: { readonly bytesMax?: number | undefined },
  ): Promise<FileContent | undefined>;
  readCommit(commit: ObjectId): Promise<CommitInfo>;
  history(commit: ObjectId, options: HistoryOptions): Promise<HistoryPage>;
  changedFiles(commit: ObjectId): Promise<ChangedFiles>;
  isAncestor(ancestor: ObjectId, descendant: ObjectId): Promise<boolean>;
  mergeBases(ours: ObjectId, theirs: ObjectId): Promise<ReadonlyArray<ObjectId>>;
  relation(ours: ObjectId, theirs: ObjectId): Promise<Relation>;
  /** Stores the objects of a commit, strictly; moves no ref. Throws `DraftRefusedError`. */
  commitDraft(draft: Draft): Promise<ObjectId>;
  /** Stores the merge commit, strictly; moves no ref. */
  merge(tips: { readonly ours: ObjectId; readonly theirs: ObjectId }): Promise<MergeResult>;
  importBundle(bytes: Uint8Array, options: WorkOptions): Promise<ImportedBundle>;
  /** All local branches and tags. */
  exportBundle(options: WorkOptions): Promise<Bytes>;
}

export async function openRepository(_options: { readonly files: Files }): Promise<Repository> {
  throw new Bug("not yet");
}
