import type { Bytes } from "@skein/protocol/bytes";
import { openFetchHost } from "@skein/git/fetch-host";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openRepository } from "@skein/git/repository";
import { expect, test, vi } from "vitest";
import { startHttpGit } from "./git-http.ts";
import { makeHistories } from "./repository-histories.ts";
import { layOnDisk, openNativeGit } from "./repository-native.ts";
import type { NativeGit } from "./repository-native.ts";

// Git is another process, and a busy machine starts it slowly.
vi.setConfig({ testTimeout: 60_000 });

test("a repository is cloned from a git host: branches, tags, HEAD, and all that they reach", async () => {
  using git = openNativeGit();
  tell(git, 10);
  git.run(["symbolic-ref", "HEAD", "refs/heads/s2-ours"]);
  git.run(["tag", "-m", "First", "v1", "s1-ours"]);
  git.run(["update-ref", "refs/pull/1/head", "s3-ours"]);
  await using host = await startHttpGit(git.folder);
  const { repository, contents, clone } = await open();
  const seen: number[] = [];
  const made = await clone(host.url, (done) => seen.push(done));
  expect(made.head).toBe("refs/heads/s2-ours");
  expect(made.refs.has("refs/pull/1/head" as never)).toBe(false);
  using disk = openNativeGit();
  layOnDisk(contents, disk.folder);
  disk.run(["fsck", "--full", "--strict"]);
  const refs = ["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags"];
  expect(disk.run(refs)).toBe(git.run(refs));
  expect(seen.length).toBeGreaterThan(0);
  expect(host.asked).toHaveLength(3);
  expect(await repository.refMoves({ limit: 1 })).toMatchObject([{ why: "import" }]);
});

test("what has come meanwhile is fetched alone, and a branch that went another way here stays", async () => {
  using git = openNativeGit();
  tell(git, 3);
  await using host = await startHttpGit(git.folder);
  const { repository, contents, clone } = await open();
  await clone(host.url);
  const packs = packsIn(contents);
  const fresh = commitOn(git, "s1-ours", "fresh\n");
  const other = commitOn(git, "s2-ours", "other\n");
  const mine = [...(await repository.refs())].find(([ref]) => ref === "refs/heads/s2-ours");
  if (mine === undefined) throw new Error("no branch");
  const changes = [{ path: "mine", kind: "write", bytes: new Uint8Array(3) }] as const;
  const oid = await repository.commitDraft({
    parent: mine[1],
    changes,
    message: "Mine",
    author: { name: "Alice", email: "alice@example.org" },
    at: 1_700_000_000_000 as never,
    offsetMinutes: 0,
  });
  await repository.updateRefs([{ ref: mine[0], from: mine[1], to: oid }]);
  const made = await clone(host.url);
  expect(made.refs.get("refs/heads/s1-ours" as never)).toBe(fresh);
  expect(made.skipped).toEqual(["refs/heads/s2-ours"]);
  expect((await repository.refs()).get(mine[0])).toBe(oid);
  expect(await repository.objects.has(other as never)).toBe(true);
  expect(packsIn(contents).length).toBe(packs.length + 2);
  await clone(host.url);
  expect(packsIn(contents).length).toBe(packs.length + 2);
});

test("an empty repository is cloned as that", async () => {
  using git = openNativeGit();
  git.run(["init", "--quiet", "--bare"]);
  await using host = await startHttpGit(git.folder);
  const { clone } = await open();
  expect((await clone(host.url)).refs.size).toBe(0);
});

test("a repository of SHA-256 is refused in plain words", async () => {
  using git = openNativeGit();
  git.run(["init", "--quiet", "--bare", "--object-format=sha256"]);
  await using host = await startHttpGit(git.folder);
  const { clone } = await open();
  await expect(clone(host.url)).rejects.toThrow("uses SHA-256 object names");
});

test("a bundle of such a repository is refused in the same words", async () => {
  using git = openNativeGit();
  git.run(["init", "--quiet", "--object-format=sha256", "--initial-branch=main"]);
  git.run(["commit", "--quiet", "--allow-empty", "-m", "First"]);
  const bundle = git.bytes(["bundle", "create", "--quiet", "-", "--all"]);
  const { repository, stop } = await open();
  const taken = repository.importBundle(bundle, { signal: stop.signal });
  await expect(taken).rejects.toThrow("uses SHA-256 object names");
});

test("a clone that is cancelled has changed nothing", async () => {
  using git = openNativeGit();
  tell(git, 10);
  await using host = await startHttpGit(git.folder);
  const { contents, clone, stop } = await open();
  const before = [...contents.keys()];
  await expect(clone(host.url, () => stop.abort())).rejects.toThrow("aborted");
  expect([...contents.keys()]).toEqual(before);
});

async function open() {
  const contents = new Map<string, Bytes>();
  const repository = await openRepository({ files: openMemoryFiles(contents) });
  const stop = new AbortController();
  const host = openFetchHost({ signal: stop.signal });
  const clone = (url: string, onDone: (done: number) => void = () => {}) =>
    repository.cloneFrom({
      url,
      host,
      signal: stop.signal,
      onProgress: ({ done }) => onDone(done),
    });
  return { repository, contents, stop, clone };
}

function tell(git: NativeGit, seeds: number): void {
  const { stream } = makeHistories(seeds, { moves: false });
  git.run(["init", "--quiet", "--bare", "--initial-branch=s1-ours"]);
  git.run(["fast-import", "--quiet", "--force"], stream);
}

function commitOn(git: NativeGit, branch: string, text: string): string {
  const blob = git.run(["hash-object", "-w", "--stdin"], text);
  const tree = git.run(["mktree"], `100644 blob ${blob}\tfresh.txt\n`);
  const commit = git.run(["commit-tree", "-p", branch, "-m", "Fresh", tree]);
  git.run(["update-ref", `refs/heads/${branch}`, commit]);
  return commit;
}

function packsIn(contents: ReadonlyMap<string, Bytes>): ReadonlyArray<string> {
  return [...contents.keys()].filter((path) => path.endsWith(".pack"));
}
