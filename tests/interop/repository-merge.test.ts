import type { Bytes } from "@skein/protocol/bytes";
import { parseObjectId } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openRepository } from "@skein/git/repository";
import type { Repository } from "@skein/git/repository";
import { expect, test, vi } from "vitest";
import { makeHistories, makeLattices } from "./repository-histories.ts";
import type { RandomHistory } from "./repository-histories.ts";
import { layOnDisk, openNativeGit } from "./repository-native.ts";
import type { NativeGit } from "./repository-native.ts";

// Git is another process, and a busy machine starts it slowly.
vi.setConfig({ testTimeout: 120_000 + 200 * Number(process.env["SKEIN_HISTORIES"] ?? 0) });

/** By command: SKEIN_HISTORIES=4000, of which more than 500 are criss-cross. */
const seeds = Number(process.env["SKEIN_HISTORIES"] ?? 150);
const lattices = Math.ceil(seeds / 3);

test(`in ${seeds} histories by chance we merge as git does, and never where git sees a conflict`, async () => {
  using git = openNativeGit();
  const { pairs } = tell(git, makeHistories(seeds, { moves: false }));
  const { repository, contents } = await copyOf(git);
  const tally = { merged: 0, conflict: 0, careful: 0, crossed: 0 };
  const trees = new Map<ObjectId, string>();
  for (const { seed, ours, theirs } of pairs) {
    const bases = git.run(["merge-base", "--all", ours, theirs]).split("\n");
    expect((await repository.mergeBases(ours, theirs)).toSorted(), `seed ${seed}`).toEqual(
      bases.toSorted(),
    );
    const native = mergeNatively(git, [ours, theirs]);
    const result = await repository.merge({ ours, theirs });
    expect([native.tree === undefined, result.kind], `seed ${seed}`).not.toEqual(cleanOnlyHere);
    if (result.kind === "conflict") tally[native.tree === undefined ? "conflict" : "careful"]++;
    else {
      trees.set(result.oid, native.tree ?? "");
      tally.merged++;
    }
    if (bases.length > 1) tally.crossed++;
  }
  expect(tally.merged).toBeGreaterThan(seeds / 4);
  expect(tally.conflict).toBeGreaterThan(seeds / 5);
  expect(tally.crossed).toBeGreaterThan(seeds / 10);
  if (seeds >= 4_000) expect(tally.crossed).toBeGreaterThanOrEqual(500);
  expect(tally.careful).toBeLessThan(seeds / 20);
  using disk = openNativeGit();
  layOnDisk(contents, disk.folder);
  for (const [oid, tree] of trees) expect(disk.run(["rev-parse", `${oid}^{tree}`])).toBe(tree);
  disk.run(["fsck", "--full", "--strict"]);
  process.stdout.write(
    `${pairs.length} merges, ${tally.crossed} of them criss-cross: ${tally.merged} as git made them, ${tally.conflict} conflicts as git saw them, ${tally.careful} where only we ask\n`,
  );
});

test("where three lines crossed again and again, we never merge where git sees a conflict", async () => {
  using git = openNativeGit();
  const { pairs } = tell(git, makeLattices(lattices));
  const { repository } = await copyOf(git);
  const tally = { merged: 0, conflict: 0, careful: 0 };
  const bolder: number[] = [];
  for (const { seed, ours, theirs } of pairs) {
    expect(await repository.mergeBases(ours, theirs), `seed ${seed}`).toHaveLength(3);
    const native = mergeNatively(git, [ours, theirs]);
    const result = await repository.merge({ ours, theirs });
    if (result.kind === "merged") {
      tally.merged++;
      if (native.tree === undefined) bolder.push(seed);
      else expect((await repository.readCommit(result.oid)).tree, `seed ${seed}`).toBe(native.tree);
    } else tally[native.tree === undefined ? "conflict" : "careful"]++;
  }
  expect(bolder).toEqual([]);
  expect(tally.merged).toBeGreaterThan(lattices / 10);
  expect(tally.conflict).toBeGreaterThan(lattices / 5);
  expect(tally.careful).toBeLessThan(lattices / 4);
  process.stdout.write(
    `${pairs.length} merges of three lines: ${tally.merged} merged, ${tally.conflict} conflicts as git saw them, ${tally.careful} where only we ask\n`,
  );
});

test("where files were moved we ask a person more often than git, in fewer than one merge of ten, and less only where histories crossed, in fewer than one of a hundred", async () => {
  using git = openNativeGit();
  const { pairs } = tell(git, makeHistories(seeds, { moves: true }));
  const { repository } = await copyOf(git);
  const tally = { merged: 0, moved: 0, bolder: 0, careful: 0, alike: 0 };
  for (const { seed, ours, theirs } of pairs) {
    const native = mergeNatively(git, [ours, theirs]);
    const result = await repository.merge({ ours, theirs });
    if (native.tree === undefined && result.kind === "merged") {
      tally.bolder++;
      // docs/decisions/0012: git follows files that were moved into the merge of the bases as well.
      const bases = await repository.mergeBases(ours, theirs);
      expect(bases.length, `seed ${seed}`).toBeGreaterThan(1);
    } else if (native.tree !== undefined && result.kind === "conflict") tally.careful++;
    else tally.alike++;
    if (result.kind === "merged") tally.merged++;
    if (native.said.includes("CONFLICT (rename/")) tally.moved++;
  }
  process.stdout.write(
    `${pairs.length} merges with moved files: ${tally.alike} asked as git does, ${tally.careful} where only we ask, ${tally.bolder} where only git does\n`,
  );
  // docs/decisions/0012: a file moved on one side and changed on the other.
  expect(tally.careful).toBeLessThan(pairs.length / 10);
  expect(tally.merged).toBeGreaterThan(seeds / 5);
  expect(tally.moved).toBeGreaterThan(0);
  expect(tally.bolder).toBeLessThan(1 + pairs.length / 100);
});

test("Alice's node and Bob's node make the same merges of the same histories", async () => {
  using git = openNativeGit();
  const { pairs } = tell(git, makeHistories(40, { moves: false }));
  const [alice, bob] = await Promise.all([copyOf(git), copyOf(git)]);
  for (const { seed, ours, theirs } of pairs) {
    const [one, other] = await Promise.all([
      alice.repository.merge({ ours, theirs }),
      bob.repository.merge({ ours: theirs, theirs: ours }),
    ]);
    const seen = one.kind === "fast-forward" ? { ...other, kind: "fast-forward" } : other;
    const mine = one.kind === "up-to-date" ? { ...one, kind: "fast-forward" } : one;
    expect(mine, `seed ${seed}`).toEqual(seen);
  }
});

/** Git sees a conflict where we merge. */
const cleanOnlyHere = [true, "merged"];

interface Pair {
  readonly seed: number;
  readonly ours: ObjectId;
  readonly theirs: ObjectId;
}

function tell(
  git: NativeGit,
  { stream, pairs }: RandomHistory,
): { readonly pairs: ReadonlyArray<Pair> } {
  git.run(["init", "--quiet", "--bare", "--initial-branch=s1-ours"]);
  git.run(["fast-import", "--quiet", "--force"], stream);
  const listed = git.run(["for-each-ref", "--format=%(refname) %(objectname)"]).split("\n");
  const tips = new Map(listed.map((line) => [line.slice(0, -41), line.slice(-40)]));
  const tipOf = (ref: string): ObjectId => parseObjectId(tips.get(ref) ?? "") as ObjectId;
  return {
    pairs: pairs.map(({ seed, ours, theirs }) => ({
      seed,
      ours: tipOf(ours),
      theirs: tipOf(theirs),
    })),
  };
}

async function copyOf(
  git: NativeGit,
): Promise<{ readonly repository: Repository; readonly contents: Map<string, Bytes> }> {
  const contents = new Map<string, Bytes>();
  const repository = await openRepository({ files: openMemoryFiles(contents) });
  const bundle = git.bytes(["bundle", "create", "--quiet", "-", "--all"]);
  await repository.importBundle(bundle, { signal: new AbortController().signal });
  return { repository, contents };
}

/** Git's merge, or no tree where it sees a conflict. Sides must not matter, so git sees the smaller id first, as we do. */
function mergeNatively(
  git: NativeGit,
  tips: ReadonlyArray<ObjectId>,
): { readonly tree: string | undefined; readonly said: string } {
  const { status, out } = git.try(["merge-tree", "--write-tree", ...tips.toSorted()]);
  expect(status).toBeOneOf([0, 1]);
  return { tree: status === 0 ? out.slice(0, 40) : undefined, said: out };
}
