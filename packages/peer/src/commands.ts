/**
 * What a screen may ask for. Each command names its answer; a refusal comes back as a `Refused` value, never as a throw.
 *
 * Orders change something and the views follow; questions only read.
 */

import type { RefMoveView, SkippedFileView, SkippedRefs } from "./answers.ts";
import type { KeepingOutCommands, Nothing } from "./keeping-out.ts";
import type { RelayTest } from "./views.ts";

export interface Commands extends KeepingOutCommands {
  // --- the account ---
  /** Makes 12 words and shows them (`account.phase` becomes `words-shown`). */
  "create-account": {
    readonly ask: { readonly nodeName: string; readonly platform: string };
    readonly answer: void;
  };
  /** The three words asked for, in the order of `ask`. Derives keys, makes the account, stores it. */
  "confirm-words": {
    readonly ask: { readonly words: ReadonlyArray<string> };
    readonly answer: void;
  };
  "forget-words": { readonly ask: Nothing; readonly answer: void };
  /** Words may be 4-letter prefixes. A wrong word is refused here, before any traffic. */
  "sign-in": {
    readonly ask: { readonly words: string; readonly nodeName: string; readonly platform: string };
    readonly answer: void;
  };
  "stop-sign-in": { readonly ask: Nothing; readonly answer: void };
  "ask-again": { readonly ask: Nothing; readonly answer: void };
  "rename-node": { readonly ask: { readonly name: string }; readonly answer: void };
  "set-author": {
    readonly ask: { readonly name: string; readonly email: string };
    readonly answer: void;
  };
  // --- approving other devices ---
  "open-request": { readonly ask: { readonly id: string }; readonly answer: void };
  authorise: {
    readonly ask: { readonly id: string; readonly digits: string };
    readonly answer: void;
  };
  deny: { readonly ask: { readonly id: string }; readonly answer: void };
  /** Takes a denial back, for a node of the devices' list. */
  "let-ask-again": { readonly ask: { readonly node: string }; readonly answer: void };
  // --- repositories ---
  "new-repository": {
    readonly ask: {
      readonly name: string;
      /** Files for the first commit, by path; none makes a README. */
      readonly files: ReadonlyArray<{ readonly path: string; readonly file: Blob }>;
    };
    readonly answer: { readonly id: string };
  };
  "import-bundle": {
    readonly ask: {
      readonly name: string;
      readonly file: Blob;
      /** Although a repository with this name and these tips is here. */
      readonly again?: boolean;
    };
    readonly answer:
      | { readonly kind: "here-already"; readonly id: string }
      | ({ readonly kind: "imported"; readonly id: string } & SkippedRefs);
  };
  /** The files of a zip, or of a folder by path, as one commit. One folder that holds them all is left out. */
  "import-files": {
    readonly ask: {
      readonly name: string;
      readonly zip?: Blob;
      readonly files?: ReadonlyArray<{ readonly path: string; readonly file: Blob }>;
    };
    readonly answer: {
      readonly id: string;
      readonly files: number;
      /** What was left out: the first of them, and how many there are. */
      readonly skipped: ReadonlyArray<SkippedFileView>;
      readonly skippedCount: number;
    };
  };
  /** Git hosts that can be cloned from, through the relays in use. */
  "git-hosts": {
    readonly ask: Nothing;
    readonly answer: { readonly hosts: ReadonlyArray<string> };
  };
  /** Branches and tags of an ordinary git host, through a relay. */
  clone: {
    readonly ask: { readonly name: string; readonly url: string };
    readonly answer: { readonly id: string } & SkippedRefs;
  };
  "export-bundle": {
    readonly ask: { readonly id: string };
    readonly answer: { readonly file: Blob };
  };
  "rename-repository": {
    readonly ask: { readonly id: string; readonly name: string };
    readonly answer: void;
  };
  /** Commits changes on top of a branch's tip, if the tip is still `onto`. */
  commit: {
    readonly ask: {
      readonly id: string;
      readonly branch: string;
      readonly onto: string;
      readonly message: string;
      readonly changes: ReadonlyArray<Change>;
    };
    readonly answer: { readonly oid: string };
  };
  /** Keeps what is not committed yet, instead of what was kept before for that branch. */
  "write-draft": { readonly ask: DraftKey & { readonly draft: KeptDraft }; readonly answer: void };
  "drop-draft": { readonly ask: DraftKey; readonly answer: void };
  "read-draft": { readonly ask: DraftKey; readonly answer: { readonly draft?: KeptDraft } };
  "new-branch": {
    readonly ask: { readonly id: string; readonly name: string; readonly from: string };
    readonly answer: void;
  };
  "rename-branch": {
    readonly ask: { readonly id: string; readonly name: string; readonly to: string };
    readonly answer: void;
  };
  /** Another node's branch of that name stays. */
  "delete-branch": {
    readonly ask: { readonly id: string; readonly name: string };
    readonly answer: void;
  };
  "new-tag": {
    readonly ask: { readonly id: string; readonly name: string; readonly commit: string };
    readonly answer: void;
  };
  "delete-tag": {
    readonly ask: { readonly id: string; readonly name: string };
    readonly answer: void;
  };
  /** Puts a branch or tag back to where it was before a move, if it still is where the person saw it. */
  undo: {
    readonly ask: {
      readonly id: string;
      readonly kind: "branch" | "tag";
      readonly name: string;
      /** Where it is now, and where it goes; absent: it is not there. */
      readonly from?: string | undefined;
      readonly to?: string | undefined;
    };
    readonly answer: void;
  };
  /** The change of a commit once more, on top of a branch. */
  "cherry-pick": { readonly ask: PickAsk; readonly answer: PickAnswer };
  /** The change of a commit taken back, on top of a branch. */
  revert: { readonly ask: PickAsk; readonly answer: PickAnswer };
  /** Takes a repository off this device. Refused as `only_copy` unless `evenIfOnly`. */
  "remove-repository": {
    readonly ask: { readonly id: string; readonly evenIfOnly: boolean };
    readonly answer: void;
  };
  /** Copies it here again from a node that is connected. */
  "bring-back-repository": { readonly ask: { readonly id: string }; readonly answer: void };
  /** Speaks no more of one that was taken off, until somebody who has it is here. */
  "forget-repository": { readonly ask: { readonly id: string }; readonly answer: void };
  /** Removes from this device what nothing reaches and nobody can undo to. `busy` repositories were left as they are. */
  "free-space": {
    readonly ask: Nothing;
    readonly answer: { readonly bytes: number; readonly busy: number };
  };
  /** Merges `theirs` (an oid) into a branch. */
  merge: {
    readonly ask: { readonly id: string; readonly branch: string; readonly theirs: string };
    readonly answer:
      | { readonly kind: "merged" | "fast-forward" | "up-to-date"; readonly oid: string }
      | { readonly kind: "conflict"; readonly paths: ReadonlyArray<string> };
  };
  /** The merge that a person made by their choices: one for each path in conflict. */
  "merge-resolved": {
    readonly ask: {
      readonly id: string;
      readonly branch: string;
      /** The tip that the choices were made for. */
      readonly ours: string;
      readonly theirs: string;
      readonly resolutions: ReadonlyArray<ResolutionAsk>;
    };
    readonly answer: Commands["merge"]["answer"];
  };
  // --- questions ---
  /** What stands between a branch and `theirs`. Changes nothing. */
  conflicts: {
    readonly ask: { readonly id: string; readonly ours: string; readonly theirs: string };
    readonly answer: {
      readonly ours: CommitView;
      readonly theirs: CommitView;
      readonly conflicts: ReadonlyArray<ConflictView>;
    };
  };
  /** What branches and tags were, the latest first. */
  "ref-moves": {
    readonly ask: { readonly id: string; readonly limit: number };
    readonly answer: { readonly moves: ReadonlyArray<RefMoveView>; readonly more: boolean };
  };
  /** Which commit each line of a file comes from. */
  blame: {
    readonly ask: { readonly id: string; readonly commit: string; readonly path: string };
    readonly answer: {
      readonly lines: ReadonlyArray<{
        readonly line: number;
        readonly count: number;
        readonly commit: string;
      }>;
      readonly commits: ReadonlyArray<CommitView>;
      /** False where history goes on longer than could be looked at. */
      readonly complete: boolean;
    };
  };
  "download-zip": {
    readonly ask: { readonly id: string; readonly commit: string };
    readonly answer: { readonly name: string; readonly file: Blob };
  };
  "download-file": {
    readonly ask: { readonly id: string; readonly commit: string; readonly path: string };
    readonly answer: { readonly name: string; readonly file: Blob };
  };
  /** Repositories that were taken off this device and can come back. */
  "removed-repositories": {
    readonly ask: Nothing;
    readonly answer: {
      readonly repositories: ReadonlyArray<{
        readonly id: string;
        readonly name: string;
        /** Connected nodes that have it. */
        readonly holders: number;
      }>;
    };
  };
  "read-tree": {
    readonly ask: { readonly id: string; readonly commit: string; readonly path: string };
    readonly answer: { readonly entries: ReadonlyArray<TreeEntryView> };
  };
  "read-file": {
    readonly ask: { readonly id: string; readonly commit: string; readonly path: string };
    readonly answer: FileView;
  };
  history: {
    readonly ask: {
      readonly id: string;
      readonly commit: string;
      /** Only commits that changed this path, when given. */
      readonly path?: string;
      /** With a path: goes on under the name that the file had before. */
      readonly follow?: boolean;
      /** Without the commits that came in with merges. */
      readonly firstParent?: boolean;
      readonly limit: number;
    };
    readonly answer: {
      readonly commits: ReadonlyArray<CommitView>;
      /** Where the followed file stood in each commit, by the commit's id. */
      readonly paths: ReadonlyMap<string, string>;
      readonly more: boolean;
    };
  };
  "read-commit": {
    readonly ask: { readonly id: string; readonly commit: string };
    readonly answer: {
      readonly commit: CommitView;
      readonly files: ReadonlyArray<ChangedFileView>;
    };
  };
  // --- the rest ---
  "cancel-task": { readonly ask: { readonly id: string }; readonly answer: void };
  "dismiss-notice": { readonly ask: { readonly id: string }; readonly answer: void };
  "keep-storage": { readonly ask: { readonly persisted: boolean }; readonly answer: void };
  /** The page saw the network or the tab come back: try everything now. */
  // --- relays ---
  /** The address may be short: `relay.example.org`. Answers with the whole one. */
  "add-relay": {
    readonly ask: { readonly address: string };
    readonly answer: { readonly url: string };
  };
  /** Not the last one. */
  "remove-relay": { readonly ask: { readonly url: string }; readonly answer: void };
  /** Connects once beside the link that there may be, and looks what it says. */
  "test-relay": { readonly ask: { readonly address: string }; readonly answer: RelayTest };
  "try-now": { readonly ask: Nothing; readonly answer: void };
}

export type CommandName = keyof Commands;
export type Ask<Name extends CommandName> = Commands[Name]["ask"];
export type Answer<Name extends CommandName> = Commands[Name]["answer"];

/** Says what happened, what is safe and what to do next, in words for a person. */
export interface Refused {
  /** Stable, from docs/errors.md. */
  readonly code: string;
  readonly what: string;
  readonly safe: string | undefined;
  readonly next: string | undefined;
}

export type Outcome<Name extends CommandName> =
  | { readonly ok: true; readonly value: Answer<Name> }
  | { readonly ok: false; readonly refused: Refused };

export type Change =
  | { readonly path: string; readonly kind: "write"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly path: string; readonly kind: "delete" };

/** One draft for each branch of each repository on this device. */
export interface DraftKey {
  readonly id: string;
  readonly branch: string;
}

export interface KeptDraft {
  /** The commit that the changes are made on. */
  readonly onto: string;
  readonly message: string;
  readonly changes: ReadonlyArray<Change>;
}

export interface TreeEntryView {
  readonly name: string;
  readonly kind: "folder" | "file" | "link" | "submodule";
  readonly oid: string;
  /** For files, in bytes. */
  readonly size: number | undefined;
}

export interface FileView {
  readonly oid: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly size: number;
  readonly kind: "text" | "image" | "binary";
  /** A symbolic link: the bytes are the path it leads to. */
  readonly link: boolean;
  /** The bytes only name a file that Git LFS keeps elsewhere, of so many bytes. */
  readonly lfs?: { readonly size: number } | undefined;
}

export interface CommitView {
  readonly oid: string;
  readonly parents: ReadonlyArray<string>;
  readonly authorName: string;
  readonly authorEmail: string;
  /** Epoch milliseconds, and the author's offset from UTC in minutes. */
  readonly at: number;
  readonly offsetMinutes: number;
  readonly title: string;
  readonly body: string;
}

export interface ChangedFileView {
  readonly path: string;
  readonly kind: "added" | "changed" | "deleted";
  /** Undefined where there is none or where the file is binary or over 1 MiB. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly binary: boolean;
}

export interface PickAsk {
  readonly id: string;
  readonly branch: string;
  /** The tip that the person saw. */
  readonly onto: string;
  readonly commit: string;
  /** Of a merge: against which parent its change is taken, from 1. */
  readonly mainline?: number;
  readonly resolutions: ReadonlyArray<ResolutionAsk>;
}

export type PickAnswer =
  | { readonly kind: "picked"; readonly oid: string }
  | { readonly kind: "nothing-to-pick" }
  | { readonly kind: "which-parent"; readonly parents: ReadonlyArray<string> }
  | { readonly kind: "conflict"; readonly conflicts: ReadonlyArray<ConflictView> };

/** One path on which two sides do not agree. Everything else merges by itself. */
export interface ConflictView {
  readonly path: string;
  readonly reason:
    | "text"
    | "bytes"
    | "added-apart"
    | "deleted-in-ours"
    | "deleted-in-theirs"
    | "kinds"
    | "file-and-folder"
    | "moved";
  readonly hasBase: boolean;
  readonly hasOurs: boolean;
  readonly hasTheirs: boolean;
  /** The whole text in order; undefined: a side is taken as a whole. */
  readonly hunks: ReadonlyArray<HunkView> | undefined;
}

export type HunkView =
  | { readonly kind: "merged"; readonly text: string }
  | {
      readonly kind: "conflict";
      readonly base: string;
      readonly ours: string;
      readonly theirs: string;
    };

export type HunkChoiceAsk = "base" | "ours" | "theirs" | "both" | { readonly text: string };

export type ResolutionAsk = { readonly path: string } & (
  | { readonly take: "base" | "ours" | "theirs" }
  | { readonly take: "both"; readonly theirsAt: string }
  | { readonly take: "hunks"; readonly hunks: ReadonlyArray<HunkChoiceAsk> }
  /** The whole file as the person wrote it. */
  | { readonly take: "edited"; readonly text: string }
);
