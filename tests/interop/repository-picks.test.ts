import type { Bytes } from "@skein/protocol/bytes";
import { instant, parseObjectId } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import { openMemoryFiles } from "@skein/git/memory-files";
import type { HunkChoice, Resolution } from "@skein/git/merge-resolutions";
import { openRepository } from "@skein/git/repository";
import type { Repository } from "@skein/git/repository";
import { diffText } from "@skein/git/text-diff";
import { expect, test, vi } from "vitest";
import { makeHistories } from "./repository-histories.ts";
import { layOnDisk, openNativeGit } from "./repository-native.ts";
import type { NativeGit } from "./repository-native.ts";

// Git is another process, and a busy machine starts it slowly.
vi.setConfig({ testTimeout: 600_000 });

/** By command: SKEIN_HISTORIES=500. */
const seeds = Number(process.env["SKEIN_HISTORIES"] ?? 24);
const { signal } = new AbortController();

test.each(["cherryPick", "revert"] as const)(
  "%s makes the tree that git makes, and is never clean where git sees a conflict",
  async (what) => {
    using git = openNativeGit();
    const { repository, contents, pairs } = await tell(git);
    const tally = { picked: 0, conflict: 0, careful: 0 };
    const trees = new Map<ObjectId, string>();
    for (const { seed, ours, theirs } of pairs) {
      // What is picked comes from elsewhere; what is reverted has something on top of it.
      const [parent = ours] = (await repository.readCommit(ours)).parents;
      const asked = { onto: ours, commit: what === "revert" ? parent : theirs };
      const native = pickNatively(git, what, asked);
      const result = await repository[what]({ ...signed, ...asked });
      const isClean = result.kind === "picked" || result.kind === "nothing-to-pick";
      expect([native === undefined, isClean], `seed ${seed}`).not.toEqual([true, true]);
      if (result.kind === "picked") {
        tally.picked++;
        trees.set(result.oid, native ?? "");
      } else if (result.kind === "conflict") tally[native === undefined ? "conflict" : "careful"]++;
    }
    expect(tally.picked).toBeGreaterThan(0);
    expect(tally.conflict).toBeGreaterThan(0);
    expect(tally.careful).toBeLessThan(Math.max(2, seeds / 10));
    using disk = openNativeGit();
    layOnDisk(contents, disk.folder);
    for (const [oid, tree] of trees) expect(disk.run(["rev-parse", `${oid}^{tree}`])).toBe(tree);
    disk.run(["fsck", "--full", "--strict"]);
  },
);

test("a merge that a person settles is git's own wherever git saw no conflict, and sound everywhere", async () => {
  using git = openNativeGit();
  const { repository, contents, pairs } = await tell(git);
  using disk = openNativeGit();
  const settled: Array<{ readonly oid: ObjectId; readonly tree: string; readonly said: string }> =
    [];
  let hunks = 0;
  for (const { ours, theirs } of pairs) {
    const { conflicts } = await repository.conflicts({ ours, theirs });
    if (conflicts.length === 0) continue;
    const resolutions = conflicts.map((conflict, index): Resolution => {
      const open = conflict.hunks?.filter(({ kind }) => kind === "conflict") ?? [];
      const choices: ReadonlyArray<HunkChoice> = ["ours", "theirs", "both", { text: "edited\n" }];
      hunks += open.length;
      return conflict.hunks === undefined
        ? { path: conflict.path, take: index % 2 === 0 ? "ours" : "theirs" }
        : {
            path: conflict.path,
            take: "hunks",
            hunks: open.map((_, at) => choices[(at + index) % 4] ?? "ours"),
          };
    });
    const result = await repository.mergeWithResolutions({ ...signed, ours, theirs, resolutions });
    if (result.kind !== "merged") throw new Error(result.kind);
    const { out } = git.try(["merge-tree", "--write-tree", ...[ours, theirs].toSorted()]);
    settled.push({
      oid: result.oid,
      tree: out.slice(0, 40),
      said: conflicts.map(({ path }) => path).join("\n"),
    });
  }
  expect(settled.length).toBeGreaterThan(seeds / 5);
  expect(hunks).toBeGreaterThan(seeds / 5);
  layOnDisk(contents, disk.folder);
  disk.run(["fsck", "--full", "--strict"]);
  let compared = 0;
  for (const { oid, tree, said } of settled) {
    const asked = new Set(said.split("\n"));
    const isOurs = (path: string): boolean =>
      [...asked].some(
        (other) =>
          path === other ||
          path.startsWith(`${other}/`) ||
          other.startsWith(path) ||
          path.startsWith(`${other}~`),
      );
    const ours = listOf(disk, oid).filter(([path]) => !isOurs(path));
    const native = listOf(git, tree).filter(([path]) => !isOurs(path));
    expect(ours, `merge ${oid}`).toEqual(native);
    compared += ours.length;
  }
  expect(compared).toBeGreaterThan(seeds / 5);
});

test("lines differ where git diff says they do", async () => {
  using git = openNativeGit();
  const { repository, pairs } = await tell(git);
  let compared = 0;
  for (const { ours } of pairs) {
    const { files } = await repository.changedFiles(ours);
    for (const { path, kind, before, after } of files) {
      if (kind !== "changed" || before === undefined || after === undefined) continue;
      const native = git
        .run(["diff", "-U0", "--diff-algorithm=myers", `${ours}^`, ours, "--", path])
        .split("\n")
        .filter((line) => /^[-+](?!--|\+\+)/u.test(line));
      const rows = diffText(before, after).flatMap((hunk) => hunk.rows);
      const told = rows.flatMap((row) =>
        row.kind === "same"
          ? []
          : [`${row.kind === "added" ? "+" : "-"}${row.parts.map(({ text }) => text).join("")}`],
      );
      expect(told, `${ours} ${path}`).toEqual(native);
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(seeds / 4);
});

const signed = {
  author: { name: "Bob", email: "bob@example.org" },
  at: instant(1_800_000_000_000),
  offsetMinutes: 0,
};

interface Pair {
  readonly seed: number;
  readonly ours: ObjectId;
  readonly theirs: ObjectId;
}

/** `undefined`: git sees a conflict. */
function pickNatively(
  git: NativeGit,
  what: "cherryPick" | "revert",
  { onto, commit }: { readonly onto: ObjectId; readonly commit: ObjectId },
): string | undefined {
  git.run(["read-tree", "--reset", "-u", onto]);
  git.run(["update-ref", "--no-deref", "HEAD", onto]);
  const command = what === "revert" ? "revert" : "cherry-pick";
  const { status } = git.try([command, "--no-commit", commit]);
  const tree = status === 0 ? git.run(["write-tree"]) : undefined;
  git.try([command, "--quit"]);
  git.run(["reset", "--hard", "--quiet"]);
  git.run(["clean", "-fdxq"]);
  return tree;
}

function listOf(
  git: NativeGit,
  tree: string,
): ReadonlyArray<readonly [path: string, entry: string]> {
  return git
    .run(["ls-tree", "-r", tree])
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => [line.slice(line.indexOf("\t") + 1), line.slice(0, line.indexOf("\t"))]);
}

async function tell(git: NativeGit): Promise<{
  readonly repository: Repository;
  readonly contents: Map<string, Bytes>;
  readonly pairs: ReadonlyArray<Pair>;
}> {
  const { stream, pairs } = makeHistories(seeds, { moves: false });
  git.run(["init", "--quiet", "--initial-branch=s1-ours"]);
  git.run(["fast-import", "--quiet", "--force"], stream);
  const contents = new Map<string, Bytes>();
  const repository = await openRepository({ files: openMemoryFiles(contents) });
  const bundle = git.bytes(["bundle", "create", "--quiet", "-", "--all"]);
  await repository.importBundle(bundle, { signal });
  const tipOf = (name: string): ObjectId => parseObjectId(git.run(["rev-parse", name])) as ObjectId;
  return {
    repository,
    contents,
    pairs: pairs.map(({ seed, ours, theirs }) => ({
      seed,
      ours: tipOf(ours),
      theirs: tipOf(theirs),
    })),
  };
}
