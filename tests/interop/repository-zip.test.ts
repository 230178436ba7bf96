import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { instant, parseObjectId } from "@skein/protocol/ids";
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

const { signal } = new AbortController();

test("a zip of a commit unpacks to what git archive packs, links as texts", async () => {
  using git = openNativeGit();
  const { pairs, stream } = makeHistories(12, { moves: false });
  git.run(["init", "--quiet", "--bare", "--initial-branch=s1-ours"]);
  git.run(["fast-import", "--quiet", "--force"], stream);
  const repository = await copyOf(git);
  for (const { ours } of pairs) {
    const tip = parseObjectId(git.run(["rev-parse", ours])) as ObjectId;
    using disk = openNativeGit();
    writeFileSync(
      join(disk.folder, "ours.zip"),
      await repository.exportZip({ commit: tip, signal }),
    );
    writeFileSync(join(disk.folder, "git.tar"), git.bytes(["archive", "--format=tar", tip]));
    for (const folder of ["ours", "git"]) mkdirSync(join(disk.folder, folder));
    run(disk, "unzip", ["-q", "ours.zip", "-d", "ours"]);
    run(disk, "tar", ["-xf", "git.tar", "-C", "git"]);
    const native = listFiles(git, tip);
    expect(readdirSync(join(disk.folder, "ours"), { recursive: true }).length).toBeGreaterThan(0);
    for (const { path, mode, text } of native) {
      const there = join(disk.folder, "ours", path);
      expect(readFileSync(there, "utf8"), `in ${path}`).toBe(text);
      expect((statSync(there).mode & 0o100) !== 0, `in ${path}`).toBe(mode === "100755");
      const archived =
        mode === "120000" ? text : readFileSync(join(disk.folder, "git", path), "utf8");
      expect(archived, `in ${path}`).toBe(text);
    }
    expect(filesBelow(join(disk.folder, "ours"))).toBe(native.length);
  }
});

test("a zip that others made becomes the tree that git makes of its files", async () => {
  using disk = openNativeGit();
  disk.run(["init", "--quiet"]);
  mkdirSync(join(disk.folder, "src/deep"), { recursive: true });
  writeFileSync(join(disk.folder, "README.md"), "# Notes\n".repeat(50));
  writeFileSync(join(disk.folder, "src/deep/grün.ts"), "run();\n");
  writeFileSync(join(disk.folder, "run.sh"), "#!/bin/sh\n", { mode: 0o755 });
  run(disk, "zip", ["-q", "-r", "files.zip", "README.md", "src", "run.sh"]);
  const zip = new Uint8Array(readFileSync(join(disk.folder, "files.zip")));
  disk.run(["add", "README.md", "src", "run.sh"]);
  const tree = disk.run(["write-tree"]);
  const repository = await openRepository({ files: openMemoryFiles() });
  const made = await repository.importZip(zip, {
    author: { name: "Alice", email: "alice@example.org" },
    at: instant(1_700_000_000_000),
    offsetMinutes: 0,
    parent: undefined,
    message: "Import",
    others: "go",
    signal,
  });
  expect((await repository.readCommit(made.oid)).tree).toBe(tree);
});

test("a submodule is told with what .gitmodules says of it, and leaves as an empty folder", async () => {
  using git = openNativeGit();
  git.run(["init", "--quiet", "--initial-branch=main"]);
  const modules = '[submodule "lib"]\n\tpath = vendor/lib\n\turl = https://example.org/lib.git\n';
  writeFileSync(join(git.folder, ".gitmodules"), modules);
  git.run(["add", ".gitmodules"]);
  const commit = "4".repeat(40);
  git.run(["update-index", "--add", "--cacheinfo", `160000,${commit},vendor/lib`]);
  git.run(["commit", "--quiet", "-m", "Add a submodule"]);
  const repository = await copyOf(git);
  const tip = parseObjectId(git.run(["rev-parse", "HEAD"])) as ObjectId;
  expect(await repository.submodule(tip, "vendor/lib")).toEqual({
    commit,
    name: "lib",
    url: "https://example.org/lib.git",
  });
  writeFileSync(join(git.folder, "ours.zip"), await repository.exportZip({ commit: tip, signal }));
  expect(run(git, "unzip", ["-Z1", "ours.zip"])).toBe(".gitmodules\nvendor/lib/\n");
});

function run(disk: NativeGit, command: string, args: ReadonlyArray<string>): string {
  return execFileSync(command, args, { cwd: disk.folder, encoding: "utf8" });
}

function filesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  ).length;
}

function listFiles(
  git: NativeGit,
  tip: ObjectId,
): ReadonlyArray<{ readonly path: string; readonly mode: string; readonly text: string }> {
  return git
    .run(["ls-tree", "-r", tip])
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [head = "", path = ""] = line.split("\t");
      const [mode = "", , oid = ""] = head.split(" ");
      return { path, mode, text: new TextDecoder().decode(git.bytes(["cat-file", "blob", oid])) };
    });
}

async function copyOf(git: NativeGit): Promise<Repository> {
  const repository = await openRepository({ files: openMemoryFiles() });
  const bundle = git.bytes(["bundle", "create", "--quiet", "-", "--all"]);
  await repository.importBundle(bundle, { signal });
  return repository;
}
