import { formatUtf8 } from "@skein/protocol/bytes";
import { instant } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openMemoryFiles } from "./memory-files.ts";
import { openRepository } from "./repository.ts";
import type { Repository } from "./repository.ts";

test("history shows the latest commit first, and goes on page by page", async () => {
  const { repository, tip } = await tell(["a=1", "a=2", "a=3", "a=4", "a=5"]);
  const page = await repository.history(tip, { limit: 2 });
  expect(titles(page)).toEqual(["a=5", "a=4"]);
  expect(page.more).toBe(true);
  const rest = await repository.history(tip, { limit: 3, skip: 2 });
  expect(titles(rest)).toEqual(["a=3", "a=2", "a=1"]);
  expect(rest.more).toBe(false);
});

test("the history of a file shows the commits that changed it, its birth and its death", async () => {
  const { repository, tip } = await tell(["a=1", "d/b=1", "a=2", "d/b=2", "d/b=", "a=3"]);
  const page = await repository.history(tip, { path: "d/b", limit: 10 });
  expect(titles(page)).toEqual(["d/b=", "d/b=2", "d/b=1"]);
  expect(page.more).toBe(false);
});

test("the history of a folder is that of all that is in it", async () => {
  const { repository, tip } = await tell(["d/a=1", "x=1", "d/e/b=1", "x=2"]);
  expect(titles(await repository.history(tip, { path: "d", limit: 10 }))).toEqual([
    "d/e/b=1",
    "d/a=1",
  ]);
});

test("more is said of a file only when an older commit changed it too", async () => {
  const { repository, tip } = await tell(["x=1", "a=1", "x=2", "a=2", "x=3"]);
  expect(await repository.history(tip, { path: "a", limit: 2 })).toMatchObject({ more: false });
  expect(await repository.history(tip, { path: "a", limit: 1 })).toMatchObject({ more: true });
});

test("both sides of a merge are in the history, and only the first where that is asked for", async () => {
  const { repository, tip: base } = await tell(["a=1"]);
  const ours = await extend(repository, base, ["b=1"]);
  const theirs = await extend(repository, base, ["c=1", "c=2"]);
  const merged = await repository.merge({ ours, theirs });
  if (merged.kind !== "merged") throw new Error(merged.kind);
  const all = titles(await repository.history(merged.oid, { limit: 10 }));
  expect(all.slice(1).toSorted()).toEqual(["a=1", "b=1", "c=1", "c=2"]);
  const first = await repository.history(merged.oid, { limit: 10, firstParent: true });
  expect(first.commits).toHaveLength(ours < theirs ? 3 : 4);
  expect(titles(await repository.history(merged.oid, { path: "c", limit: 10 }))).toEqual([
    "c=2",
    "c=1",
  ]);
});

test("two tips are the same, ahead, behind or diverged", async () => {
  const { repository, tip: base } = await tell(["a=1"]);
  const ours = await extend(repository, base, ["b=1"]);
  const theirs = await extend(repository, base, ["c=1"]);
  expect(await repository.relation(base, base)).toBe("same");
  expect(await repository.relation(ours, base)).toBe("ahead");
  expect(await repository.relation(base, ours)).toBe("behind");
  expect(await repository.relation(ours, theirs)).toBe("diverged");
  expect(await repository.isAncestor(base, theirs)).toBe(true);
  expect(await repository.isAncestor(ours, theirs)).toBe(false);
  expect(await repository.mergeBases(ours, theirs)).toEqual([base]);
});

test("a message is a title and what stands below it", async () => {
  const { repository } = await tell(["a=1"]);
  const oid = await write(repository, undefined, { change: "b=1", message: "Title\n\nOne.\nTwo." });
  expect(await repository.readCommit(oid)).toMatchObject({ title: "Title", body: "One.\nTwo." });
});

/** Commits in a row, each `path=text` and so titled; no text deletes the file. */
async function tell(
  changes: ReadonlyArray<string>,
): Promise<{ readonly repository: Repository; readonly tip: ObjectId }> {
  const repository = await openRepository({ files: openMemoryFiles() });
  return { repository, tip: await extend(repository, undefined, changes) };
}

async function extend(
  repository: Repository,
  from: ObjectId | undefined,
  changes: ReadonlyArray<string>,
): Promise<ObjectId> {
  let tip = from;
  for (const change of changes) tip = await write(repository, tip, { change, message: change });
  return tip as ObjectId;
}

let seconds = 1_700_000_000;

async function write(
  repository: Repository,
  parent: ObjectId | undefined,
  { change, message }: { readonly change: string; readonly message: string },
): Promise<ObjectId> {
  const [path = "", text = ""] = change.split("=");
  return repository.commitDraft({
    parent,
    changes: [
      text === ""
        ? { path, kind: "delete" }
        : { path, kind: "write", bytes: formatUtf8(`${text}\n`) },
    ],
    message,
    author: { name: "Carol", email: "carol@example.org" },
    at: instant(seconds++ * 1_000),
    offsetMinutes: 0,
  });
}

function titles(page: { readonly commits: ReadonlyArray<{ readonly title: string }> }): string[] {
  return page.commits.map(({ title }) => title);
}
