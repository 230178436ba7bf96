import { formatUtf8 } from "@skein/protocol/bytes";
import { instant } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openMemoryFiles } from "./memory-files.ts";
import { hashObject } from "./object-hash.ts";
import { formatCommit, formatTree } from "./object.ts";
import type { GitObject } from "./object.ts";
import { openRepository } from "./repository.ts";
import type { Repository } from "./repository.ts";
import { kindOf } from "./tree.ts";

test("a folder lists folders, files, links and submodules, with the sizes of what has bytes", async () => {
  const { repository, commit } = await makeTree();
  const listed = await repository.readTree(commit, "");
  expect(listed?.map(({ name, kind, size }) => [name, kind, size])).toEqual(
    [
      ["\\xff\\x0a", "file", 5],
      ["folder", "folder", undefined],
      ["link", "link", 5],
      ["module", "submodule", undefined],
      ["run.sh", "file", 5],
    ].toSorted(byName),
  );
});

test("a name that cannot be shown is reached by the text it is shown as", async () => {
  const { repository, commit } = await makeTree();
  expect((await repository.readFile(commit, "\\xff\\x0a"))?.size).toBe(5);
});

test("a folder is reached with or without slashes around its path", async () => {
  const { repository, commit } = await makeTree();
  const lists = await Promise.all(
    ["folder", "/folder", "folder/"].map(async (path) => repository.readTree(commit, path)),
  );
  for (const list of lists) expect(list?.map(({ name }) => name)).toEqual(["inner"]);
});

test("a link is read as the text it holds, never followed", async () => {
  const { repository, commit } = await makeTree();
  expect((await repository.readFile(commit, "link"))?.bytes).toEqual(formatUtf8("hello"));
  expect(await repository.readTree(commit, "link")).toBeUndefined();
  expect(await repository.readFile(commit, "link/inner")).toBeUndefined();
});

test("where there is no file there is no content, and where there is no folder no list", async () => {
  const { repository, commit } = await makeTree();
  const files = ["nothing", "folder", "module", "", "folder//inner", "../folder/inner"];
  const folders = ["nothing", "run.sh", "module", "folder/inner"];
  const answers = await Promise.all([
    ...files.map(async (path) => repository.readFile(commit, path)),
    ...folders.map(async (path) => repository.readTree(commit, path)),
  ]);
  expect(new Set(answers)).toEqual(new Set([undefined]));
});

test("of a large file only as much is handed over as was asked for", async () => {
  const { repository, commit } = await makeTree();
  const file = await repository.readFile(commit, "run.sh", { bytesMax: 2 });
  expect(file).toMatchObject({ size: 5, bytes: formatUtf8("he") });
});

test.each<readonly [string, Uint8Array, string]>([
  ["a text", formatUtf8("Grüße\n"), "text"],
  ["nothing", new Uint8Array(0), "text"],
  ["a drawing in text", formatUtf8("<svg onload=x>"), "text"],
  ["a PNG", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0), "image"],
  ["a WebP", formatUtf8("RIFF1234WEBPVP8 "), "image"],
  ["a NUL", formatUtf8("a\0b"), "binary"],
  ["Latin-1", Uint8Array.of(0x47, 0xfc, 0x0a), "binary"],
  ["a long text cut inside a character", formatUtf8(`x${"ü".repeat(40_000)}`), "text"],
])("%s is told by its bytes", (_, bytes, kind) => {
  expect(kindOf(bytes)).toBe(kind);
});

async function makeTree(): Promise<{
  readonly repository: Repository;
  readonly commit: ObjectId;
}> {
  const repository = await openRepository({ files: openMemoryFiles() });
  const store = async (type: GitObject["type"], bytes: GitObject["bytes"]): Promise<ObjectId> => {
    await repository.objects.objectsToPack([{ type, bytes }], { signal });
    return hashObject({ type, bytes });
  };
  const blob = await store("blob", formatUtf8("hello"));
  const inner = [{ mode: 0o100644, name: formatUtf8("inner"), oid: blob }];
  const folder = await store("tree", formatTree(inner));
  const entries = [
    { mode: 0o100644, name: Uint8Array.of(0xff, 0x0a), oid: blob },
    { mode: 0o040000, name: formatUtf8("folder"), oid: folder },
    { mode: 0o120000, name: formatUtf8("link"), oid: blob },
    { mode: 0o160000, name: formatUtf8("module"), oid: blob },
    { mode: 0o100755, name: formatUtf8("run.sh"), oid: blob },
  ];
  const tree = await store("tree", formatTree(entries));
  const author = { name: "Bob", email: "bob@example.org", at: instant(0), offsetMinutes: 0 };
  const message = "Show all kinds\n";
  const bytes = formatCommit({ tree, parents: [], author, committer: author, message });
  return { repository, commit: await store("commit", bytes) };
}

/** Git sorts by byte, and 0xff comes last. */
function byName([one]: ReadonlyArray<unknown>, [other]: ReadonlyArray<unknown>): number {
  const last = (name: unknown): string => String(name).replace("\\xff", "\u{10ffff}");
  return last(one) < last(other) ? -1 : 1;
}

const signal = { aborted: false, throwIfAborted: (): void => undefined };
