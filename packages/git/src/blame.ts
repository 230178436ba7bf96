/** Which commit each line of a file comes from, through renames and merges. */

import type { ObjectId } from "@skein/protocol/ids";
import type { Commits, StoredCommit } from "./history-commits.ts";
import { openCommitQueue } from "./history-queue.ts";
import { describeCommit, historyWalkMax } from "./history.ts";
import type { CommitInfo } from "./history.ts";
import { previousPath } from "./history-follow.ts";
import type { TreeEntry } from "./object.ts";
import { readObject } from "./overlay.ts";
import type { ObjectReader } from "./overlay.ts";
import type { Breathe, LongWork } from "./stop-signal.ts";
import { openLineNumbers } from "./text-lines.ts";
import type { LineNumbers } from "./text-lines.ts";
import { findEntry, isBinary } from "./tree.ts";

/** Lines that came into the file together. Lines are counted from 1. */
export interface BlamedLines {
  readonly line: number;
  readonly count: number;
  readonly commit: ObjectId;
  /** Where they stood in that commit. */
  readonly path: string;
  readonly lineThere: number;
}

export interface Blame {
  readonly lines: ReadonlyArray<BlamedLines>;
  readonly commits: ReadonlyMap<ObjectId, CommitInfo>;
  /** False where history went on longer than could be looked at: some lines may be older than is told. */
  readonly complete: boolean;
}

/** Texts larger than this have no blame. */
export const blamedBytesMax = 4 * 1024 * 1024;

interface Source {
  readonly objects: ObjectReader;
  readonly commits: Commits;
  readonly breathe?: Breathe | undefined;
}

/** `undefined`: there is no such file, or it is no text. */
export async function readBlame(
  from: Source,
  asked: { readonly commit: ObjectId; readonly path: string } & LongWork,
): Promise<Blame | undefined> {
  const start = await from.commits.read(asked.commit);
  const blob = await fileAt(from.objects, start, asked.path);
  const text = blob && (await readObject(from.objects, blob, "blob"));
  if (blob === undefined || text === undefined || !isBlamable(text)) return undefined;
  const numbers = openBlobLines(from.objects);
  const suspects = openSuspects();
  const count = (await numbers.of(blob)).length;
  if (count > 0)
    suspects.add(start, { path: asked.path, blob, pieces: [{ line: 0, there: 0, count }] });
  const passing = { ...from, numbers, suspects };
  const blamed: BlamedLines[] = [];
  let walked = 0;
  for (let next = suspects.next(); next !== undefined; next = suspects.next()) {
    asked.signal.throwIfAborted();
    const { commit, files } = next;
    const isTooFar = ++walked > historyWalkMax;
    for (const file of files) {
      // oxlint-disable-next-line no-await-in-loop -- a walk goes one step at a time.
      const left = isTooFar ? file.pieces : await passOn(passing, commit, file);
      blamed.push(...left.map((piece) => tell(commit, file, piece)));
    }
    if (walked % commitsPerTurn !== 0) continue;
    const done = blamed.reduce((lines, piece) => lines + piece.count, 0);
    asked.onProgress?.({ phase: "reading", done, total: count });
    // oxlint-disable-next-line no-await-in-loop -- to give way is what it is for.
    await from.breathe?.();
  }
  const lines = joinRuns(blamed);
  const commits = await describeAll(from.commits, lines);
  return { lines, commits, complete: walked <= historyWalkMax };
}

async function describeAll(
  commits: Commits,
  lines: ReadonlyArray<BlamedLines>,
): Promise<ReadonlyMap<ObjectId, CommitInfo>> {
  const described = new Map<ObjectId, CommitInfo>();
  for (const { commit } of lines) {
    // oxlint-disable-next-line no-await-in-loop -- they have been read before.
    if (!described.has(commit)) described.set(commit, describeCommit(await commits.read(commit)));
  }
  return described;
}

function tell(commit: StoredCommit, { path }: SuspectFile, piece: Piece): BlamedLines {
  const { line, there, count } = piece;
  return { line: line + 1, count, commit: commit.oid, path, lineThere: there + 1 };
}

/** Lines of the file that is asked about, and where they stand in the file of a suspect. */
interface Piece {
  readonly line: number;
  readonly there: number;
  readonly count: number;
}

interface SuspectFile {
  readonly path: string;
  readonly blob: ObjectId;
  readonly pieces: ReadonlyArray<Piece>;
}

interface Suspects {
  readonly add: (commit: StoredCommit, file: SuspectFile) => void;
  readonly next: () =>
    | { readonly commit: StoredCommit; readonly files: ReadonlyArray<SuspectFile> }
    | undefined;
}

/** The latest commit first, so that lines which reach a commit on two ways are looked at together. */
function openSuspects(): Suspects {
  const queue = openCommitQueue();
  const waiting = new Map<
    ObjectId,
    { readonly commit: StoredCommit; readonly files: Map<string, SuspectFile> }
  >();
  return {
    add: (commit, file) => {
      const there = waiting.get(commit.oid) ?? { commit, files: new Map() };
      if (!waiting.has(commit.oid)) queue.push(commit.oid, commit.committer.at);
      waiting.set(commit.oid, there);
      const pieces = [...(there.files.get(file.path)?.pieces ?? []), ...file.pieces];
      there.files.set(file.path, { ...file, pieces });
    },
    next: () => {
      const oid = queue.pop();
      const there = oid === undefined ? undefined : waiting.get(oid);
      if (oid === undefined || there === undefined) return undefined;
      waiting.delete(oid);
      return { commit: there.commit, files: [...there.files.values()] };
    },
  };
}

interface BlobLines extends Pick<LineNumbers, "match"> {
  readonly of: (blob: ObjectId) => Promise<ReadonlyArray<number>>;
}

function openBlobLines(objects: ObjectReader): BlobLines {
  const numbers: LineNumbers = openLineNumbers();
  const known = new Map<ObjectId, ReadonlyArray<number>>();
  return {
    match: numbers.match,
    of: async (blob) => {
      const cached = known.get(blob);
      if (cached !== undefined) return cached;
      const text = await readObject(objects, blob, "blob");
      const lines = isBlamable(text) ? numbers.of(text) : [];
      if (known.size >= blobsKeptMax) known.clear();
      known.set(blob, lines);
      return lines;
    },
  };
}

interface Passing extends Source {
  readonly numbers: BlobLines;
  readonly suspects: Suspects;
}

/** Passes to the parents what they had already. Answers what is left: the commit's own lines. */
async function passOn(
  from: Passing,
  commit: StoredCommit,
  file: SuspectFile,
): Promise<ReadonlyArray<Piece>> {
  const origins = await findOrigins(from, commit, file);
  const whole = origins.find(({ blob }) => blob === file.blob);
  if (whole !== undefined) {
    from.suspects.add(whole.parent, { ...whole, pieces: file.pieces });
    return [];
  }
  let left = file.pieces;
  for (const { parent, path, blob } of origins) {
    // oxlint-disable-next-line no-await-in-loop -- each parent takes of what the one before has left.
    const before = await from.numbers.of(blob);
    // oxlint-disable-next-line no-await-in-loop
    const after = await from.numbers.of(file.blob);
    const { taken, kept } = split(left, from.numbers.match(before, after));
    if (taken.length > 0) from.suspects.add(parent, { path, blob, pieces: taken });
    left = kept;
    if (left.length === 0) break;
  }
  return left;
}

interface Origin {
  readonly parent: StoredCommit;
  readonly path: string;
  readonly blob: ObjectId;
}

/** The file in each parent: by its path; where no parent has it unchanged, by the path it was moved from. */
async function findOrigins(
  { objects, commits }: Source,
  commit: StoredCommit,
  { path, blob }: SuspectFile,
): Promise<ReadonlyArray<Origin>> {
  const origins: Origin[] = [];
  const without: StoredCommit[] = [];
  for (const oid of commit.parents) {
    // oxlint-disable-next-line no-await-in-loop -- the first parent that is alike ends the search.
    const parent = await commits.read(oid);
    // oxlint-disable-next-line no-await-in-loop
    const there = await fileAt(objects, parent, path);
    if (there === undefined) without.push(parent);
    else origins.push({ parent, path, blob: there });
    if (there === blob) return origins.slice(-1);
  }
  for (const parent of without) {
    const trees = { before: parent.tree, after: commit.tree, from: "moved" } as const;
    // oxlint-disable-next-line no-await-in-loop
    const moved = await previousPath(objects, trees, path);
    if (moved !== undefined) origins.push({ parent, path: moved.path, blob: moved.oid });
  }
  const order = (origin: Origin): number => commit.parents.indexOf(origin.parent.oid);
  return origins.toSorted((one, other) => order(one) - order(other));
}

/** Cuts pieces where a match begins and ends. `before` is the parent's text, `after` the one the pieces are in. */
function split(
  pieces: ReadonlyArray<Piece>,
  matches: ReturnType<LineNumbers["match"]>,
): { readonly taken: ReadonlyArray<Piece>; readonly kept: ReadonlyArray<Piece> } {
  const taken: Piece[] = [];
  const kept: Piece[] = [];
  for (const { line, there, count } of pieces) {
    let at = there;
    const keepUntil = (end: number): void => {
      if (end > at) kept.push({ line: line + at - there, there: at, count: end - at });
      at = Math.max(at, end);
    };
    for (const match of matches) {
      const start = Math.max(there, match.after);
      const end = Math.min(there + count, match.after + match.count);
      if (end <= start) continue;
      keepUntil(start);
      const offset = match.before - match.after;
      taken.push({ line: line + start - there, there: start + offset, count: end - start });
      at = end;
    }
    keepUntil(there + count);
  }
  return { taken, kept };
}

async function fileAt(
  objects: ObjectReader,
  commit: StoredCommit,
  path: string,
): Promise<ObjectId | undefined> {
  const entry: Pick<TreeEntry, "kind" | "oid"> | undefined = await findEntry(
    objects,
    commit.tree,
    path,
  );
  const isFile = entry?.kind === "file" || entry?.kind === "executable";
  return isFile ? entry.oid : undefined;
}

function joinRuns(blamed: ReadonlyArray<BlamedLines>): ReadonlyArray<BlamedLines> {
  const runs: BlamedLines[] = [];
  for (const next of blamed.toSorted((one, other) => one.line - other.line)) {
    const last = runs.at(-1);
    const goesOn =
      last?.commit === next.commit &&
      last.path === next.path &&
      last.lineThere + last.count === next.lineThere;
    if (last !== undefined && goesOn)
      runs[runs.length - 1] = { ...last, count: last.count + next.count };
    else runs.push(next);
  }
  return runs;
}

function isBlamable(text: Uint8Array): boolean {
  return text.length <= blamedBytesMax && !isBinary(text);
}

const commitsPerTurn = 64;
const blobsKeptMax = 64;
