/** Isomorphic-git on what our engine keeps: it reads what we packed, we read what it wrote, and no pack is ever loaded. */

import { formatUtf8, type Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { createSimulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import * as git from "isomorphic-git";
import { expect, test } from "vitest";
import type { Draft } from "./draft.ts";
import type { Files } from "./files.ts";
import { openIsomorphicGit } from "./loose-overlay.ts";
import { openMemoryFiles } from "./memory-files.ts";
import { openRepository, type Repository } from "./repository.ts";

const alice = { name: "Alice", email: "alice@example.org" };
const signed = { ...alice, timestamp: 1_700_000_000, timezoneOffset: 0 };

/** Counts the bytes that leave the storage. */
function counted(contents: Map<string, Bytes>): {
  readonly files: Files;
  readonly read: () => number;
} {
  const below = openMemoryFiles(contents);
  let bytes = 0;
  const count = (part: Bytes | undefined): Bytes | undefined => {
    bytes += part?.length ?? 0;
    return part;
  };
  const files: Files = {
    ...below,
    read: async (path) => count(await below.read(path)),
    readRange: async (path, start, end) => count(await below.readRange?.(path, start, end)),
  };
  return { files, read: () => bytes };
}

/** One commit with many large files of noise and a few small ones: 24 MB in two segments. */
async function makeLarge(): Promise<Map<string, Bytes>> {
  const contents = new Map<string, Bytes>();
  const repository = await openRepository({ files: openMemoryFiles(contents) });
  const { bytes } = createSimulation({ seed: 1, weather: calm });
  const large = Array.from({ length: 12 }, (_, index) => ({
    path: `large/${index}`,
    kind: "write" as const,
    bytes: bytes(2_000_000),
  }));
  const small = { path: "notes/a.txt", kind: "write" as const, bytes: formatUtf8("a note\n") };
  await commit(repository, [...large, small]);
  return contents;
}

async function commit(
  repository: Repository,
  changes: Draft["changes"],
  parent?: ObjectId,
): Promise<ObjectId> {
  const at = 1_700_000_000_000 as Draft["at"];
  const message = "Work\n";
  const oid = await repository.commitDraft({
    parent,
    changes,
    message,
    author: alice,
    at,
    offsetMinutes: 0,
  });
  const main = "refs/heads/main" as Parameters<Repository["updateRefs"]>[0][0]["ref"];
  await repository.updateRefs([{ ref: main, from: parent, to: oid }], { head: main });
  return oid;
}

test("isomorphic-git reads log, trees and files of a large pack, and most of the pack stays where it is", async () => {
  const contents = await makeLarge();
  const packs = [...contents].filter(([path]) => path.endsWith(".pack"));
  const packBytes = packs.reduce((sum, [, { length }]) => sum + length, 0);
  expect(packBytes).toBeGreaterThan(24_000_000);
  const { files, read } = counted(contents);
  const repository = await openRepository({ files });
  const iso = openIsomorphicGit(files, repository.objects);
  const [entry] = await git.log({ ...iso, ref: "main" });
  const oid = entry?.oid ?? "";
  expect(entry?.commit.message).toBe("Work\n");
  const note = await git.readBlob({ ...iso, oid, filepath: "notes/a.txt" });
  expect(note.blob).toEqual(formatUtf8("a note\n"));
  const paths: unknown = await git.walk({
    ...iso,
    trees: [git.TREE({ ref: "main" })],
    map: async (path) => path,
  });
  expect(paths).toHaveLength(16);
  expect(await git.listFiles({ ...iso, ref: "main" })).toHaveLength(13);
  expect(read()).toBeLessThan(packBytes / 4);
}, 60_000);

test("what isomorphic-git writes is there for us, in packs, and where it reads it again", async () => {
  const contents = new Map<string, Bytes>();
  const files = openMemoryFiles(contents);
  const repository = await openRepository({ files });
  const parent = await commit(repository, [{ path: "a", kind: "write", bytes: formatUtf8("a") }]);
  const iso = openIsomorphicGit(files, repository.objects);
  const blob = await git.writeBlob({ ...iso, blob: formatUtf8("hello") });
  const entry = { mode: "100644", path: "hello.txt", oid: blob, type: "blob" } as const;
  const tree = await git.writeTree({ ...iso, tree: [entry] });
  const said = { message: "Hello\n", tree, parent: [parent], author: signed, committer: signed };
  const oid = (await git.writeCommit({ ...iso, commit: said })) as ObjectId;
  expect((await repository.readCommit(oid)).title).toBe("Hello");
  expect((await repository.readFile(oid, "hello.txt"))?.bytes).toEqual(formatUtf8("hello"));
  expect([...contents.keys()].filter((path) => /objects\/[0-9a-f]{2}\//u.test(path))).toEqual([]);
  expect(await git.isDescendent({ ...iso, oid, ancestor: parent })).toBe(true);
  expect(await git.findMergeBase({ ...iso, oids: [oid, parent] })).toEqual([parent]);
  // Another opening finds the same.
  const again = await openRepository({ files: openMemoryFiles(contents) });
  expect(await again.objects.read(oid)).toBeDefined();
});

test("refs move by our ways only, and bytes that are not the object they are named after are not kept", async () => {
  const contents = new Map<string, Bytes>();
  const files = openMemoryFiles(contents);
  const repository = await openRepository({ files });
  const oid = await commit(repository, [{ path: "a", kind: "write", bytes: formatUtf8("a") }]);
  const iso = openIsomorphicGit(files, repository.objects);
  const before = [...contents.keys()];
  const ref = "refs/heads/other";
  await expect(git.writeRef({ ...iso, ref, value: oid })).rejects.toThrow("not written");
  await expect(git.deleteBranch({ ...iso, ref: "main" })).rejects.toThrow(/.+/u);
  const path = `/objects/aa/${"b".repeat(38)}`;
  const loose = await iso.fs.promises.readFile(`/objects/${oid.slice(0, 2)}/${oid.slice(2)}`);
  await expect(iso.fs.promises.writeFile(path, loose)).rejects.toThrow("not written");
  expect([...contents.keys()]).toEqual(before);
  expect(await repository.refs()).toEqual(new Map([["refs/heads/main", oid]]));
});
