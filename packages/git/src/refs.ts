/** The refs of a bare repository: `HEAD` and one `packed-refs` file, changed by compare-and-swap in one strict commit. */

import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import { SkeinError } from "@skein/protocol/errors";
import { instant, parseRefName } from "@skein/protocol/ids";
import type { Instant, ObjectId, RefName } from "@skein/protocol/ids";
import type { FileBatch, Files } from "./files.ts";
import type { ObjectStore } from "./object-store.ts";
import { formatPackedRefs, mendRefs, parsePackedRefs } from "./packed-refs.ts";
import { openReflog } from "./reflog.ts";
import type { Reflog, RefMove } from "./reflog.ts";
import { StorageDamagedError } from "./stored-pack.ts";

/** Moves one ref from what the caller believes it to be; `undefined` is absence. */
export interface RefChange {
  readonly ref: RefName;
  readonly from: ObjectId | undefined;
  readonly to: ObjectId | undefined;
}

export interface Refs {
  /** The branch that HEAD names, whether it exists or not. */
  readonly head: () => Promise<RefName | undefined>;
  readonly all: () => Promise<ReadonlyMap<RefName, ObjectId>>;
  /** `moved` when a ref is no longer at `from`: then nothing was changed. Throws `RefRefusedError`. */
  readonly update: (
    changes: ReadonlyArray<RefChange>,
    options?: RefUpdateOptions,
  ) => Promise<"done" | "moved">;
  /** Every move that can be undone, the latest first. */
  readonly moves: (asked?: MovesAsked) => Promise<ReadonlyArray<RefMove>>;
  /**
   * Puts the ref back to where it was before the move, by a move of its own. `moved` when it is no longer where the
   * move took it: what came after would be undone as well. Throws `RefRefusedError`.
   */
  readonly undo: (move: Pick<RefMove, "ref" | "from" | "to">) => Promise<"done" | "moved">;
  /** Takes out moves that are too old to be undone. Answers whether there were any. */
  readonly age: () => Promise<boolean>;
  /**
   * All that refs name, and every side of every move that is listed: whatever these reach must never be collected. Throws
   * `StorageDamagedError` where a move cannot be read.
   */
  readonly roots: () => Promise<ReadonlySet<ObjectId>>;
}

export interface RefUpdateOptions {
  readonly head?: RefName | undefined;
  /** One line for the reflog. */
  readonly why?: string | undefined;
  /** They only go where another device took them: such moves leave lines that take no room from those made here. */
  readonly followed?: true | undefined;
}

export interface MovesAsked {
  readonly ref?: RefName | undefined;
  readonly limit?: number | undefined;
}

export type RefFault =
  /** One ref would be a folder of the other, such as `a` and `a/b`. */
  | "folder-and-ref"
  | "named-twice"
  | "no-such-object"
  /** A branch points to a commit and to nothing else. */
  | "not-a-commit"
  | "head-is-no-branch";

/** A change of refs that no repository may hold. Nothing was changed. */
export class RefRefusedError extends SkeinError {
  override readonly name = "RefRefusedError";
  readonly code = "ref_refused";
  readonly blame = "caller";
  readonly hint = "Choose another name for the branch or tag.";
  readonly ref: RefName;
  readonly fault: RefFault;

  constructor(ref: RefName, fault: RefFault) {
    super(`The ref ${ref} is refused: ${fault}`);
    this.ref = ref;
    this.fault = fault;
  }
}

export const branchPrefix = "refs/heads/";
export const tagPrefix = "refs/tags/";

export interface RefsOptions {
  /** Dates the reflog. */
  readonly now?: (() => Instant) | undefined;
  /** The list of refs was damaged, and was made anew. */
  readonly mended?: (() => void) | undefined;
}

/** Lays an empty bare repository where there is none. Everything throws `StorageDamagedError` where refs are lost. */
export async function openRefs(
  files: Files,
  objects: Pick<ObjectStore, "type">,
  { now = withoutClock, mended }: RefsOptions = {},
): Promise<Refs> {
  if ((await files.read("HEAD")) === undefined)
    await files.commit(
      { put: [["config", formatUtf8(config)], headFile(firstBranch)], delete: [] },
      { durability: "strict" },
    );
  const reflog = openReflog(files);
  const all = (): Promise<Map<RefName, ObjectId>> => readAll({ files, objects, reflog });
  const inTurn = openTurns();
  await mendOnce({ files, all, mended });
  const update: Refs["update"] = (changes, options = {}) =>
    // One change at a time: between reading and writing nobody else may write.
    inTurn(async () => {
      const refs = await all();
      if (changes.some(({ ref, from }) => refs.get(ref) !== from)) return "moved";
      await judge(refs, { changes, head: options.head, objects });
      const { why = "", followed } = options;
      const at = now();
      const moves = changes
        .filter(({ from, to }) => from !== to)
        .map(({ ref, from, to }) => ({ ref, from, to, at, why, followed }));
      await files.commit(await batchOf({ refs, changes, moves, reflog }, options.head), {
        durability: "strict",
      });
      return "done";
    });
  return {
    head: async () => parseHead(await files.read("HEAD")),
    all,
    update,
    moves: async ({ ref, limit = Infinity } = {}) =>
      (await reflog.read())
        .filter((move) => ref === undefined || move.ref === ref)
        .toReversed()
        .slice(0, limit),
    undo: ({ ref, from, to }) => update([{ ref, from: to, to: from }], { why: "undo" }),
    age: () =>
      inTurn(async () => {
        const { gone, ...batch } = await reflog.age(now());
        if (batch.put.length > 0 || batch.delete.length > 0)
          await files.commit(batch, { durability: "strict" });
        return gone > 0;
      }),
    roots: () =>
      inTurn(async () => {
        const roots = new Set((await all()).values());
        for (const { from, to } of await reflog.readWhole())
          for (const oid of [from, to]) if (oid !== undefined) roots.add(oid);
        return roots;
      }),
  };
}

async function readAll({
  files,
  objects,
  reflog,
}: {
  readonly files: Files;
  readonly objects: Pick<ObjectStore, "type">;
  readonly reflog: Reflog;
}): Promise<Map<RefName, ObjectId>> {
  const bytes = await files.read("packed-refs");
  if (bytes === undefined) return new Map();
  const packed = parsePackedRefs(bytes);
  if (packed.isSound) return packed.refs;
  const isHere = async (oid: ObjectId): Promise<boolean> => (await objects.type(oid)) !== undefined;
  return await mendRefs(packed, await reflog.readWhole(), isHere);
}

/** What cannot be mended now is left as it is, for whoever reads it to be told. */
async function mendOnce({
  files,
  all,
  mended,
}: Pick<RefsOptions, "mended"> & {
  readonly files: Files;
  readonly all: () => Promise<Map<RefName, ObjectId>>;
}): Promise<void> {
  const bytes = await files.read("packed-refs");
  if (bytes === undefined || parsePackedRefs(bytes).isSound) return;
  try {
    const batch = { put: [packedRefsFile(await all())], delete: [] };
    await files.commit(batch, { durability: "strict" });
  } catch (error) {
    if (error instanceof StorageDamagedError) return;
    throw error;
  }
  mended?.();
}

/** The refs, what is remembered of them, and HEAD: all of it, or nothing. */
async function batchOf(
  asked: {
    readonly refs: Map<RefName, ObjectId>;
    readonly changes: ReadonlyArray<RefChange>;
    readonly moves: ReadonlyArray<RefMove>;
    readonly reflog: Reflog;
  },
  head: RefName | undefined,
): Promise<FileBatch> {
  for (const { ref, to } of asked.changes) {
    if (to === undefined) asked.refs.delete(ref);
    else asked.refs.set(ref, to);
  }
  const remembered = await asked.reflog.record(asked.moves);
  return {
    put: [
      ...(asked.changes.length === 0 ? [] : [packedRefsFile(asked.refs)]),
      ...(head === undefined ? [] : [headFile(head)]),
      ...remembered.put,
    ],
    delete: remembered.delete,
  };
}

/** Runs one thing after the other, in the order they were asked for. */
function openTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(ignoreForTheNextInTurn);
    return turn;
  };
}

async function judge(
  refs: ReadonlyMap<RefName, ObjectId>,
  asked: {
    readonly changes: ReadonlyArray<RefChange>;
    readonly head: RefName | undefined;
    readonly objects: Pick<ObjectStore, "type">;
  },
): Promise<void> {
  if (asked.head !== undefined && !asked.head.startsWith(branchPrefix))
    throw new RefRefusedError(asked.head, "head-is-no-branch");
  const after = new Set<string>(refs.keys());
  const named = new Set<RefName>();
  for (const { ref, to } of asked.changes) {
    if (named.has(ref)) throw new RefRefusedError(ref, "named-twice");
    named.add(ref);
    if (to === undefined) after.delete(ref);
    else after.add(ref);
  }
  judgeFolders(after, asked.changes);
  for (const { ref, to } of asked.changes) {
    if (to === undefined) continue;
    // oxlint-disable-next-line no-await-in-loop -- the first fault is the one that is told.
    const type = await asked.objects.type(to);
    if (type === undefined) throw new RefRefusedError(ref, "no-such-object");
    if (ref.startsWith(branchPrefix) && type !== "commit")
      throw new RefRefusedError(ref, "not-a-commit");
  }
}

function judgeFolders(after: ReadonlySet<string>, changes: ReadonlyArray<RefChange>): void {
  const folders = new Set<string>();
  for (const ref of after) for (const folder of foldersOf(ref)) folders.add(folder);
  for (const { ref, to } of changes) {
    if (to === undefined) continue;
    if (folders.has(ref) || foldersOf(ref).some((folder) => after.has(folder)))
      throw new RefRefusedError(ref, "folder-and-ref");
  }
}

/** The names that `ref` stands under: `refs/heads/a` and what is above it, for `refs/heads/a/b`. */
export function foldersOf(ref: string): ReadonlyArray<string> {
  const folders: string[] = [];
  for (let end = ref.lastIndexOf("/"); end > 0; end = ref.lastIndexOf("/", end - 1))
    folders.push(ref.slice(0, end));
  return folders;
}

function parseHead(bytes: Uint8Array | undefined): RefName | undefined {
  const text = bytes === undefined ? undefined : parseUtf8(bytes);
  if (text?.startsWith(symbolic) !== true) return undefined;
  const ref = parseRefName(text.slice(symbolic.length).trimEnd());
  return ref?.startsWith(branchPrefix) === true ? ref : undefined;
}

function headFile(head: RefName | typeof firstBranch): readonly [string, Uint8Array] {
  return ["HEAD", formatUtf8(`${symbolic}${head}\n`)];
}

function packedRefsFile(refs: ReadonlyMap<RefName, ObjectId>): readonly [string, Uint8Array] {
  return ["packed-refs", formatPackedRefs(refs)];
}

function ignoreForTheNextInTurn(): void {
  // Whoever asked for the change was told; the next change starts from what is stored.
}

function withoutClock(): Instant {
  return instant(0);
}

const symbolic = "ref: ";
const firstBranch = "refs/heads/main";
const config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";
