import { formatUtf8 } from "@skein/protocol/bytes";
import { instant, parseObjectId, parseRefName } from "@skein/protocol/ids";
import type { ObjectId, RefName } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openMemoryFiles } from "./memory-files.ts";
import { openRepository } from "./repository.ts";
import type { Repository } from "./repository.ts";

test("a branch is made, renamed with HEAD on it, and had back after it was deleted", async () => {
  const { repository, one } = await tell();
  expect(await repository.createBranch("next", one)).toBe("done");
  expect(await repository.renameBranch("main", "trunk")).toBe("done");
  expect(await repository.head()).toBe("refs/heads/trunk");
  expect(await repository.deleteBranch("trunk")).toBe("is-head");
  expect(await repository.deleteBranch("next")).toBe("done");
  const [deleted] = await repository.refMoves({ ref: ref("heads/next"), limit: 1 });
  expect(deleted).toMatchObject({ from: one, to: undefined, why: "branch: deleted" });
  if (deleted === undefined) throw new Error("no move");
  expect(await repository.undoMove(deleted)).toBe("done");
  expect([...(await repository.refs()).keys()]).toEqual(["refs/heads/next", "refs/heads/trunk"]);
});

test.each([
  ["", "bad-name"],
  ["HEAD", "bad-name"],
  ["-rf", "bad-name"],
  ["a..b", "bad-name"],
  ["a/../../config", "bad-name"],
  ["../../config", "bad-name"],
  ["ma\u200bin", "bad-name"],
  ["a.lock", "bad-name"],
  ["main", "taken"],
  ["Main", "looks-alike"],
  ["ｍain", "looks-alike"],
])("a branch named %j is refused: %s", async (name, outcome) => {
  const { repository, one } = await tell();
  expect(await repository.createBranch(name, one)).toBe(outcome);
  expect((await repository.refs()).size).toBe(1);
});

test("a branch may change its own case", async () => {
  const { repository } = await tell();
  expect(await repository.renameBranch("main", "Main")).toBe("done");
  expect(await repository.renameBranch("main", "other")).toBe("no-such-ref");
});

test("a branch that would be a folder of another one is refused, and what is not here cannot be branched from", async () => {
  const { repository, one } = await tell();
  await expect(repository.createBranch("main/side", one)).rejects.toThrow("folder-and-ref");
  const unknown = parseObjectId("e".repeat(40)) as ObjectId;
  await expect(repository.createBranch("side", unknown)).rejects.toThrow("not here");
});

test("a tag is plain, or says who made it and why; a branch may begin at either", async () => {
  const { repository, one } = await tell();
  expect(await repository.createTag({ name: "plain", target: one })).toBe("done");
  const annotation = {
    author: { name: "Alice", email: "alice@example.org" },
    at: instant(1_700_000_001_000),
    offsetMinutes: 60,
    message: "First\n\nIt works.",
  };
  expect(await repository.createTag({ name: "v1", target: one, annotation })).toBe("done");
  const [plain, v1] = await repository.tags();
  expect(plain).toEqual({
    name: "plain",
    oid: one,
    target: one,
    type: "commit",
    annotation: undefined,
  });
  expect(v1).toMatchObject({
    name: "v1",
    target: one,
    annotation: { tagger: { name: "Alice", offsetMinutes: 60 }, title: "First", body: "It works." },
  });
  expect(v1?.oid).not.toBe(one);
  expect(await repository.createBranch("from-tag", v1?.oid ?? one)).toBe("done");
  expect((await repository.refs()).get(ref("heads/from-tag"))).toBe(one);
  expect(await repository.createTag({ name: "v1", target: one })).toBe("taken");
  expect(await repository.deleteTag("v1")).toBe("done");
  expect(await repository.deleteTag("v1")).toBe("no-such-ref");
});

test("a deleted tag's object is a root until it cannot be undone to", async () => {
  const { repository, one } = await tell();
  const annotation = {
    author: { name: "Alice", email: "alice@example.org" },
    at: instant(1_700_000_001_000),
    offsetMinutes: 60,
    message: "First",
  };
  await repository.createTag({ name: "v1", target: one, annotation });
  const [v1] = await repository.tags();
  await repository.deleteTag("v1");
  expect(await repository.reachableRoots()).toContain(v1?.oid);
});

async function tell(): Promise<{ readonly repository: Repository; readonly one: ObjectId }> {
  const repository = await openRepository({ files: openMemoryFiles() });
  const one = await repository.commitDraft({
    parent: undefined,
    changes: [{ path: "a", kind: "write", bytes: formatUtf8("a") }],
    message: "First",
    author: { name: "Alice", email: "alice@example.org" },
    at: instant(1_700_000_000_000),
    offsetMinutes: 0,
  });
  await repository.updateRefs([{ ref: ref("heads/main"), from: undefined, to: one }]);
  return { repository, one };
}

function ref(short: string): RefName {
  return parseRefName(`refs/${short}`) as RefName;
}
