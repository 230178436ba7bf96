/**
 * What a screen may ask for. Each command names its answer; a refusal comes back as a `Refused` value, never as a throw.
 *
 * Orders change something and the views follow; questions only read.
 */

/** Such a command is asked with `{}`. */
type Nothing = Readonly<Record<string, never>>;

export interface Commands {
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
    readonly answer: { readonly kind: "imported" | "here-already"; readonly id: string };
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
  /** Merges `theirs` (an oid) into a branch. */
  merge: {
    readonly ask: { readonly id: string; readonly branch: string; readonly theirs: string };
    readonly answer:
      | { readonly kind: "merged" | "fast-forward" | "up-to-date"; readonly oid: string }
      | { readonly kind: "conflict"; readonly paths: ReadonlyArray<string> };
  };
  // --- questions ---
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
      readonly limit: number;
    };
    readonly answer: { readonly commits: ReadonlyArray<CommitView>; readonly more: boolean };
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
