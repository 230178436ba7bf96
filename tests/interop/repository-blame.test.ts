import type { Bytes } from "@skein/protocol/bytes";
import { parseObjectId } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openRepository } from "@skein/git/repository";
import type { Repository } from "@skein/git/repository";
import { expect, test, vi } from "vitest";
import { makeHistories } from "./repository-histories.ts";
import { openNativeGit } from "./repository-native.ts";
import type { NativeGit } from "./repository-native.ts";

// Git is another process, and a busy machine starts it slowly.
vi.setConfig({ testTimeout: 120_000 });

const seeds = Number(process.env["SKEIN_HISTORIES"] ?? 24);
const signal = new AbortController().signal;

test("every line is blamed on the commit that git blames, through merges and moves", async () => {
  using git = openNativeGit();
  const { repository, tips } = await tell(git, { moves: true, repeats: false });
  let lines = 0;
  for (const tip of tips) {
    for (const path of filesAt(git, tip)) {
      const native = blameNatively(git, tip, path);
      const ours = await repository.blame(tip, path, { signal });
      expect(
        ours?.lines.flatMap(({ commit, path: there, lineThere, count }) =>
          Array.from({ length: count }, (_, index) => `${commit} ${lineThere + index} ${there}`),
        ),
        `${tip} ${path}`,
      ).toEqual(native);
      lines += native.length;
    }
  }
  expect(lines).toBeGreaterThan(seeds * 20);
});

test("a followed file has the history that git log --follow tells", async () => {
  using git = openNativeGit();
  const { repository, tips } = await tell(git, { moves: true, repeats: false, straight: true });
  let moved = 0;
  for (const tip of tips) {
    for (const path of filesAt(git, tip)) {
      const native = git.run(["log", "--format=%H", "--follow", tip, "--", path]).split("\n");
      const ours = await repository.history(tip, { path, follow: true, limit: 1_000 });
      expect(
        ours.commits.map(({ oid }) => oid),
        `${tip} ${path}`,
      ).toEqual(native);
      moved += new Set(ours.paths.values()).size - 1;
    }
  }
  expect(moved).toBeGreaterThan(seeds / 4);
});

test("renames are the ones that git diff -M finds, with its measure of likeness", async () => {
  using git = openNativeGit();
  const { repository, tips } = await tell(git, { moves: true, repeats: true });
  let found = 0;
  for (const id of git.run(["rev-list", "--no-merges", "--min-parents=1", ...tips]).split("\n")) {
    const native = git
      .run(["diff-tree", "-r", "-M50%", "--no-commit-id", "--diff-filter=R", id])
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split(" ").at(-1) ?? "");
    const oid = parseObjectId(id) as ObjectId;
    const { files } = await repository.changedFiles(oid, { renames: true });
    const ours = files.flatMap(({ path, moved }) =>
      moved === undefined
        ? []
        : [`R${String(moved.likeness).padStart(3, "0")}\t${moved.from}\t${path}`],
    );
    expect(ours, `commit ${id}`).toEqual(native);
    found += ours.length;
  }
  expect(found).toBeGreaterThan(seeds / 3);
});

function blameNatively(git: NativeGit, tip: ObjectId, path: string): ReadonlyArray<string> {
  const lines: string[] = [];
  let head = "";
  const pathOf = new Map<string, string>();
  for (const line of git.run(["blame", "--porcelain", tip, "--", path]).split("\n")) {
    if (/^[0-9a-f]{40} \d+ \d+/u.test(line)) head = line;
    else if (line.startsWith("filename ")) pathOf.set(head.slice(0, 40), line.slice(9));
    else if (line.startsWith("\t")) {
      const [commit = "", there = ""] = head.split(" ");
      lines.push(`${commit} ${there} ${pathOf.get(commit)}`);
    }
  }
  return lines;
}

function filesAt(git: NativeGit, tip: ObjectId): ReadonlyArray<string> {
  return git
    .run(["ls-tree", "-r", tip])
    .split("\n")
    .filter((line) => line.startsWith("100"))
    .map((line) => line.slice(line.indexOf("\t") + 1));
}

async function tell(
  git: NativeGit,
  options: Parameters<typeof makeHistories>[1],
): Promise<{ readonly repository: Repository; readonly tips: ReadonlyArray<ObjectId> }> {
  const { stream, pairs } = makeHistories(seeds, options);
  git.run(["init", "--quiet", "--bare", "--initial-branch=s1-ours"]);
  git.run(["fast-import", "--quiet", "--force"], stream);
  const tips = pairs.map(({ ours }) => parseObjectId(git.run(["rev-parse", ours])) as ObjectId);
  const contents = new Map<string, Bytes>();
  const repository = await openRepository({ files: openMemoryFiles(contents) });
  const bundle = git.bytes(["bundle", "create", "--quiet", "-", "--all"]);
  await repository.importBundle(bundle, { signal });
  return { repository, tips };
}
