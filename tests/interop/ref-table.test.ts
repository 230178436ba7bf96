/**
 * Refs as Mallory names them: in a bundle, as a git host, and where HEAD is kept. They come in on a thread
 * of its own, in bounded time and memory: what is harmless comes, nothing else does.
 */

import { openMemoryFiles } from "@skein/git/memory-files";
import { openRepository, type Repository } from "@skein/git/repository";
import { formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { refsPerNodeMax } from "@skein/protocol/limits";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startHttpGit } from "./git-http.ts";
import { openFetchHost } from "@skein/git/fetch-host";
import { blobCode, commitCode, entry, idOf, packOf, treeCode } from "./pack-builder.ts";
import { emptyTree, person, soundCommit } from "./pack-shapes.ts";
import { expectBounded, openPackThread, type Outcome, type PackThread } from "./pack-thread.ts";
import type { Kept } from "./pack-worker.ts";
import { harmfulRefs } from "./ref-names.ts";
import { layOnDisk, openNativeGit } from "./repository-native.ts";

// Git is another process, and a busy machine starts it slowly.
vi.setConfig({ testTimeout: 120_000 });

const { signal } = new AbortController();
const one = idOf("commit", soundCommit);
const next = `tree ${emptyTree}\nparent ${one}\nauthor ${person}\ncommitter ${person}\n\nNext\n`;
const two = idOf("commit", next);
const blob = idOf("blob", "text");
const pack = packOf([
  entry(treeCode, ""),
  entry(commitCode, soundCommit),
  entry(commitCode, next),
  entry(blobCode, "text"),
]);

/** A line of a listing: an id, a name, and what a host says about it. */
type Line = readonly [oid: string, name: string, attribute?: string];

type Taken = Pick<Kept, "refs" | "skipped" | "head" | "contents">;

let thread: PackThread;
beforeAll(async () => {
  thread = await openPackThread();
});
afterAll(() => thread.close());

/** What is refused is thrown. */
function takenOf(received: Outcome): Taken {
  expectBounded(received);
  if (received.kind !== "kept") {
    const fault = received.kind === "refused" ? received.fault : received.kind;
    throw Object.assign(new Error(received.why), { fault });
  }
  return { ...received, refs: received.refs.toSorted() };
}

function openAgain({ contents }: Pick<Taken, "contents">): Promise<Repository> {
  return openRepository({ files: openMemoryFiles(new Map(contents)) });
}

async function fromBundle(lines: ReadonlyArray<Line>): Promise<Taken> {
  const named = lines.map(([oid, name]) => `${oid} ${name}\n`).join("");
  const bundle = Buffer.concat([Buffer.from(`# v2 git bundle\n${named}\n`), pack]);
  return takenOf(await thread.receive(bundle, "bundle"));
}

async function fromHost(lines: ReadonlyArray<Line>): Promise<Taken> {
  const listing = lines.map((line) => Buffer.from(line.join(" ")).toString("latin1"));
  const answers = [
    packets(["version 2", "ls-refs", "fetch", "object-format=sha1"]),
    packets(listing),
    packets(["packfile", `\u0001${Buffer.from(pack).toString("latin1")}`]),
  ];
  return takenOf(await thread.clone(answers));
}

/** Packets, of one byte a character. */
function packets(lines: ReadonlyArray<string>): Bytes {
  const written = lines.map((line) => (line.length + 4).toString(16).padStart(4, "0") + line);
  return Uint8Array.from(Buffer.from(`${written.join("")}0000`, "latin1"));
}

const main: Line = [one, "refs/heads/main"];

describe.each([
  ["a bundle", fromBundle],
  ["a git host", fromHost],
])("of %s", (_, take) => {
  test("a harmful name is left out, told, and keeps no other from coming", async () => {
    // In a host's listing a name ends where a space is.
    for (const name of harmfulRefs.filter((harmful) => !harmful.includes(" "))) {
      const { refs, skipped } = await take([main, [one, name]]);
      expect(refs, name).toEqual(["refs/heads/main"]);
      expect(skipped, name).toEqual([name]);
    }
    expect((await take([main, [one, ""]])).refs).toEqual(["refs/heads/main"]);
  });

  test("with a name of a megabyte, all of it is refused", async () => {
    const name = `refs/heads/${"x/".repeat(500_000)}x`;
    await expect(take([main, [one, name]])).rejects.toMatchObject({
      fault: expect.stringMatching(/^(?:bundle|no-git-host)$/u),
    });
  });

  test("names that are something else in a program's objects are names", async () => {
    const names = ["__proto__", "constructor", "hasOwnProperty", "toString"].flatMap((name) => [
      `refs/heads/${name}`,
      `refs/tags/${name}/corsProxy`,
    ]);
    const { refs, skipped } = await take(names.map((name) => [one, name]));
    expect(refs).toEqual(names.toSorted());
    expect(skipped).toEqual([]);
  });

  test("a branch and a branch inside it: the first that is named comes", async () => {
    const [a, inside]: ReadonlyArray<Line> = [
      [one, "refs/heads/a"],
      [two, "refs/heads/a/b"],
    ];
    if (a === undefined || inside === undefined) throw new Error("there are two");
    expect(await take([a, inside])).toMatchObject({ refs: [a[1]], skipped: [inside[1]] });
    expect(await take([inside, a])).toMatchObject({ refs: [inside[1]], skipped: [a[1]] });
  });

  test("Main and main are two branches, in every git that is given them", async () => {
    const taken = await take([main, [two, "refs/heads/Main"]]);
    const { refs, skipped, contents } = taken;
    const repository = await openAgain(taken);
    expect(refs).toEqual(["refs/heads/Main", "refs/heads/main"]);
    expect(skipped).toEqual([]);
    // Nobody makes a third one here that could be taken for them.
    const [, tip] = [...(await repository.refs())][0] ?? [];
    if (tip === undefined) throw new Error("there is a tip");
    expect(await repository.createBranch("MAIN", tip)).toBe("looks-alike");
    const bundle = await repository.exportBundle({ signal });
    const again = await openRepository({ files: openMemoryFiles() });
    await again.importBundle(bundle, { signal });
    expect(await again.refs()).toEqual(await repository.refs());
    using disk = openNativeGit();
    layOnDisk(contents, disk.folder);
    expect(disk.run(["for-each-ref", "--format=%(objectname) %(refname)"]).split("\n")).toEqual([
      `${two} refs/heads/Main`,
      `${one} refs/heads/main`,
    ]);
  });

  test("a branch that is no commit is left out, a tag of anything comes", async () => {
    const lines: ReadonlyArray<Line> = [main, [blob, "refs/heads/file"], [blob, "refs/tags/file"]];
    expect(await take(lines)).toMatchObject({
      refs: ["refs/heads/main", "refs/tags/file"],
      skipped: ["refs/heads/file"],
    });
  });

  test("as many refs come as a node may have, and one more is refused", async () => {
    const many = (count: number): ReadonlyArray<Line> =>
      Array.from({ length: count }, (__, at) => [one, `refs/heads/many/${at}`] as const);
    const { refs } = await take(many(refsPerNodeMax));
    expect(refs).toHaveLength(refsPerNodeMax);
    await expect(take(many(refsPerNodeMax + 1))).rejects.toThrow(
      `more than ${refsPerNodeMax} refs`,
    );
    // Of a host, the listing alone is too long.
    await expect(take(many(1_000_000))).rejects.toThrow(/more than (?:10000 refs|8388608)$/u);
  });

  test.each<readonly [string, ReadonlyArray<Line>, string | undefined]>([
    [
      "a branch",
      [main, [two, "refs/heads/next"], [two, "HEAD", "symref-target:refs/heads/next"]],
      "refs/heads/next",
    ],
    ["a commit of no branch", [main, [two, "HEAD"]], "refs/heads/main"],
    ["nothing", [[one, "refs/heads/next"]], "refs/heads/next"],
    [
      "a tag",
      [main, [one, "refs/tags/v1"], [one, "HEAD", "symref-target:refs/tags/v1"]],
      "refs/heads/main",
    ],
    ["itself", [main, [one, "HEAD", "symref-target:HEAD"]], "refs/heads/main"],
    [
      "a file outside",
      [main, [one, "HEAD", "symref-target:refs/heads/../../../TARGET"]],
      "refs/heads/main",
    ],
    [
      "a branch that is nowhere",
      [main, [one, "HEAD", "symref-target:refs/heads/gone"]],
      "refs/heads/main",
    ],
    ["what is not here", [main, ["e".repeat(40), "HEAD"]], "refs/heads/main"],
    ["two things", [main, [two, "HEAD"], [one, "HEAD"]], "refs/heads/main"],
  ])("HEAD is %s, and a branch that came is shown", async (__, lines, expected) => {
    const taken = await take(lines);
    expect(taken.head).toBe(expected);
    expect(await (await openAgain(taken)).head()).toBe(expected);
  });

  test("branches that stand for each other, round and round, are branches with a commit each", async () => {
    const lines: ReadonlyArray<Line> = [
      [one, "refs/heads/a", "symref-target:refs/heads/b"],
      [two, "refs/heads/b", "symref-target:refs/heads/a"],
      [one, "refs/heads/c", "symref-target:refs/heads/c"],
    ];
    expect(await take(lines)).toMatchObject({
      refs: ["refs/heads/a", "refs/heads/b", "refs/heads/c"],
      skipped: [],
    });
  });
});

test("a real git host whose branches stand for each other, round and round, gives the others", async () => {
  using git = openNativeGit();
  git.run(["init", "--quiet", "--bare", "--initial-branch=main"]);
  const tree = git.run(["mktree"], "");
  const commit = git.run(["commit-tree", "-m", "One", tree]);
  git.run(["update-ref", "refs/heads/main", commit]);
  git.run(["symbolic-ref", "refs/heads/a", "refs/heads/b"]);
  git.run(["symbolic-ref", "refs/heads/b", "refs/heads/a"]);
  git.run(["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
  git.run(["symbolic-ref", "HEAD", "refs/heads/a"]);
  await using host = await startHttpGit(git.folder);
  const repository = await openRepository({ files: openMemoryFiles() });
  const made = await repository.cloneFrom({
    url: host.url,
    host: openFetchHost({ signal }),
    signal,
  });
  expect([...made.refs.keys()].toSorted()).toEqual(["refs/heads/alias", "refs/heads/main"]);
  expect(made.head).toBe("refs/heads/main");
});

test.each([
  ["nothing", ""],
  ["itself", "ref: HEAD"],
  ["a branch that stands for another one", "ref: refs/heads/a"],
  ["a file outside", "ref: refs/heads/../../../TARGET"],
  ["a tag", "ref: refs/tags/v1"],
  ["two branches", "ref: refs/heads/main\nref: refs/heads/other"],
  ["a name of a megabyte", `ref: refs/heads/${"x".repeat(1_000_000)}`],
  ["a commit", one],
  ["no text", "\0\u0001"],
])("a HEAD that was kept as %s keeps nobody out of the repository", async (_, text) => {
  const contents = new Map((await fromBundle([main])).contents);
  contents.set("HEAD", formatUtf8(text));
  // Git would follow these; here a ref is a line of one file.
  contents.set("refs/heads/a", formatUtf8("ref: refs/heads/b\n"));
  contents.set("refs/heads/b", formatUtf8("ref: refs/heads/a\n"));
  const repository = await openRepository({ files: openMemoryFiles(contents) });
  expect(await repository.head()).toBe(text === "ref: refs/heads/a" ? "refs/heads/a" : undefined);
  expect([...(await repository.refs())]).toEqual([["refs/heads/main", one]]);
  const [tip] = (await repository.refs()).values();
  if (tip === undefined) throw new Error("there is a tip");
  expect((await repository.readCommit(tip)).oid).toBe(one);
  expect(await repository.createBranch("side", tip)).toBe("done");
});
