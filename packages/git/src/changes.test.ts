import { formatUtf8 } from "@skein/protocol/bytes";
import { changedTextBytesMax } from "@skein/protocol/limits";
import { instant } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { changedFilesMax } from "./changes.ts";
import type { DraftChange } from "./draft.ts";
import { openMemoryFiles } from "./memory-files.ts";
import { openRepository } from "./repository.ts";
import type { Repository } from "./repository.ts";

test("a commit shows what it added, changed and deleted, with both texts", async () => {
  const repository = await open();
  const first = await commit(repository, undefined, { a: "1\n", "d/b": "2\n", same: "3\n" });
  const second = await commit(repository, first, { a: "one\n", "d/b": undefined, "d/c": "new\n" });
  expect(await repository.changedFiles(second)).toEqual({
    files: [
      { path: "a", kind: "changed", before: "1\n", after: "one\n", binary: false },
      { path: "d/b", kind: "deleted", before: "2\n", after: undefined, binary: false },
      { path: "d/c", kind: "added", before: undefined, after: "new\n", binary: false },
    ],
    more: false,
  });
});

test("a first commit adds all its files", async () => {
  const repository = await open();
  const first = await commit(repository, undefined, { a: "1\n", "d/b": "2\n" });
  const { files } = await repository.changedFiles(first);
  expect(files.map(({ path, kind }) => [path, kind])).toEqual([
    ["a", "added"],
    ["d/b", "added"],
  ]);
});

test("a file that becomes a folder is a deletion and an addition", async () => {
  const repository = await open();
  const first = await commit(repository, undefined, { a: "1\n" });
  const second = await repository.commitDraft({
    ...draftOf(first),
    changes: [{ path: "a", kind: "delete" }, write("a/b", "2\n")],
  });
  const { files } = await repository.changedFiles(second);
  expect(files.map(({ path, kind }) => [path, kind])).toEqual([
    ["a", "deleted"],
    ["a/b", "added"],
  ]);
});

test("binary files show no texts, and texts that nobody would read are left out", async () => {
  const repository = await open();
  const oid = await commit(repository, undefined, {
    binary: "a\0b",
    large: "x".repeat(changedTextBytesMax + 1),
    readable: "x".repeat(changedTextBytesMax),
  });
  const { files } = await repository.changedFiles(oid);
  expect(files.map(({ path, after, binary }) => [path, after?.length, binary])).toEqual([
    ["binary", undefined, true],
    ["large", undefined, false],
    ["readable", changedTextBytesMax, false],
  ]);
});

test("a commit of very many files lists some, and says that there are more", async () => {
  const repository = await open();
  const files = Object.fromEntries(
    Array.from({ length: changedFilesMax + 1 }, (_, index) => [`f${index}`, ""]),
  );
  const listed = await repository.changedFiles(await commit(repository, undefined, files));
  expect(listed.files).toHaveLength(changedFilesMax);
  expect(listed.more).toBe(true);
});

async function open(): Promise<Repository> {
  return openRepository({ files: openMemoryFiles() });
}

async function commit(
  repository: Repository,
  parent: ObjectId | undefined,
  files: Readonly<Record<string, string | undefined>>,
): Promise<ObjectId> {
  const changes = Object.entries(files).map(([path, text]): DraftChange =>
    text === undefined ? { path, kind: "delete" } : write(path, text),
  );
  return repository.commitDraft({ ...draftOf(parent), changes });
}

function write(path: string, text: string): DraftChange {
  return { path, kind: "write", bytes: formatUtf8(text) };
}

function draftOf(parent: ObjectId | undefined) {
  return {
    parent,
    message: "Change things",
    author: { name: "Bob", email: "bob@example.org" },
    at: instant(1_700_000_000_000),
    offsetMinutes: 0,
  };
}
