/** A repository taken from a bundle, and a bundle made of a repository. */

import { concat, type Bytes } from "@skein/protocol/bytes";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import { packBytesMax } from "@skein/protocol/limits";
import { BundleRejectedError, BundleTooLargeError, readBundle, writeBundleHead } from "./bundle.ts";
import type { ArrivingBundle, Bundle } from "./bundle.ts";
import { relate } from "./history-ancestry.ts";
import type { Commits } from "./history-commits.ts";
import type { ObjectStore } from "./object-store.ts";
import { branchPrefix, foldersOf, tagPrefix } from "./refs.ts";
import type { RefChange, Refs } from "./refs.ts";
import type { LongWork } from "./stop-signal.ts";
import { StorageDamagedError } from "./stored-pack.ts";

export interface ImportedBundle {
  /** What was taken, and stands in the repository now. */
  readonly refs: ReadonlyMap<RefName, ObjectId>;
  readonly head: RefName | undefined;
  /** Refs of the bundle that were not taken: remotes, stashes, names Skein refuses, branches that name no commit or went another way here. */
  readonly skipped: ReadonlyArray<string>;
}

export interface Parts {
  readonly objects: ObjectStore;
  readonly commits: Commits;
  readonly refs: Refs;
}

export async function importBundle(
  parts: Parts,
  from: Uint8Array | ArrivingBundle,
  work: LongWork,
): Promise<ImportedBundle> {
  const bundle = from instanceof Uint8Array ? readBundle(from) : from;
  for (const oid of bundle.prerequisites) {
    // oxlint-disable-next-line no-await-in-loop -- the first one that is not here decides.
    if (!(await parts.objects.has(oid)))
      throw new BundleRejectedError(
        `The bundle holds only the newer part of a history: it builds on ${oid.slice(0, 12)}, which is not here`,
        {
          hint: "Make one of the whole history, in a full clone and without a range or `--since`: `git bundle create <file> --all`.",
        },
      );
  }
  const offered = new Map([...bundle.refs].filter(([ref]) => isWanted(ref)));
  const tips = [...offered.values()];
  if (bundle.pack instanceof Uint8Array)
    await parts.objects.storePack({ bytes: bundle.pack, tips, ...work });
  else {
    const receiver = parts.objects.openReceiver({ tips, ...work });
    try {
      for await (const part of bundle.pack) await receiver.write(part);
      await receiver.finish();
    } finally {
      await receiver.close();
    }
  }
  const unwanted = [...bundle.refs.keys()].filter((ref) => !isWanted(ref));
  const skipped = [...bundle.skipped, ...unwanted];
  return takeRefs(parts, { offered, head: bundle.head, skipped });
}

/** Moves refs to what has come, all of them at once: what is new here, and what goes ahead. */
export async function takeRefs(
  parts: Parts,
  brought: {
    readonly offered: ReadonlyMap<RefName, ObjectId>;
    readonly head: Bundle["head"];
    readonly skipped: ReadonlyArray<string>;
  },
): Promise<ImportedBundle> {
  const { offered, head, skipped } = brought;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- goes round again only when somebody moved a ref meanwhile.
    const taken = await moveRefs(parts, offered, head);
    if (taken === "moved") continue;
    const left = [...offered.keys()].filter((ref) => !taken.has(ref));
    // oxlint-disable-next-line no-await-in-loop
    return { refs: taken, head: await parts.refs.head(), skipped: [...skipped, ...left] };
  }
}

/**
 * A bundle that `importBundle` takes, at any node with our limits. Of a repository without a commit git refuses to make one
 * too: it throws `BundleRejectedError`; where the repository is too much for one, `BundleTooLargeError`;
 * and `StorageDamagedError` where any of it is missing.
 */
export async function exportBundle(parts: Parts, asked: ExportAsked): Promise<Bytes> {
  const { bytesMax = packBytesMax, ...work } = asked;
  const refs = new Map([...(await parts.refs.all())].filter(([ref]) => isOurs(ref)));
  if (refs.size === 0) throw new BundleRejectedError("The repository has no branch and no tag yet");
  await checkTips(parts, refs);
  const branch = await parts.refs.head();
  const oid = branch === undefined ? undefined : refs.get(branch);
  const head = writeBundleHead({
    refs,
    head: oid === undefined ? undefined : { oid, branch },
    prerequisites: [],
  });
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- goes round again only when packs were replaced meanwhile.
    const slice = await parts.objects.openSlice({
      wants: [...refs.values()],
      haves: [],
      bytesMax: bytesMax - head.length,
      ...work,
    });
    if (slice === undefined || slice.left > 0 || head.length + slice.bytes > bytesMax)
      throw new BundleTooLargeError(bytesMax);
    const all: Bytes[] = [head];
    let length = 0;
    // oxlint-disable-next-line no-await-in-loop
    for await (const part of slice.parts()) {
      all.push(part);
      length += part.length;
    }
    if (length === slice.bytes) return concat(...all);
  }
}

async function checkTips(parts: Parts, refs: ReadonlyMap<RefName, ObjectId>): Promise<void> {
  for (const [ref, tip] of refs)
    if (!(await parts.objects.has(tip))) throw new StorageDamagedError(`What ${ref} names is gone`);
}

export type ExportAsked = {
  /** More is not taken back. */
  readonly bytesMax?: number | undefined;
} & LongWork;

/** Moves what is new here or ahead of what is here; all of it at once. */
async function moveRefs(
  parts: Parts,
  offered: ReadonlyMap<RefName, ObjectId>,
  head: Bundle["head"],
): Promise<ReadonlyMap<RefName, ObjectId> | "moved"> {
  const before = await parts.refs.all();
  const taken = new Map<RefName, ObjectId>();
  const changes: RefChange[] = [];
  const hasRoom = openRoom(before.keys());
  for (const [ref, to] of offered) {
    const from = before.get(ref);
    // oxlint-disable-next-line no-await-in-loop -- the first of two names that exclude each other is taken.
    if (ref.startsWith(branchPrefix) && (await parts.objects.type(to)) !== "commit") continue;
    // oxlint-disable-next-line no-await-in-loop -- most refs of a bundle are new, and ask nothing.
    if (from !== undefined && from !== to && !(await mayMove(parts, ref, { from, to }))) continue;
    if (!hasRoom(ref)) continue;
    taken.set(ref, to);
    if (from !== to) changes.push({ ref, from, to });
  }
  const outcome = await parts.refs.update(changes, {
    head: before.size === 0 ? firstBranch(taken, head) : undefined,
    why: "import",
  });
  return outcome === "done" ? taken : "moved";
}

/** Answers whether a ref fits beside those before it, and counts it if it does: none is a folder of another. */
function openRoom(before: Iterable<RefName>): (ref: RefName) => boolean {
  const names = new Set<string>();
  const folders = new Set<string>();
  const take = (ref: RefName): boolean => {
    const above = foldersOf(ref);
    if (folders.has(ref) || above.some((folder) => names.has(folder))) return false;
    names.add(ref);
    for (const folder of above) folders.add(folder);
    return true;
  };
  for (const ref of before) take(ref);
  return take;
}

/** A branch moves ahead and never back; a tag never moves. */
async function mayMove(
  { commits }: Parts,
  ref: RefName,
  { from, to }: { readonly from: ObjectId; readonly to: ObjectId },
): Promise<boolean> {
  return ref.startsWith(branchPrefix) && (await relate(commits, to, from)) === "ahead";
}

function firstBranch(
  refs: ReadonlyMap<RefName, ObjectId>,
  head: Bundle["head"],
): RefName | undefined {
  const named = head?.branch;
  if (named?.startsWith(branchPrefix) === true && refs.has(named)) return named;
  const branches = [...refs.keys()].filter((ref) => ref.startsWith(branchPrefix)).toSorted();
  return branches.find((ref) => usualBranches.has(ref)) ?? branches[0];
}

function isOurs(ref: RefName): boolean {
  return ref.startsWith(branchPrefix) || ref.startsWith(tagPrefix);
}

function isWanted(ref: RefName): boolean {
  return isOurs(ref) || ref.startsWith("refs/notes/");
}

const usualBranches: ReadonlySet<string> = new Set(["refs/heads/main", "refs/heads/master"]);
