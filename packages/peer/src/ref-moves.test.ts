import type { RefRecord } from "@skein/auth/repo";
import type { Relation } from "@skein/git/history-ancestry";
import {
  instant,
  parseNodeId,
  parseObjectId,
  parseRecordHash,
  parseRefName,
  parseRepoId,
  type NodeId,
  type ObjectId,
  type RecordHash,
  type RefName,
} from "@skein/protocol/ids";
import { refsPerNodeMax } from "@skein/protocol/limits";
import { expect, test } from "vitest";
import type { StoredStream } from "./ledger.ts";
import { applyRecord, branchOf, changesTowards, planAdvance, remoteOf } from "./ref-moves.ts";

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("this is one");
  return value;
}

const ref = (name: string): RefName => must(parseRefName(name));
const oid = (digit: string): ObjectId => must(parseObjectId(digit.repeat(40)));
const hash = (digit: string): RecordHash => must(parseRecordHash(digit.repeat(64)));
const bob: NodeId = must(parseNodeId("b0".repeat(32)));
const [one, two, blob] = [oid("1"), oid("2"), oid("b")];

function stream(...refs: ReadonlyArray<readonly [name: string, oid: ObjectId]>): StoredStream {
  return {
    seq: 1,
    hash: hash("1"),
    version: 1,
    at: instant(1),
    head: undefined,
    name: undefined,
    refs: refs.map(([name, at]) => ({ ref: ref(name), oid: at })),
  };
}

/** Bob's next record: what it changes, and what does not matter here. */
function record(
  seq: number,
  { set = [], del = [] }: Partial<Pick<RefRecord, "set" | "del">>,
): RefRecord {
  return {
    version: 1,
    repo: must(parseRepoId("4e".repeat(32))),
    node: bob,
    seq,
    prev: undefined,
    authHeads: [],
    at: instant(seq),
    format: "sha1",
    set,
    del,
    head: undefined,
    name: undefined,
  };
}

/** A repository in which everything is a commit but `blob`, and all tips stand alike to each other. */
function git(relation: Relation): Parameters<typeof planAdvance>[0]["git"] {
  return {
    relation: () => Promise.resolve(relation),
    objects: { type: (of) => Promise.resolve(of === blob ? "blob" : "commit") },
  };
}

async function plan(
  relation: Relation,
  here: ReadonlyArray<readonly [name: string, oid: ObjectId]>,
  there: ReadonlyArray<readonly [name: string, oid: ObjectId]>,
): Promise<ReadonlyArray<string>> {
  const refs = new Map(here.map(([name, at]) => [ref(name), at]));
  const changes = await planAdvance({ git: git(relation), refs, target: stream(...there) });
  return changes.map((change) => change.ref);
}

test("Bob's branches are those of a remote named after the first twelve digits of his id", () => {
  expect(remoteOf(bob)).toBe("p2p-b0b0b0b0b0b0");
  expect(branchOf(ref("refs/heads/a/b"))).toBe("a/b");
  expect(branchOf(ref("refs/tags/v1"))).toBeUndefined();
});

test("Alice shows Bob's branches as they are: moved, new and gone", () => {
  const shown = new Map([
    [ref("refs/heads/main"), two],
    [ref("refs/remotes/p2p-b0b0b0b0b0b0/main"), one],
    [ref("refs/remotes/p2p-b0b0b0b0b0b0/old"), one],
    [ref("refs/remotes/p2p-cccccccccccc/old"), one],
  ]);
  const target = stream(["refs/heads/main", two], ["refs/heads/new", one], ["refs/tags/v1", one]);
  expect(changesTowards(shown, bob, target)).toEqual([
    { ref: "refs/remotes/p2p-b0b0b0b0b0b0/old", from: one, to: undefined },
    { ref: "refs/remotes/p2p-b0b0b0b0b0b0/main", from: one, to: two },
    { ref: "refs/remotes/p2p-b0b0b0b0b0b0/new", from: undefined, to: one },
  ]);
});

test("Alice's branch follows Bob's forward, and only forward", async () => {
  const [here, there] = [[["refs/heads/main", one]], [["refs/heads/main", two]]] as const;
  expect(await plan("behind", here, there)).toEqual(["refs/heads/main"]);
  expect(await plan("ahead", here, there)).toEqual([]);
  expect(await plan("diverged", here, there)).toEqual([]);
});

test("a tag that Alice has stays where it is; one that she lacks appears", async () => {
  const there = [
    ["refs/tags/v1", two],
    ["refs/tags/v2", two],
  ] as const;
  expect(await plan("behind", [["refs/tags/v1", one]], there)).toEqual(["refs/tags/v2"]);
});

test("a branch is no folder of a branch, neither of one that is here nor of one that comes along", async () => {
  const there = [
    ["refs/heads/main/deep", two],
    ["refs/heads/a", two],
    ["refs/heads/a/b", two],
  ] as const;
  expect(await plan("behind", [["refs/heads/main", one]], there)).toEqual(["refs/heads/a"]);
  const shown = changesTowards(
    new Map(),
    bob,
    stream(["refs/heads/a", one], ["refs/heads/a/b", one]),
  );
  expect(shown.map((change) => change.ref)).toEqual(["refs/remotes/p2p-b0b0b0b0b0b0/a"]);
});

test("Mallory's branch that is no commit never becomes Alice's", async () => {
  expect(await plan("behind", [], [["refs/heads/main", blob]])).toEqual([]);
  expect(await plan("behind", [["refs/heads/main", one]], [["refs/heads/main", blob]])).toEqual([]);
});

test("a record sets and deletes, and the stream says what is left", () => {
  const last = stream(["refs/heads/main", one], ["refs/heads/old", one]);
  const next = applyRecord(
    last,
    record(2, {
      set: [{ ref: ref("refs/heads/main"), oid: two }],
      del: [ref("refs/heads/old")],
    }),
    hash("2"),
  );
  expect(next).toMatchObject({
    seq: 2,
    hash: hash("2"),
    refs: [{ ref: "refs/heads/main", oid: two }],
  });
});

test("Mallory's stream may name nothing but branches and tags, and not more of them than one node has", () => {
  const set = (names: ReadonlyArray<string>): StoredStream | undefined =>
    applyRecord(
      undefined,
      record(1, { set: names.map((name) => ({ ref: ref(name), oid: one })) }),
      hash("1"),
    );
  expect(set(["refs/heads/main", "refs/tags/v1"])).toBeDefined();
  expect(set(["refs/remotes/p2p-b0b0b0b0b0b0/main"])).toBeUndefined();
  expect(set(["refs/notes/x"])).toBeUndefined();
  const many = Array.from({ length: refsPerNodeMax + 1 }, (_, index) => `refs/tags/v${index}`);
  expect(set(many.slice(1))).toBeDefined();
  expect(set(many)).toBeUndefined();
});
