/** What a person changed and has not committed: files written or deleted on top of a branch's tip, and the message for it. */

import { signal } from "@preact/signals";
import type { Change } from "@skein/peer/commands";

export interface Draft {
  /** The tip that the changes are made on. */
  readonly onto: string;
  readonly files: ReadonlyMap<string, DraftFile>;
  readonly message: string;
}

export type DraftFile =
  | {
      readonly kind: "write";
      readonly bytes: Uint8Array<ArrayBuffer>;
      /** `undefined` for bytes that are not text. */
      readonly text: string | undefined;
      readonly before: Before | undefined;
    }
  | { readonly kind: "delete"; readonly before: Before | undefined };

/** The file as it is in the commit below the draft. */
export interface Before {
  readonly oid: string;
  readonly text: string | undefined;
}

/** Names one draft: a repository and a branch of it. */
export interface DraftKey {
  readonly repository: string;
  readonly branch: string;
}

const drafts = signal<ReadonlyMap<string, Draft>>(new Map());
const listeners = new Set<(key: DraftKey) => void>();

/** Hears of every change that a person makes. What comes back ends it. */
export function watchDrafts(listener: (key: DraftKey) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function readDraft(key: DraftKey): Draft | undefined {
  return drafts.value.get(draftName(key));
}

export function putInDraft(
  key: DraftKey,
  { onto, path, file }: { readonly onto: string; readonly path: string; readonly file: DraftFile },
): void {
  const draft = readDraft(key) ?? { onto, files: new Map<string, DraftFile>(), message: "" };
  write(key, { ...draft, files: new Map(draft.files).set(path, file) });
}

export function discardFromDraft(key: DraftKey, path: string): void {
  const draft = readDraft(key);
  if (draft === undefined) return;
  const files = new Map(draft.files);
  files.delete(path);
  write(key, files.size === 0 ? undefined : { ...draft, files });
}

export function writeMessage(key: DraftKey, message: string): void {
  const draft = readDraft(key);
  if (draft !== undefined) write(key, { ...draft, message });
}

/** Brings back what was kept. What was begun meanwhile goes before it. */
export function restoreDraft(key: DraftKey, draft: Draft): void {
  if (readDraft(key) === undefined) set(key, draft);
}

export function discardDraft(key: DraftKey): void {
  write(key, undefined);
}

/** The branch moved on: the same files, compared with what is there now. */
export function moveDraft(
  key: DraftKey,
  onto: string,
  befores: ReadonlyMap<string, Before | undefined>,
): void {
  const draft = readDraft(key);
  if (draft === undefined) return;
  const files = new Map<string, DraftFile>();
  for (const [path, file] of draft.files)
    files.set(path, { ...file, before: befores.has(path) ? befores.get(path) : file.before });
  write(key, { ...draft, onto, files });
}

export function changesOf(draft: Draft): ReadonlyArray<Change> {
  return Array.from(draft.files, ([path, file]) =>
    file.kind === "delete" ? { path, kind: "delete" } : { path, kind: "write", bytes: file.bytes },
  );
}

export function textFile(text: string, before: Before | undefined): DraftFile {
  return { kind: "write", bytes: new TextEncoder().encode(text), text, before };
}

/** Text, or `undefined` for bytes that are none. A byte order mark is kept: it is part of the file. */
export function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Not UTF-8: it is shown as binary, and never rewritten.
    return undefined;
  }
}

function write(key: DraftKey, draft: Draft | undefined): void {
  set(key, draft);
  for (const listener of listeners) listener(key);
}

function set(key: DraftKey, draft: Draft | undefined): void {
  const next = new Map(drafts.value);
  if (draft === undefined) next.delete(draftName(key));
  else next.set(draftName(key), draft);
  drafts.value = next;
}

export function draftName({ repository, branch }: DraftKey): string {
  return `${repository}\n${branch}`;
}
