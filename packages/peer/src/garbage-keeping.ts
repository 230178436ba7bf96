/** Lets go of what nobody can reach any more, when nothing else is going on: objects of what was given up, and of what was long undone. */

import type { Dropped } from "@skein/git/pack-keep";
import type { Repository } from "@skein/git/repository";
import { later, type Instant, type ObjectId } from "@skein/protocol/ids";

export interface GarbageKeeping {
  /** The same repository, whose changes wait until no collection is under way, and end one that is. */
  readonly git: Repository;
  /** For what stores objects by other ways than `git`. Nothing is collected meanwhile. */
  readonly guard: <T>(work: () => Promise<T>) => Promise<T>;
  /** `busy`: something is going on, or began meanwhile. Nothing was lost; it can be tried again. */
  readonly collect: (options: {
    readonly signal: AbortSignal;
    /** Where less would be won, all stays as it is. */
    readonly worthBytes: number;
    /** Of a copy that nobody is at: as long as it is new it may stay, and nothing is collected meanwhile. */
    readonly unfinished: "stays" | "goes";
  }) => Promise<Dropped | "busy">;
}

type Drop = (
  options: Parameters<GarbageKeeping["collect"]>[0],
) => ReturnType<GarbageKeeping["collect"]>;

interface Collecting {
  readonly controller: AbortController;
  readonly ended: Promise<unknown>;
}

/** `tips` names what is kept besides refs and where they were, as far as it is here. */
export function openGarbageKeeping({
  git,
  tips,
  now,
}: {
  readonly git: Repository;
  readonly tips: () => Promise<ReadonlyArray<ObjectId>>;
  readonly now: () => Instant;
}): GarbageKeeping {
  const made = openMade(now);
  let working = 0;
  let collecting: Collecting | undefined;

  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    working += 1;
    try {
      collecting?.controller.abort(new Error("something else is to be done first"));
      await collecting?.ended;
      return await work();
    } finally {
      working -= 1;
    }
  };

  const drop: Drop = async ({ signal, worthBytes, unfinished }) => {
    // A clock that was ahead once must not keep them for ever, nor one that comes little by little.
    const isNew = (await git.unfinished.list()).some(
      ({ begun, at }) =>
        Math.abs(now() - at) < unfinishedMillis && Math.abs(now() - begun) < comingMillis,
    );
    if (isNew && unfinished === "stays") return "busy";
    // First it is not known any more, then it goes: it would not be whole.
    await git.unfinished.forgetAll();
    await git.ageMoves();
    const keep = [...(await git.reachableRoots()), ...made.list()];
    const keepIfHere = await tips();
    signal.throwIfAborted();
    return await git.objects.dropUnreachable({ keep, keepIfHere, worthBytes, signal });
  };

  return {
    git: guarded(git, guard, made.add),
    guard,
    collect: async ({ signal: parent, worthBytes, unfinished }) => {
      if (working > 0 || collecting !== undefined) return "busy";
      const controller = new AbortController();
      const stop = (): void => controller.abort(parent.reason);
      parent.addEventListener("abort", stop, { once: true });
      const dropping = drop({ signal: controller.signal, worthBytes, unfinished });
      collecting = { controller, ended: dropping.catch(() => undefined) };
      try {
        return await dropping;
      } catch (error) {
        if (controller.signal.aborted && !parent.aborted) return "busy";
        throw error;
      } finally {
        parent.removeEventListener("abort", stop);
        collecting = undefined;
      }
    },
  };
}

type Guard = GarbageKeeping["guard"];

/** All that writes. What becomes a commit is named by no ref yet: it is kept until it surely is, or never will be. */
function guarded(git: Repository, guard: Guard, add: (oid: ObjectId) => void): Repository {
  const making =
    <Asked, Made>(
      make: (asked: Asked) => Promise<Made>,
      oidOf: (made: Made) => ObjectId | undefined,
    ) =>
    (asked: Asked): Promise<Made> =>
      guard(async () => {
        const result = await make(asked);
        const oid = oidOf(result);
        if (oid !== undefined) add(oid);
        return result;
      });
  const merged = (result: { readonly kind: string; readonly oid?: ObjectId }) => result.oid;
  return {
    ...git,
    commitDraft: making(git.commitDraft, (oid) => oid),
    merge: making(git.merge, merged),
    mergeWithResolutions: making(git.mergeWithResolutions, merged),
    cherryPick: making(git.cherryPick, merged),
    revert: making(git.revert, merged),
    importZip: (zip, asked) =>
      making(
        () => git.importZip(zip, asked),
        ({ oid }) => oid,
      )(asked),
    importFiles: (files, asked) =>
      making(
        () => git.importFiles(files, asked),
        ({ oid }) => oid,
      )(asked),
    importBundle: (from, work) => guard(() => git.importBundle(from, work)),
    cloneFrom: (asked) => guard(() => git.cloneFrom(asked)),
    updateRefs: (changes, options) => guard(() => git.updateRefs(changes, options)),
    undoMove: (move) => guard(() => git.undoMove(move)),
    createBranch: (name, commit) => guard(() => git.createBranch(name, commit)),
    renameBranch: (from, to) => guard(() => git.renameBranch(from, to)),
    createTag: (asked) => guard(() => git.createTag(asked)),
  };
}

/** Commits of the last hour. */
function openMade(now: () => Instant): {
  readonly add: (oid: ObjectId) => void;
  readonly list: () => ReadonlyArray<ObjectId>;
} {
  const made = new Map<ObjectId, Instant>();
  return {
    add: (oid) => void made.set(oid, now()),
    list: () => {
      for (const [oid, at] of made) if (now() >= later(at, madeMillis)) made.delete(oid);
      return [...made.keys()];
    },
  };
}

/** By then the devices it came from have been there, or are not used any more. */
const unfinishedMillis = 7 * 24 * 60 * 60 * 1_000;
/** By then it came slower than anybody waits for. */
const comingMillis = 30 * 24 * 60 * 60 * 1_000;
/** From storing a commit to moving a ref to it takes moments. */
const madeMillis = 60 * 60 * 1_000;
