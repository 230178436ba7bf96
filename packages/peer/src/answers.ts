/** What some commands answer with: moves of refs, and files that were left out. */

/** One move of one branch or tag. An absent side: it was not there. */
export interface RefMoveView {
  readonly kind: "branch" | "tag";
  readonly name: string;
  readonly from: MovedCommitView | undefined;
  readonly to: MovedCommitView | undefined;
  readonly at: number;
  readonly why: string;
}

export interface MovedCommitView {
  readonly oid: string;
  /** Undefined where it is not a commit. */
  readonly title: string | undefined;
}

/** Branches, tags and other refs that an import left out: the first of them, and how many there are. */
export interface SkippedRefs {
  readonly skipped: ReadonlyArray<string>;
  readonly skippedCount: number;
}

/** A file that an import left out. */
export interface SkippedFileView {
  readonly path: string;
  readonly why:
    | "bad-name"
    | "too-long"
    | "too-large"
    | "named-twice"
    | "file-and-folder"
    | "system";
}
