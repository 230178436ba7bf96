import { failAtCommit } from "@skein/testkit/failing-files";
import { formatUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, parseRefName } from "@skein/protocol/ids";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import type { Files } from "./files.ts";
import { StorageFullError } from "./files.ts";
import { openMemoryFiles } from "./memory-files.ts";
import { openRepository } from "./repository.ts";
import type { Repository } from "./repository.ts";

type Batch = Parameters<Files["commit"]>[0];
type Options = Parameters<Files["commit"]>[1];

test.each(["before", "after"] as const)(
  "wherever storage fails, %s the bytes were kept, refs and what is remembered of them agree, and no ref names what is not there",
  async (moment) => {
    const whole = new Map<string, Bytes>();
    const commits = await countCommits(whole);
    expect(commits).toBeGreaterThan(12);
    for (let failing = 1; failing <= commits; failing++) {
      const contents = new Map<string, Bytes>();
      const error = new StorageFullError("full");
      const files = failAtCommit<Batch, Options, Files>(openMemoryFiles(contents), {
        failing,
        moment,
        error,
      });
      await expect(live(files)).rejects.toBe(error);
      const again = await openRepository({ files: openMemoryFiles(contents) });
      expect(await again.head(), `commit ${failing}`).toBeDefined();
      await judge(again, `${moment} commit ${failing}`);
    }
  },
);

async function judge(repository: Repository, when: string): Promise<void> {
  const refs = await repository.refs();
  const last = new Map<RefName, ObjectId | undefined>();
  for (const { ref, to } of (await repository.refMoves()).toReversed()) last.set(ref, to);
  for (const [ref, to] of last) expect(refs.get(ref), `${when} ${ref}`).toBe(to);
  expect(
    [...refs.keys()].filter((ref) => !last.has(ref)),
    when,
  ).toEqual([]);
  const here = await Promise.all([...refs.values()].map(repository.objects.has));
  expect(here, when).not.toContain(false);
}

async function countCommits(contents: Map<string, Bytes>): Promise<number> {
  let commits = 0;
  const files = openMemoryFiles(contents);
  await live({
    ...files,
    commit: async (batch, options) => {
      commits += 1;
      await files.commit(batch, options);
    },
  });
  return commits;
}

/** A day with a repository: two branches in conflict, a merge by hand, a pick, a rename, a deletion and an undo. */
async function live(files: Files): Promise<void> {
  const repository = await openRepository({ files, now: () => instant(++seconds * 1_000) });
  const base = await commit(repository, undefined, "0\n");
  await move(repository, "main", undefined, base);
  const ours = await commit(repository, base, "1\n");
  await move(repository, "main", base, ours);
  const theirs = await commit(repository, base, "2\n");
  await repository.createBranch("side", theirs);
  const merged = await repository.mergeWithResolutions({
    ...signed(),
    ours,
    theirs,
    resolutions: [{ path: "a", take: "hunks", hunks: ["both"] }],
  });
  if (merged.kind !== "merged") throw new Error(merged.kind);
  await move(repository, "main", ours, merged.oid);
  const taken = await repository.revert({ ...signed(), commit: ours, onto: ours });
  if (taken.kind !== "picked") throw new Error(taken.kind);
  await repository.renameBranch("main", "trunk");
  await repository.createTag({
    name: "v1",
    target: merged.oid,
    annotation: { ...signed(), message: "First" },
  });
  await repository.deleteBranch("side");
  const [deleted] = await repository.refMoves({ limit: 1 });
  if (deleted === undefined) throw new Error("no move");
  await repository.undoMove(deleted);
}

let seconds = 1_700_000_000;

function signed() {
  const author = { name: "Alice", email: "alice@example.org" };
  return { author, at: instant(++seconds * 1_000), offsetMinutes: 0 };
}

async function commit(
  repository: Repository,
  parent: ObjectId | undefined,
  text: string,
): Promise<ObjectId> {
  const changes = [{ path: "a", kind: "write", bytes: formatUtf8(text) }] as const;
  return repository.commitDraft({ ...signed(), parent, changes, message: "Write" });
}

async function move(
  repository: Repository,
  branch: string,
  from: ObjectId | undefined,
  to: ObjectId,
): Promise<void> {
  const ref = parseRefName(`refs/heads/${branch}`) as RefName;
  expect(await repository.updateRefs([{ ref, from, to }], { why: "test" })).toBe("done");
}
