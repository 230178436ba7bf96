import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import { instant, parseObjectId } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import { pathBytesMax } from "@skein/protocol/limits";
import { expect, test } from "vitest";
import { DraftRefusedError } from "./draft.ts";
import type { Draft, DraftChange } from "./draft.ts";
import { openMemoryFiles } from "./memory-files.ts";
import { hashObject } from "./object-hash.ts";
import { formatCommit, formatTree } from "./object.ts";
import { ObjectMissingError } from "./object-store.ts";
import { openRepository } from "./repository.ts";
import type { Repository } from "./repository.ts";

test("a first commit has no parent, and its files can be read", async () => {
  const repository = await open();
  const oid = await commit(repository, undefined, [
    write("README.md", "# Skein\n"),
    write("src/deep/main.ts", "run();\n"),
  ]);
  expect(await repository.readCommit(oid)).toMatchObject({
    parents: [],
    authorName: "Alice",
    authorEmail: "alice@example.org",
    at: 1_700_000_000_000,
    offsetMinutes: 120,
    title: "Draw the first line",
  });
  expect(await read(repository, oid, "src/deep/main.ts")).toBe("run();\n");
});

test("what a draft does not name stays as it is", async () => {
  const repository = await open();
  const first = await commit(repository, undefined, [write("a", "a"), write("b/c", "c")]);
  const second = await commit(repository, first, [write("a", "A")]);
  expect((await repository.readCommit(second)).parents).toEqual([first]);
  expect(await read(repository, second, "a")).toBe("A");
  expect(await read(repository, second, "b/c")).toBe("c");
});

test("a folder vanishes with its last file, and all folders that held nothing else", async () => {
  const repository = await open();
  const first = await commit(repository, undefined, [write("keep", ""), write("x/y/z", "z")]);
  const second = await commit(repository, first, [remove("x/y/z")]);
  expect(await names(repository, second)).toEqual(["keep"]);
  const third = await commit(repository, second, [remove("keep")]);
  expect(await names(repository, third)).toEqual([]);
});

test("a folder is deleted with all that is in it, and may become a file in the same draft", async () => {
  const repository = await open();
  const first = await commit(repository, undefined, [write("x/y", "y"), write("x/z", "z")]);
  const second = await commit(repository, first, [remove("x"), write("x", "a file now")]);
  expect(await read(repository, second, "x")).toBe("a file now");
  const third = await commit(repository, second, [remove("x"), write("x/again", "")]);
  expect(await names(repository, third, "x")).toEqual(["again"]);
});

test("bytes that are not text are kept as they are", async () => {
  const repository = await open();
  const bytes = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
  const oid = await commit(repository, undefined, [{ path: "raw", kind: "write", bytes }]);
  expect((await repository.readFile(oid, "raw"))?.bytes).toEqual(bytes);
});

test("what the giver of the bytes does with them afterwards changes nothing", async () => {
  const repository = await open();
  const bytes = formatUtf8("before");
  const promise = commit(repository, undefined, [{ path: "a", kind: "write", bytes }]);
  bytes.fill(0);
  expect(await read(repository, await promise, "a")).toBe("before");
});

test.each([
  [".git/config", "bad-name"],
  ["a/.GIT/hooks", "bad-name"],
  ["git~1", "bad-name"],
  ["a/../b", "bad-name"],
  ["a//b", "bad-name"],
  ["", "bad-name"],
  ["a\\b", "bad-name"],
  ["n".repeat(256), "too-long"],
  [`${"d/".repeat(pathBytesMax / 2)}f`, "too-long"],
])("the path %j is refused as %s, and nothing is stored", async (path, fault) => {
  const repository = await open();
  const draft = commit(repository, undefined, [write("fine", ""), write(path, "x")]);
  await expect(draft).rejects.toMatchObject({ fault, path });
  await expect(draft).rejects.toBeInstanceOf(DraftRefusedError);
  expect(await repository.objects.has(hashObject({ type: "blob", bytes: formatUtf8("x") }))).toBe(
    false,
  );
});

test.each<readonly [string, ReadonlyArray<DraftChange>]>([
  ["a file becomes a folder beside itself", [write("file/inner", "")]],
  ["a folder becomes a file beside itself", [write("folder", "")]],
  ["a draft makes a file and a folder of one name", [write("n", ""), write("n/m", "")]],
  ["a draft makes a folder and a file of one name", [write("n/m", ""), write("n", "")]],
])("%s: the draft is refused", async (_, changes) => {
  const repository = await open();
  const first = await commit(repository, undefined, [write("file", ""), write("folder/a", "")]);
  await expect(commit(repository, first, changes)).rejects.toMatchObject({
    fault: "file-and-folder",
  });
});

test("a draft that changes nothing, or says nothing, or comes from nobody is refused", async () => {
  const repository = await open();
  const first = await commit(repository, undefined, [write("a", "a")]);
  const refuses = async (draft: Partial<Draft>, fault: string): Promise<void> =>
    expect(commit(repository, first, [write("b", "b")], draft)).rejects.toMatchObject({ fault });
  await refuses({ changes: [] }, "nothing-changed");
  await refuses({ changes: [write("a", "a"), remove("no such file")] }, "nothing-changed");
  await refuses({ parent: undefined, changes: [remove("a")] }, "nothing-changed");
  await refuses({ changes: [write("a", "1"), write("a", "2")] }, "named-twice");
  await refuses({ changes: [write("a", "1"), remove("a")] }, "named-twice");
  await refuses({ message: " \n\n" }, "no-message");
  await refuses({ author: { name: " <> ", email: "a@b" } }, "no-author");
});

test("a message and a name are cleaned as git cleans them", async () => {
  const repository = await open();
  const oid = await commit(repository, undefined, [write("a", "")], {
    message: "\n\nTitle  \r\n\r\n\r\n\r\nBody \n\n",
    author: { name: " Mallory <evil>\nparent 0000 ", email: "<a@\nb>" },
  });
  expect(await repository.readCommit(oid)).toMatchObject({
    title: "Title",
    body: "Body",
    authorName: "Mallory evilparent 0000",
    authorEmail: "a@b",
    parents: [],
  });
});

test("a draft on a commit that is not here is refused by the name of that commit", async () => {
  const repository = await open();
  const missing = parseObjectId("e".repeat(40)) as ObjectId;
  const draft = commit(repository, missing, [write("a", "")]);
  await expect(draft).rejects.toBeInstanceOf(ObjectMissingError);
  await expect(draft).rejects.toThrow(missing);
});

test("a link that is written leads somewhere else, and what is no path is refused", async () => {
  const repository = await open();
  const link = hashObject({ type: "blob", bytes: formatUtf8("target") });
  const tree = { mode: 0o120000, name: formatUtf8("link"), oid: link };
  const objects = [
    { type: "blob", bytes: formatUtf8("target") },
    { type: "tree", bytes: formatTree([tree]) },
  ] as const;
  await repository.objects.objectsToPack(objects, { signal: new AbortController().signal });
  const made = hashObject(objects[1]);
  const author = { name: "A", email: "a@b", at: instant(0), offsetMinutes: 0 };
  const bytes = formatCommit({ tree: made, parents: [], author, committer: author, message: "L" });
  const parent = hashObject({ type: "commit", bytes });
  await repository.objects.objectsToPack([{ type: "commit", bytes }], {
    signal: new AbortController().signal,
  });
  const oid = await commit(repository, parent, [write("link", "elsewhere")]);
  expect((await repository.readTree(oid, ""))?.[0]).toMatchObject({ kind: "link", size: 9 });
  for (const text of ["", "a\0b", "x".repeat(pathBytesMax + 1)])
    await expect(commit(repository, parent, [write("link", text)])).rejects.toMatchObject({
      fault: "bad-link",
    });
  // Deleted first, it is a link no more.
  const file = await commit(repository, parent, [remove("link"), write("link", "a file")]);
  expect((await repository.readTree(file, ""))?.[0]).toMatchObject({ kind: "file" });
});

test("a refused draft is told in words, with nothing in them that turns text around", async () => {
  const repository = await open();
  const draft = commit(repository, undefined, [write("a/\u202e.git", ""), write("a/.git", "")]);
  await expect(draft).rejects.toThrow(/^“a\/\\xe2\\x80\\xae\.git” cannot be committed: /u);
});

async function open(): Promise<Repository> {
  return openRepository({ files: openMemoryFiles() });
}

async function commit(
  repository: Repository,
  parent: ObjectId | undefined,
  changes: ReadonlyArray<DraftChange>,
  other: Partial<Draft> = {},
): Promise<ObjectId> {
  return repository.commitDraft({
    parent,
    changes,
    message: "Draw the first line",
    author: { name: "Alice", email: "alice@example.org" },
    at: instant(1_700_000_000_000),
    offsetMinutes: 120,
    ...other,
  });
}

function write(path: string, text: string): DraftChange {
  return { path, kind: "write", bytes: formatUtf8(text) };
}

function remove(path: string): DraftChange {
  return { path, kind: "delete" };
}

async function read(
  repository: Repository,
  oid: ObjectId,
  path: string,
): Promise<string | undefined> {
  const file = await repository.readFile(oid, path);
  return file === undefined ? undefined : parseUtf8(file.bytes);
}

async function names(
  repository: Repository,
  oid: ObjectId,
  path = "",
): Promise<ReadonlyArray<string> | undefined> {
  return (await repository.readTree(oid, path))?.map(({ name }) => name);
}
