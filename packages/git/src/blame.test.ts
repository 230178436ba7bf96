import { formatUtf8 } from "@skein/protocol/bytes";
import { instant } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openMemoryFiles } from "./memory-files.ts";
import { openRepository } from "./repository.ts";
import type { Repository } from "./repository.ts";

test("each line is told with who brought it, where it stood there, and who they are", async () => {
  const { repository, commit } = await open();
  const first = await commit(undefined, { a: "1\n2\n3\n" }, "Alice");
  const second = await commit(first, { a: "0\n1\n2\nIII\n" }, "Bob");
  const blame = await repository.blame(second, "a", { signal });
  expect(blame?.lines).toEqual([
    { line: 1, count: 1, commit: second, path: "a", lineThere: 1 },
    { line: 2, count: 2, commit: first, path: "a", lineThere: 1 },
    { line: 4, count: 1, commit: second, path: "a", lineThere: 4 },
  ]);
  expect(blame?.commits.get(first)?.authorName).toBe("Alice");
  expect(blame?.complete).toBe(true);
});

test("a file that was moved and changed keeps its lines' origins, and its history goes on under the old path", async () => {
  const { repository, commit } = await open();
  const text = "one line\nanother line\na third line\n";
  const first = await commit(undefined, { "old/a.txt": text }, "Alice");
  const second = await commit(first, { "old/a.txt": undefined, "b.txt": `${text}new\n` }, "Bob");
  const blame = await repository.blame(second, "b.txt", { signal });
  expect(blame?.lines.map(({ commit: by, path }) => [by, path])).toEqual([
    [first, "old/a.txt"],
    [second, "b.txt"],
  ]);
  const followed = await repository.history(second, { path: "b.txt", follow: true, limit: 9 });
  expect(followed.commits.map(({ oid }) => oid)).toEqual([second, first]);
  expect(followed.paths.get(first)).toBe("old/a.txt");
  const plain = await repository.history(second, { path: "b.txt", limit: 9 });
  expect(plain.commits.map(({ oid }) => oid)).toEqual([second]);
  const { files } = await repository.changedFiles(second, { renames: true });
  expect(files).toMatchObject([
    { path: "b.txt", kind: "changed", before: text, moved: { from: "old/a.txt" } },
  ]);
  expect((await repository.changedFiles(second)).files.map(({ kind }) => kind)).toEqual([
    "added",
    "deleted",
  ]);
});

test("what is no text, or is not there, has no blame", async () => {
  const { repository, commit } = await open();
  const first = await commit(undefined, { a: "a\0b", "d/b": "" }, "Alice");
  expect(await repository.blame(first, "a", { signal })).toBeUndefined();
  expect(await repository.blame(first, "d", { signal })).toBeUndefined();
  expect(await repository.blame(first, "nothing", { signal })).toBeUndefined();
  expect((await repository.blame(first, "d/b", { signal }))?.lines).toEqual([]);
});

test("a blame that nobody waits for any more ends", async () => {
  const { repository, commit } = await open();
  const first = await commit(undefined, { a: "a\n" }, "Alice");
  const stop = new AbortController();
  stop.abort();
  await expect(repository.blame(first, "a", { signal: stop.signal })).rejects.toThrow("aborted");
});

const { signal } = new AbortController();

type Files = Readonly<Record<string, string | undefined>>;

async function open(): Promise<{
  readonly repository: Repository;
  readonly commit: (parent: ObjectId | undefined, files: Files, name: string) => Promise<ObjectId>;
}> {
  const repository = await openRepository({ files: openMemoryFiles() });
  let seconds = 1_700_000_000;
  return {
    repository,
    commit: (parent, files, name) =>
      repository.commitDraft({
        parent,
        changes: Object.entries(files).map(([path, text]) =>
          text === undefined
            ? { path, kind: "delete" }
            : { path, kind: "write", bytes: formatUtf8(text) },
        ),
        message: "Write",
        author: { name, email: `${name}@example.org` },
        at: instant(seconds++ * 1_000),
        offsetMinutes: 0,
      }),
  };
}
