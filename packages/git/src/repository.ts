/** One bare repository in a `Files`: its objects, its refs, and what screens and replication ask of them. */

import type { Bytes } from "@skein/protocol/bytes";
import type { Instant, ObjectId } from "@skein/protocol/ids";
import { readBlame } from "./blame.ts";
import type { Blame } from "./blame.ts";
import type { ArrivingBundle } from "./bundle.ts";
import { openBranches } from "./branches.ts";
import type { Branches } from "./branches.ts";
import { readChanges } from "./changes.ts";
import type { ChangedFiles } from "./changes.ts";
import { commitDraft } from "./draft.ts";
import type { Draft } from "./draft.ts";
import { exportFile, exportZip } from "./exports.ts";
import type { ExportedFile, ZipAsked } from "./exports.ts";
import type { Files } from "./files.ts";
import { findMergeBases, isAncestor, relate } from "./history-ancestry.ts";
import type { Relation } from "./history-ancestry.ts";
import { openCommits } from "./history-commits.ts";
import { describeCommit, readHistory } from "./history.ts";
import type { CommitInfo, HistoryOptions, HistoryPage } from "./history.ts";
import { importFiles, importZip } from "./imports.ts";
import type { FileToImport, ImportAsked, ImportedFiles } from "./imports.ts";
import { mergeTips, mergeWithResolutions, readConflicts } from "./merge.ts";
import type { Conflicts, MergeAsked, MergeResult, ResolvedMerge } from "./merge.ts";
import { openObjectStore } from "./object-store.ts";
import type { ObjectStore } from "./object-store.ts";
import type { PackRoom } from "./pack-spool.ts";
import { cherryPick, revert } from "./pick.ts";
import type { PickAsked, PickResult } from "./pick.ts";
import { openRefs } from "./refs.ts";
import type { Refs } from "./refs.ts";
import { cloneFrom } from "./remote-clone.ts";
import type { CloneAsked } from "./remote-clone.ts";
import { exportBundle, importBundle } from "./repository-bundles.ts";
import type { ExportAsked, ImportedBundle, Parts } from "./repository-bundles.ts";
import type { Breathe, LongWork } from "./stop-signal.ts";
import { readSubmodule } from "./submodules.ts";
import type { Submodule } from "./submodules.ts";
import { readFileAt, readFolder } from "./tree.ts";
import type { FileContent, TreeEntry } from "./tree.ts";
import { openUnfinishedCopies, type UnfinishedCopies } from "./unfinished-copy.ts";

/** Where a commit is asked for, a tag that names one will do. A missing one throws `ObjectMissingError`. */
export interface Repository extends QuestionsOfCommits, Branches {
  readonly objects: ObjectStore;
  /** The branch that HEAD names, whether it exists or not. */
  readonly head: Refs["head"];
  readonly refs: Refs["all"];
  /** Compare-and-swap of all of them, in one strict transaction. Throws `RefRefusedError`. */
  readonly updateRefs: Refs["update"];
  /** Every move of a ref that can be undone, the latest first. */
  readonly refMoves: Refs["moves"];
  /** Puts a ref back to where it was before its last move. Throws `RefRefusedError`. */
  readonly undoMove: Refs["undo"];
  /** A copy that comes in slices. What it has brought is reached by no ref, and is to be kept as long as this is known. */
  readonly unfinished: UnfinishedCopies;
  /** Takes out moves that are too old to be undone. Answers whether there were any. */
  readonly ageMoves: Refs["age"];
  /** For garbage collection: what refs name, and all that a move leads to which can be undone. */
  readonly reachableRoots: () => Promise<ReadonlyArray<ObjectId>>;
  /** Stores the objects of a commit, strictly; moves no ref. Throws `DraftRefusedError` or `ObjectRejectedError`. */
  readonly commitDraft: (draft: Draft) => Promise<ObjectId>;
  /** Stores the merge commit, strictly; moves no ref. */
  readonly merge: (asked: MergeAsked) => Promise<MergeResult>;
  /** What stands between two tips, for an editor. Empty where they merge by themselves. */
  readonly conflicts: (asked: MergeAsked) => Promise<Conflicts>;
  /** The merge a person makes; moves no ref. Throws `ResolutionRefusedError` and `DraftRefusedError`. */
  readonly mergeWithResolutions: (asked: ResolvedMerge) => Promise<MergeResult>;
  /** The change of a commit once more, elsewhere; moves no ref. Throws as `mergeWithResolutions` does. */
  readonly cherryPick: (asked: PickAsked) => Promise<PickResult>;
  /** The change of a commit taken back; moves no ref. Throws as `mergeWithResolutions` does. */
  readonly revert: (asked: PickAsked) => Promise<PickResult>;
  /** Takes branches, tags and notes. Throws `BundleRejectedError` or `PackRejectedError`, and has changed nothing. */
  readonly importBundle: (
    from: Uint8Array | ArrivingBundle,
    work: LongWork,
  ) => Promise<ImportedBundle>;
  /** Takes branches and tags of an ordinary git host. Throws `RemoteRefusedError` or `PackRejectedError`. */
  readonly cloneFrom: (asked: CloneAsked) => Promise<ImportedBundle>;
  /** A commit of the files of a zip; moves no ref. Throws `ZipRejectedError` and `DraftRefusedError`. */
  readonly importZip: (zip: Uint8Array, asked: ImportAsked) => Promise<ImportedFiles>;
  /** A commit of the files of a folder; moves no ref. Throws `DraftRefusedError`. */
  readonly importFiles: (
    files: Iterable<FileToImport> | AsyncIterable<FileToImport>,
    asked: ImportAsked,
  ) => Promise<ImportedFiles>;
  /** All files of a commit, with names that any file system can hold. */
  readonly exportZip: (asked: ZipAsked) => Promise<Bytes>;
  /** `undefined`: there is no such file. */
  readonly exportFile: (commit: ObjectId, path: string) => Promise<ExportedFile | undefined>;
  /** All local branches and tags, with all they reach. Throws `BundleTooLargeError` where no import would take it. */
  readonly exportBundle: (asked: ExportAsked) => Promise<Bytes>;
}

interface QuestionsOfCommits {
  /** `undefined`: there is no such folder. */
  readonly readTree: (
    commit: ObjectId,
    path: string,
  ) => Promise<ReadonlyArray<TreeEntry> | undefined>;
  /** `undefined`: there is no such file. */
  readonly readFile: (
    commit: ObjectId,
    path: string,
    options?: { readonly bytesMax?: number | undefined },
  ) => Promise<FileContent | undefined>;
  /** `undefined`: no submodule stands there. */
  readonly submodule: (commit: ObjectId, path: string) => Promise<Submodule | undefined>;
  readonly readCommit: (commit: ObjectId) => Promise<CommitInfo>;
  readonly history: (commit: ObjectId, options: HistoryOptions) => Promise<HistoryPage>;
  readonly changedFiles: (
    commit: ObjectId,
    options?: { readonly renames?: boolean | undefined },
  ) => Promise<ChangedFiles>;
  /** Which commit each line comes from. `undefined`: there is no such file, or it is no text. */
  readonly blame: (commit: ObjectId, path: string, work: LongWork) => Promise<Blame | undefined>;
  readonly isAncestor: (ancestor: ObjectId, descendant: ObjectId) => Promise<boolean>;
  readonly mergeBases: (ours: ObjectId, theirs: ObjectId) => Promise<ReadonlyArray<ObjectId>>;
  readonly relation: (ours: ObjectId, theirs: ObjectId) => Promise<Relation>;
}

/** Lays an empty repository where there is none. */
export async function openRepository({
  files,
  breathe,
  now,
  room,
  mended,
}: {
  readonly files: Files;
  readonly breathe?: Breathe | undefined;
  /** Dates what refs leave behind when they move. */
  readonly now?: (() => Instant) | undefined;
  /** How much of packs is in memory at once. */
  readonly room?: PackRoom | undefined;
  /** The list of branches and tags was damaged, and was made anew. */
  readonly mended?: (() => void) | undefined;
}): Promise<Repository> {
  const objects = await openObjectStore(files, { breathe, room });
  const commits = openCommits(objects);
  const refs = await openRefs(files, objects, { now, mended });
  const parts = { objects, commits, refs };
  return {
    objects,
    head: refs.head,
    refs: refs.all,
    updateRefs: refs.update,
    refMoves: refs.moves,
    undoMove: refs.undo,
    unfinished: openUnfinishedCopies(files),
    ageMoves: refs.age,
    reachableRoots: async () => [...(await refs.roots())],
    commitDraft: (draft) => commitDraft(parts, draft),
    merge: (asked) => mergeTips({ ...parts, breathe }, asked),
    conflicts: (asked) => readConflicts({ ...parts, breathe }, asked),
    mergeWithResolutions: (asked) => mergeWithResolutions({ ...parts, breathe }, asked),
    cherryPick: (asked) => cherryPick({ ...parts, breathe }, asked),
    revert: (asked) => revert({ ...parts, breathe }, asked),
    importBundle: (from, work) => importBundle(parts, from, work),
    cloneFrom: (asked) => cloneFrom(parts, asked),
    importZip: (zip, asked) => importZip({ ...parts, breathe }, zip, asked),
    importFiles: (list, asked) => importFiles({ ...parts, breathe }, list, asked),
    exportZip: (asked) => exportZip({ ...parts, breathe }, asked),
    exportFile: (commit, path) => exportFile(parts, commit, path),
    exportBundle: (asked) => exportBundle(parts, asked),
    ...openBranches(parts),
    ...questionsOfCommits(parts, breathe),
  };
}

function questionsOfCommits(
  { objects, commits }: Parts,
  breathe: Breathe | undefined,
): QuestionsOfCommits {
  const idOf = async (oid: ObjectId): Promise<ObjectId> => (await commits.read(oid)).oid;
  const treeOf = async (oid: ObjectId): Promise<ObjectId> => (await commits.read(oid)).tree;
  return {
    readTree: async (commit, path) => readFolder(objects, await treeOf(commit), path),
    readFile: async (commit, path, options) =>
      readFileAt(objects, await treeOf(commit), { path, ...options }),
    submodule: async (commit, path) => readSubmodule(objects, await treeOf(commit), path),
    readCommit: async (commit) => describeCommit(await commits.read(commit)),
    history: async (commit, options) =>
      readHistory({ objects, commits }, await idOf(commit), options),
    blame: (commit, path, work) =>
      readBlame({ objects, commits, breathe }, { commit, path, ...work }),
    changedFiles: async (oid, options) => {
      const { tree, parents } = await commits.read(oid);
      const [first] = parents;
      const before = first === undefined ? undefined : await treeOf(first);
      return readChanges(objects, { before, after: tree }, options);
    },
    isAncestor: async (ancestor, descendant) =>
      isAncestor(commits, await idOf(ancestor), await idOf(descendant)),
    mergeBases: async (ours, theirs) =>
      findMergeBases(commits, [await idOf(ours)], await idOf(theirs)),
    relation: async (ours, theirs) => relate(commits, await idOf(ours), await idOf(theirs)),
  };
}
