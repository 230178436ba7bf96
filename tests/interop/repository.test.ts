import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, parseObjectId, parseRefName } from "@skein/protocol/ids";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import { readBundle, writeBundle } from "@skein/git/bundle";
import type { DraftChange } from "@skein/git/draft";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openRepository } from "@skein/git/repository";
import type { Repository } from "@skein/git/repository";
import { expect, test, vi } from "vitest";
import { layOnDisk, openNativeGit } from "./repository-native.ts";
import type { NativeGit } from "./repository-native.ts";

// Git is another process, and a busy machine starts it slowly.
vi.setConfig({ testTimeout: 120_000 });

test("the drafts of a repository have the very ids that git commit gives", async () => {
  using git = openNativeGit();
  git.run(["init", "--quiet", "--initial-branch=main"]);
  const { repository } = await open();
  let tip: ObjectId | undefined;
  for (const [step, files] of story.entries()) {
    for (const [path, text] of Object.entries(files)) {
      if (text === undefined) git.run(["rm", "--quiet", "-r", path]);
      else {
        mkdirSync(join(git.folder, path, ".."), { recursive: true });
        writeFileSync(join(git.folder, path), text);
      }
    }
    git.run(["add", "--all"]);
    git.run(["commit", "--quiet", "--message", `Step ${step}\n\nWith a body.\n`]);
    tip = await commit(repository, tip, { files, message: `Step ${step}\n\nWith a body.` });
    expect(tip).toBe(git.run(["rev-parse", "HEAD"]));
  }
});

test("a draft keeps the executable bit of a file and a link a link, as git would", async () => {
  using git = openNativeGit();
  git.run(["init", "--quiet", "--initial-branch=main"]);
  for (const path of ["run.sh", "deep/tool", "plain"]) {
    mkdirSync(join(git.folder, path, ".."), { recursive: true });
    writeFileSync(join(git.folder, path), "before\n", { mode: path === "plain" ? 0o644 : 0o755 });
  }
  symlinkSync("plain", join(git.folder, "link"));
  git.run(["add", "--all"]);
  git.run(["commit", "--quiet", "--message", "Before"]);
  const { repository } = await open();
  await repository.importBundle(git.bytes(["bundle", "create", "--quiet", "-", "--all"]), {
    signal,
  });
  const parent = (await repository.refs()).get(ref("heads/main"));
  const files = { "run.sh": "after\n", "deep/tool": undefined, link: "run.sh" };
  rmSync(join(git.folder, "link"));
  symlinkSync(files.link, join(git.folder, "link"));
  writeFileSync(join(git.folder, "run.sh"), files["run.sh"]);
  git.run(["rm", "--quiet", "deep/tool"]);
  git.run(["add", "--all"]);
  git.run(["commit", "--quiet", "--message", "After"]);
  expect(await commit(repository, parent, { files, message: "After" })).toBe(
    git.run(["rev-parse", "HEAD"]),
  );
});

test("git finds no fault in a repository of ours, and can clone it", async () => {
  const { repository, contents } = await tell();
  using disk = openNativeGit();
  layOnDisk(contents, disk.folder);
  expect(disk.run(["fsck", "--full", "--strict"])).toBe("");
  expect(disk.run(["symbolic-ref", "HEAD"])).toBe("refs/heads/main");
  const refs = disk.run(["for-each-ref", "--format=%(refname) %(objectname)"]).split("\n");
  expect(refs).toEqual([...(await repository.refs())].map((ref) => ref.join(" ")).toSorted());
  disk.run(["clone", "--quiet", disk.folder, "clone"]);
  expect(disk.run(["-C", "clone", "status", "--porcelain"])).toBe("");
});

test("git takes an exported bundle with all branches and tags, and we take it back", async () => {
  const { repository } = await tell();
  const bundle = await repository.exportBundle({ signal });
  using git = openNativeGit();
  writeFileSync(join(git.folder, "skein.bundle"), bundle);
  git.run(["clone", "--quiet", "--mirror", "skein.bundle", "mirror"]);
  git.run(["-C", "mirror", "fsck", "--full", "--strict"]);
  git.run(["clone", "--quiet", "skein.bundle", "clone"]);
  expect(git.run(["-C", "clone", "symbolic-ref", "--short", "HEAD"])).toBe("main");
  const listed = git.run(["-C", "mirror", "for-each-ref", "--format=%(refname) %(objectname)"]);
  const local = [...(await repository.refs())].filter(([ref]) => !ref.startsWith("refs/remotes/"));
  expect(listed.split("\n")).toEqual(local.map((ref) => ref.join(" ")).toSorted());
  const copy = await open();
  await copy.repository.importBundle(bundle, { signal });
  expect(new Map(await copy.repository.refs())).toEqual(new Map(local));
  expect(await copy.repository.head()).toBe("refs/heads/main");
});

test("a ref that no repository may hold does not keep the others from coming", async () => {
  using git = openNativeGit();
  const { tip } = makeNative(git);
  const bundle = readBundle(git.bytes(["bundle", "create", "--quiet", "-", "--all"]));
  const tag = git.run(["rev-parse", "refs/tags/annotated"]) as ObjectId;
  const refs = new Map(bundle.refs).set(ref("heads/odd"), tag).set(ref("heads/trunk/inside"), tip);
  const { repository } = await open();
  const imported = await repository.importBundle(writeBundle({ ...bundle, refs }), { signal });
  expect(imported.skipped).toEqual(
    expect.arrayContaining(["refs/heads/odd", "refs/heads/trunk/inside"]),
  );
  expect([...(await repository.refs()).keys()].toSorted()).toEqual([
    "refs/heads/side",
    "refs/heads/trunk",
    "refs/tags/annotated",
    "refs/tags/light",
  ]);
});

test("a bundle of git brings branches, tags and HEAD, and leaves remotes and stashes behind", async () => {
  using git = openNativeGit();
  const { tip } = makeNative(git);
  const seen: string[] = [];
  const { repository } = await open();
  const imported = await repository.importBundle(
    git.bytes(["bundle", "create", "--quiet", "-", "--all"]),
    { signal, onProgress: ({ phase }) => seen.push(phase) },
  );
  expect(imported.skipped.toSorted()).toEqual(["refs/remotes/origin/main", "refs/stash"]);
  expect(imported.head).toBe("refs/heads/trunk");
  expect([...(await repository.refs()).keys()].toSorted()).toEqual([
    "refs/heads/side",
    "refs/heads/trunk",
    "refs/tags/annotated",
    "refs/tags/light",
  ]);
  expect(new Set(seen)).toContain("storing");
  const tag = (await repository.refs()).get(ref("tags/annotated"));
  expect((await repository.readCommit(tag as ObjectId)).oid).toBe(tip);
});

test("a bundle imported twice changes nothing, and one that goes on moves the branch ahead", async () => {
  using git = openNativeGit();
  makeNative(git);
  const { repository } = await open();
  const bundle = git.bytes(["bundle", "create", "--quiet", "-", "--all"]);
  await repository.importBundle(bundle, { signal });
  const before = await repository.refs();
  await repository.importBundle(bundle, { signal });
  expect(await repository.refs()).toEqual(before);
  git.run(["commit", "--quiet", "--allow-empty", "--message", "Go on"]);
  const rest = git.bytes(["bundle", "create", "--quiet", "-", "trunk", "^trunk~1"]);
  await repository.importBundle(rest, { signal });
  const tip = git.run(["rev-parse", "trunk"]);
  expect((await repository.refs()).get(ref("heads/trunk"))).toBe(tip);
  // The old bundle would move the branch back: it does not.
  const again = await repository.importBundle(bundle, { signal });
  expect(again.skipped).toContain("refs/heads/trunk");
  expect((await repository.refs()).get(ref("heads/trunk"))).toBe(tip);
});

test("a bundle that builds on commits that are not here is refused, and nothing is changed", async () => {
  using git = openNativeGit();
  makeNative(git);
  const { repository, contents } = await open();
  const before = new Map(contents);
  const rest = git.bytes(["bundle", "create", "--quiet", "-", "trunk", "^trunk~1"]);
  await expect(repository.importBundle(rest, { signal })).rejects.toThrow("not here");
  expect(contents).toEqual(before);
});

test("a person who stops an import finds nothing changed", async () => {
  using git = openNativeGit();
  makeNative(git);
  const { repository, contents } = await open();
  const before = new Map(contents);
  const stopped = AbortSignal.abort();
  const bundle = git.bytes(["bundle", "create", "--quiet", "-", "--all"]);
  await expect(repository.importBundle(bundle, { signal: stopped })).rejects.toThrow("abort");
  expect(contents).toEqual(before);
});

test("history is told in the order of git log, whole and of one path", async () => {
  using git = openNativeGit();
  const { tip } = makeNative(git);
  const { repository } = await open();
  await repository.importBundle(git.bytes(["bundle", "create", "--quiet", "-", "--all"]), {
    signal,
  });
  const ours = async (options: { path?: string; firstParent?: boolean }): Promise<string> =>
    (await repository.history(tip, { limit: 100, ...options })).commits
      .map(({ oid }) => oid)
      .join("\n");
  expect(await ours({})).toBe(git.run(["log", "--format=%H"]));
  expect(await ours({ firstParent: true })).toBe(git.run(["log", "--format=%H", "--first-parent"]));
  expect(await ours({ path: "d" })).toBe(git.run(["log", "--format=%H", "--", "d"]));
  expect(await ours({ path: "d/b" })).toBe(git.run(["log", "--format=%H", "--", "d/b"]));
});

test("the files a commit changed are those of git diff", async () => {
  using git = openNativeGit();
  makeNative(git);
  const { repository } = await open();
  await repository.importBundle(git.bytes(["bundle", "create", "--quiet", "-", "--all"]), {
    signal,
  });
  for (const line of git.run(["log", "--format=%H", "--all", "--exclude=refs/stash"]).split("\n")) {
    const oid = parseObjectId(line) as ObjectId;
    if (!(await repository.objects.has(oid))) continue;
    const { files } = await repository.changedFiles(oid);
    const letters = { added: "A", changed: "M", deleted: "D" };
    const isRoot = git.run(["rev-list", "--parents", "-1", oid]).length === 40;
    const listed = isRoot
      ? git.run(["diff-tree", "-r", "--root", "--no-commit-id", "--name-status", oid])
      : git.run(["diff", "--no-renames", "--name-status", `${oid}^1`, oid]);
    expect(files.map(({ path, kind }) => `${letters[kind]}\t${path}`).join("\n")).toBe(listed);
  }
});

interface Opened {
  readonly repository: Repository;
  readonly contents: Map<string, Bytes>;
}

async function open(): Promise<Opened> {
  const contents = new Map<string, Bytes>();
  return { repository: await openRepository({ files: openMemoryFiles(contents) }), contents };
}

/** Branches, a merge, a tag and another node's branch, all made by us. */
async function tell(): Promise<Opened & { readonly tip: ObjectId }> {
  const { repository, contents } = await open();
  let base: ObjectId | undefined;
  for (const [step, files] of story.entries())
    base = await commit(repository, base, { files, message: `Step ${step}` });
  const ours = await commit(repository, base, { files: { ours: "o\n" }, message: "Ours" });
  const theirs = await commit(repository, base, { files: { theirs: "t\n" }, message: "Theirs" });
  const merged = await repository.merge({ ours, theirs });
  if (merged.kind !== "merged") throw new Error(merged.kind);
  const outcome = await repository.updateRefs(
    [
      { ref: ref("heads/main"), from: undefined, to: merged.oid },
      { ref: ref("heads/side"), from: undefined, to: theirs },
      { ref: ref("tags/v1"), from: undefined, to: ours },
      { ref: ref("remotes/p2p-0123456789ab/main"), from: undefined, to: theirs },
    ],
    { head: ref("heads/main") },
  );
  expect(outcome).toBe("done");
  return { repository, contents, tip: merged.oid };
}

/** A repository as git makes it: a merge, tags of both kinds, a remote's branch and a stash. */
function makeNative(git: NativeGit): { readonly tip: ObjectId } {
  const commitFile = (path: string, text: string): void => {
    mkdirSync(join(git.folder, path, ".."), { recursive: true });
    writeFileSync(join(git.folder, path), text);
    git.run(["add", "--all"]);
    git.run(["commit", "--quiet", "--message", `${path} ${text}`]);
  };
  git.run(["init", "--quiet", "--initial-branch=trunk"]);
  for (const text of ["1\n", "2\n"]) for (const path of ["a", "d/b", "d/c"]) commitFile(path, text);
  git.run(["checkout", "--quiet", "-b", "side", "HEAD~2"]);
  commitFile("side", "s\n");
  git.run(["rm", "--quiet", "d/b"]);
  git.run(["commit", "--quiet", "--message", "Remove b"]);
  git.run(["checkout", "--quiet", "trunk"]);
  git.run(["merge", "--quiet", "--no-edit", "--strategy=ort", "-Xours", "--no-ff", "side~1"]);
  git.run(["tag", "light", "HEAD~1"]);
  git.run(["tag", "--annotate", "--message", "A tag", "annotated"]);
  git.run(["update-ref", "refs/remotes/origin/main", "HEAD~2"]);
  writeFileSync(join(git.folder, "a"), "stashed\n");
  git.run(["stash", "push", "--quiet"]);
  return { tip: parseObjectId(git.run(["rev-parse", "HEAD"])) as ObjectId };
}

async function commit(
  repository: Repository,
  parent: ObjectId | undefined,
  { files, message }: { readonly files: Files; readonly message: string },
): Promise<ObjectId> {
  return repository.commitDraft({
    parent,
    changes: Object.entries(files).map(([path, text]): DraftChange =>
      text === undefined
        ? { path, kind: "delete" }
        : { path, kind: "write", bytes: formatUtf8(text) },
    ),
    message,
    author: { name: "Alice", email: "alice@example.org" },
    at: instant(1_700_000_000_000),
    offsetMinutes: 120,
  });
}

type Files = Readonly<Record<string, string | undefined>>;

const story: ReadonlyArray<Files> = [
  { "README.md": "# Skein\n", "src/deep/main.ts": "run();\n" },
  { "src/deep/main.ts": "run(1);\n", "src-2": "sorts before src/\n", "a.b": "1", "a/c": "2" },
  { "grün/漢字 🎉.txt": "ü\n", "-rf": "", "a b\tc": "tab" },
  { a: undefined, "src-2": undefined },
  { empty: "" },
];

function ref(short: string): RefName {
  return parseRefName(`refs/${short}`) as RefName;
}

const { signal } = new AbortController();
