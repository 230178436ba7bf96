/** Commits made here: writes and deletes laid over a tree, stored as one small pack. */

import { SkeinError } from "@skein/protocol/errors";
import { instant } from "@skein/protocol/ids";
import type { Instant, ObjectId } from "@skein/protocol/ids";
import { objectBytesMax, pathBytesMax, treeDepthMax } from "@skein/protocol/limits";
import type { Bytes } from "@skein/protocol/bytes";
import { keyOf, nameOf } from "./byte-key.ts";
import { entryNameFault } from "./entry-name.ts";
import type { Commits } from "./history-commits.ts";
import type { ObjectStore } from "./object-store.ts";
import { formatCommit, formatTree } from "./object.ts";
import type { Commit, EntryKind, Person, TreeEntry } from "./object.ts";
import { canonicalMode, keep, openOverlay, readEntries } from "./overlay.ts";
import type { Overlay } from "./overlay.ts";
import { parsePath, showPath } from "./tree-path.ts";

export type DraftChange =
  /** A file keeps its executable bit; a link stays one, and the bytes are the path that it leads to. */
  | { readonly path: string; readonly kind: "write"; readonly bytes: Uint8Array }
  /** Deletes a file, or a folder with all that is in it. Happens before all writes. */
  | { readonly path: string; readonly kind: "delete" };

export interface Author {
  readonly name: string;
  readonly email: string;
}

export interface Draft extends Signed {
  /** Undefined for a first commit. */
  readonly parent: ObjectId | undefined;
  readonly changes: ReadonlyArray<DraftChange>;
  readonly message: string;
}

export type DraftFault =
  /** A name that some system would take for something else than a file, such as `.git`. */
  | "bad-name"
  /** A link has to lead somewhere: to a path that git can check out. */
  | "bad-link"
  | "too-long"
  | "too-large"
  | "named-twice"
  /** The path, or a folder of it, is a file where a folder is wanted, or the other way round. */
  | "file-and-folder"
  | "nothing-changed"
  | "no-author"
  | "no-message";

/** A draft that cannot become a commit. Nothing was changed. */
export class DraftRefusedError extends SkeinError {
  override readonly name = "DraftRefusedError";
  readonly code = "draft_refused";
  readonly blame = "caller";
  readonly hint: string;
  readonly fault: DraftFault;
  readonly path: string | undefined;

  constructor(fault: DraftFault, path?: string) {
    const [what, hint] = wordsOf(fault, path === undefined ? "" : showPath(path));
    super(what);
    this.hint = hint;
    this.fault = fault;
    this.path = path;
  }
}

/** Stores the new objects durably, and moves no ref. */
export async function commitDraft(
  from: { readonly objects: ObjectStore; readonly commits: Commits },
  draft: Draft,
): Promise<ObjectId> {
  const parent = draft.parent === undefined ? undefined : await from.commits.read(draft.parent);
  const overlay = openOverlay(from.objects);
  const laid = await lay(overlay, parent?.tree, planOf(draft.changes));
  const tree = laid ?? overlay.write("tree", formatTree([]));
  if (tree === parent?.tree || (laid === undefined && parent === undefined))
    throw new DraftRefusedError("nothing-changed");
  const author = signatureOf(draft);
  const oid = writeCommit(overlay, draft, {
    tree,
    parents: parent === undefined ? [] : [parent.oid],
    author,
    committer: author,
    message: cleanMessage(draft.message),
  });
  await keep(overlay, from.objects, oid);
  return oid;
}

/** Who made a commit here, and when. */
export interface Signed {
  readonly author: Author;
  readonly at: Instant;
  readonly offsetMinutes: number;
  /** Given the commit's bytes, answers with those of the same commit, signed. */
  readonly sign?: ((commit: Bytes) => Bytes) | undefined;
}

/** A commit made here, signed where that is asked for. */
export function writeCommit(overlay: Overlay, { sign }: Signed, commit: Commit): ObjectId {
  const bytes = formatCommit(commit);
  return overlay.write("commit", sign?.(bytes) ?? bytes);
}

/** Throws `DraftRefusedError` for nobody. */
export function signatureOf({ author, at, offsetMinutes }: Signed): Person {
  const person = {
    name: cleanPerson(author.name),
    email: cleanPerson(author.email).replaceAll(" ", ""),
    at: instant(Math.max(0, at)),
    offsetMinutes: Math.trunc(offsetMinutes),
  };
  if (person.name === "") throw new DraftRefusedError("no-author");
  return person;
}

/** What is to happen in one folder. */
interface Plan {
  readonly writes: Map<string, { readonly path: string; readonly bytes: Bytes }>;
  readonly deletes: Set<string>;
  readonly folders: Map<string, Plan>;
}

function planOf(changes: ReadonlyArray<DraftChange>): Plan {
  const root = emptyPlan();
  for (const change of changes) {
    const { path } = change;
    const keys = parseDraftPath(path).map(keyOf);
    let plan = root;
    for (const key of keys.slice(0, -1)) {
      const inner = plan.folders.get(key) ?? emptyPlan();
      plan.folders.set(key, inner);
      plan = inner;
    }
    const last = keys.at(-1) ?? "";
    // First deleted and then written is a folder that becomes a file; the other way round is a mistake.
    if (plan.writes.has(last) || (change.kind === "delete" && plan.deletes.has(last)))
      throw new DraftRefusedError("named-twice", path);
    if (change.kind === "delete") plan.deletes.add(last);
    else {
      if (change.bytes.length > objectBytesMax) throw new DraftRefusedError("too-large", path);
      plan.writes.set(last, { path, bytes: new Uint8Array(change.bytes) });
    }
  }
  return root;
}

/** The names of a path that may be written. Throws `DraftRefusedError`. */
export function parseDraftPath(path: string): ReadonlyArray<Bytes> {
  const names = parsePath(path);
  if (names === undefined || names.length === 0) throw new DraftRefusedError("bad-name", path);
  const length = names.reduce((bytes, name) => bytes + name.length + 1, -1);
  if (length > pathBytesMax || names.length > treeDepthMax)
    throw new DraftRefusedError("too-long", path);
  for (const name of names) {
    const fault = entryNameFault(name);
    if (fault !== undefined)
      throw new DraftRefusedError(fault === "largePathname" ? "too-long" : "bad-name", path);
  }
  return names;
}

type Entries = Map<string, Pick<TreeEntry, "kind" | "oid">>;

/** The tree that a plan makes of a tree, or `undefined` where nothing is left: git knows no empty folders. */
async function lay(
  overlay: Overlay,
  base: ObjectId | undefined,
  plan: Plan,
): Promise<ObjectId | undefined> {
  const entries: Entries = new Map();
  for (const { name, kind, oid } of await readEntries(overlay, base))
    entries.set(keyOf(name), { kind, oid });
  for (const key of plan.deletes) entries.delete(key);
  for (const [key, inner] of plan.folders) {
    // oxlint-disable-next-line no-await-in-loop -- the first fault is the one that is told.
    await layFolder(overlay, entries, { key, inner });
  }
  for (const [key, { path, bytes }] of plan.writes) {
    const there = entries.get(key);
    const kind = kindAfter(there?.kind, { path, bytes });
    entries.set(key, { kind, oid: overlay.write("blob", bytes) });
  }
  if (entries.size === 0) return undefined;
  const rows = [...entries].map(([key, { kind, oid }]) => ({
    name: nameOf(key),
    mode: canonicalMode(kind),
    oid,
  }));
  return overlay.write("tree", formatTree(rows));
}

/** What is written keeps what it was, as git keeps it. */
function kindAfter(
  kind: EntryKind | undefined,
  { path, bytes }: { readonly path: string; readonly bytes: Bytes },
): EntryKind {
  if (kind === "tree") throw new DraftRefusedError("file-and-folder", path);
  if (kind === "symlink" && !isLinkTarget(bytes)) throw new DraftRefusedError("bad-link", path);
  return kind === "executable" || kind === "symlink" ? kind : "file";
}

async function layFolder(
  overlay: Overlay,
  entries: Entries,
  { key, inner }: { readonly key: string; readonly inner: Plan },
): Promise<void> {
  const there = entries.get(key);
  if (there !== undefined && there.kind !== "tree") {
    const path = firstWrite(inner);
    if (path !== undefined) throw new DraftRefusedError("file-and-folder", path);
    return;
  }
  const oid = await lay(overlay, there?.oid, inner);
  if (oid === undefined) entries.delete(key);
  else entries.set(key, { kind: "tree", oid });
}

function isLinkTarget(bytes: Bytes): boolean {
  return bytes.length > 0 && bytes.length <= pathBytesMax && !bytes.includes(0);
}

/** What happened, and what to do about it. */
function wordsOf(fault: DraftFault, path: string): readonly [what: string, hint: string] {
  switch (fault) {
    case "bad-name":
      return [
        `“${path}” cannot be committed: some systems would take a part of that name for something else than a file.`,
        "Give it another name, and commit again.",
      ];
    case "bad-link":
      return [`“${path}” is a link, and this is not a path it could lead to.`, discardIt];
    case "too-long":
      return [`The path “${path}” is too long.`, "Give it a shorter name, and commit again."];
    case "too-large":
      return [
        `“${path}” is too large: a file may have up to ${objectBytesMax / 1024 / 1024} MiB.`,
        discardIt,
      ];
    case "named-twice":
      return [`“${path}” is changed twice in one commit.`, discardIt];
    case "file-and-folder":
      return [`“${path}” would be a file and a folder at once.`, "Delete or rename one of them."];
    case "nothing-changed":
      return ["Nothing differs from the last commit.", "Change a file, and commit again."];
    case "no-author":
      return ["A commit needs an author's name.", "Give one under Devices, and commit again."];
    case "no-message":
      return ["A commit needs a message.", "Say in one line what changed."];
  }
}

const discardIt = "Discard that change, and commit again.";

function emptyPlan(): Plan {
  return { writes: new Map(), deletes: new Set(), folders: new Map() };
}

function firstWrite(plan: Plan): string | undefined {
  for (const { path } of plan.writes.values()) return path;
  for (const inner of plan.folders.values()) {
    const path = firstWrite(inner);
    if (path !== undefined) return path;
  }
  return undefined;
}

/** As git cleans a name: no angle brackets, no control bytes, no crumbs at the ends. */
function cleanPerson(text: string): string {
  return text.replace(unwantedInPeople, "").replace(crumbs, "");
}

/** As `git commit` cleans a message: no spaces at line ends, no empty lines around it, and a newline at its end. */
export function cleanMessage(message: string): string {
  const lines = message.replaceAll("\0", "").split(/\r?\n/u);
  const text = lines.map((line) => line.trimEnd()).join("\n");
  const cleaned = text.replace(/\n{3,}/gu, "\n\n").replace(/^\n+|\n+$/gu, "");
  if (cleaned === "") throw new DraftRefusedError("no-message");
  return `${cleaned}\n`;
}

// eslint-disable-next-line no-control-regex -- control bytes are exactly what is taken out.
const unwantedInPeople = /[\u0000-\u001f\u007f<>]/gu;
const crumbs = /^[\s.,:;"\\']+|[\s.,:;"\\']+$/gu;
