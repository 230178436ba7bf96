/** What a commit changed against its first parent. */

export interface ChangedFile {
  readonly path: string;
  readonly kind: "added" | "changed" | "deleted";
  /** Undefined where there is none, or where the file is binary or over `changedTextBytesMax`. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly binary: boolean;
}

export interface ChangedFiles {
  readonly files: ReadonlyArray<ChangedFile>;
  /** There are more files than are listed. */
  readonly more: boolean;
}
