import { expect, test } from "vitest";
import { concat, parseHex } from "@skein/protocol/bytes";
import { encode, u32 } from "@skein/protocol/codec";
import { Bug } from "@skein/protocol/errors";
import * as fields from "@skein/protocol/fields";
import {
  instant,
  parseAccountId,
  parseObjectId,
  parseRefName,
  type ObjectId,
  type RefName,
} from "@skein/protocol/ids";
import { refRecordBytesMax } from "@skein/protocol/limits";
import type { Random } from "./crypto/random.ts";
import { openCrypto } from "./crypto/sodium.ts";
import { mintNodeKeys } from "./identity.ts";
import {
  judgeRecord,
  judgeRepoGenesis,
  makeRepoGenesis,
  readRecord,
  signRecord,
  splitChanges,
  type RecordVerdict,
  type RefRecord,
  type StreamPosition,
} from "./repo.ts";

const crypto = await openCrypto();
const alice = mintNodeKeys(crypto, counting(0));
const mallory = mintNodeKeys(crypto, counting(100));
const noon = instant(1_795_222_800_000);
const account = known(parseAccountId("aa".repeat(32)));
const genesis = makeRepoGenesis({
  crypto,
  keys: alice,
  account,
  name: "thesis\u202E",
  at: noon,
  random: counting(0),
});
const { repo } = genesis;

test("a repository's genesis tells its name and who began it, to any node of its account", () => {
  expect(judgeRepoGenesis({ crypto, bytes: genesis.bytes, account })).toEqual({
    repo,
    name: "thesis",
    creator: alice.id,
    at: noon,
  });
});

test("A22: a genesis of another account, or with any bit turned, is none", () => {
  const other = known(parseAccountId("bb".repeat(32)));
  expect(judgeRepoGenesis({ crypto, bytes: genesis.bytes, account: other })).toBeUndefined();
  for (let bit = 0; bit < genesis.bytes.length * 8; bit++) {
    const bytes = flipped(genesis.bytes, bit);
    expect(judgeRepoGenesis({ crypto, bytes, account })).toBeUndefined();
  }
  expect(judgeRepoGenesis({ crypto, bytes: new Uint8Array(0), account })).toBeUndefined();
});

test("Alice's records are accepted one after another", () => {
  const first = sign(1);
  const second = sign(2, { prev: first.hash });
  expect(judge(first.bytes)).toMatchObject({ verdict: "accepted", hash: first.hash });
  expect(judge(second.bytes, at(1, first))).toMatchObject({ verdict: "accepted" });
  expect(readRecord(crypto, second.bytes)?.record).toEqual(record(2, { prev: first.hash }));
});

test("A22: a replayed record is known, and an older one is a rollback", () => {
  const first = sign(1);
  const second = sign(2, { prev: first.hash });
  expect(judge(second.bytes, at(2, second)).verdict).toBe("known");
  expect(judge(first.bytes, at(2, second)).verdict).toBe("rollback");
});

test("A22: a record that skips others is a gap, and so is a stream that begins in the middle", () => {
  const first = sign(1);
  const third = sign(3, { prev: first.hash });
  expect(judge(third.bytes, at(1, first)).verdict).toBe("gap");
  expect(judge(third.bytes).verdict).toBe("gap");
});

test("A22: two records with one number are equivocation, at the tip and one before it", () => {
  const first = sign(1);
  const fork = sign(1, { at: noon + 1 });
  expect(judge(fork.bytes, at(1, first)).verdict).toBe("equivocation");
  expect(judge(sign(2, { prev: fork.hash }).bytes, at(1, first)).verdict).toBe("equivocation");
});

test("A22: a record of another repository or of another node is a graft", () => {
  const other = makeRepoGenesis({
    crypto,
    keys: alice,
    account,
    name: "other",
    at: noon,
    random: counting(9),
  });
  expect(judge(sign(1, { repo: other.repo }).bytes).verdict).toBe("graft");
  const theirs = signRecord({ crypto, keys: mallory, record: record(1, { node: mallory.id }) });
  expect(judge(theirs.bytes).verdict).toBe("graft");
});

test("A22: a record in an older form than the one before it is a downgrade", () => {
  const first = sign(1);
  const last = { ...at(1, first), version: 2 };
  expect(judge(sign(2, { prev: first.hash }).bytes, last).verdict).toBe("downgrade");
});

test("A22: a record with any bit turned is never accepted", () => {
  const { bytes } = sign(1);
  for (let bit = 0; bit < bytes.length * 8; bit++)
    expect(["forged", "malformed", "graft"]).toContain(judge(flipped(bytes, bit)).verdict);
  for (let length = 0; length < bytes.length; length++)
    expect(["forged", "malformed"]).toContain(judge(bytes.subarray(0, length)).verdict);
  const stranger = { crypto, bytes, repo, node: alice.id, signPublic: mallory.signPublic };
  expect(judgeRecord(stranger).verdict).toBe("forged");
});

test("A23: only branches and tags are told, each of them once, and HEAD names a branch", () => {
  const oid = objectId("1");
  const main = refName("refs/heads/main");
  for (const wrong of [
    { set: [{ ref: refName("refs/remotes/p2p-0123456789ab/main"), oid }] },
    { del: [refName("refs/notes/commits")] },
    { set: [{ ref: main, oid }], del: [main] },
    { head: refName("refs/tags/v1") },
    { seq: 2, prev: undefined },
  ])
    expect(() => sign(1, wrong)).toThrow(Bug);
});

test("A24: a record above the limit is malformed, although Alice signed it", () => {
  expect(judge(signedWithTags(3)).verdict).toBe("accepted");
  expect(signedWithTags(600).length).toBeGreaterThan(refRecordBytesMax);
  expect(judge(signedWithTags(600)).verdict).toBe("malformed");
});

test("ten thousand refs fit into records, none of them lost", () => {
  const set = Array.from({ length: 10_000 }, (_, index) => ({
    ref: refName(`refs/heads/${"long/".repeat(index % 40)}${index}`),
    oid: objectId(String(index % 10)),
  }));
  const del = [refName("refs/tags/old")];
  const portions = splitChanges({ set, del });
  expect(portions.flatMap((portion) => portion.set)).toEqual(set);
  expect(portions.flatMap((portion) => portion.del)).toEqual(del);
  for (const portion of portions)
    expect(sign(1, portion).bytes.length).toBeLessThanOrEqual(refRecordBytesMax);
  expect(splitChanges({ set: [], del: [] })).toEqual([{ set: [], del: [] }]);
});

/** As a program would that knows no limits: a list of deleted tags in place of an empty one. */
function signedWithTags(count: number): Uint8Array {
  const { bytes } = sign(1, { del: [], head: undefined });
  const tags = Array.from({ length: count }, (_, index) =>
    encode(fields.refName, refName(`refs/tags/${"x".repeat(100)}${index}`)),
  );
  const untilTags = bytes.subarray(0, -64 - 6);
  const body = concat(untilTags, encode(u32, count), ...tags, Uint8Array.of(0, 0));
  return concat(body, alice.sign("ref record", parseHex(repo) ?? body, body));
}

function record(seq: number, twist: Partial<RefRecord> = {}): RefRecord {
  return {
    version: 1,
    repo,
    node: alice.id,
    seq,
    prev: undefined,
    authHeads: [],
    at: noon,
    format: "sha1",
    set: [{ ref: refName("refs/heads/main"), oid: objectId("4") }],
    del: [refName("refs/tags/v0")],
    head: refName("refs/heads/main"),
    name: undefined,
    ...twist,
  };
}

function sign(seq: number, twist: Partial<RefRecord> = {}): ReturnType<typeof signRecord> {
  return signRecord({ crypto, keys: alice, record: record(seq, twist) });
}

function judge(bytes: Uint8Array, last?: StreamPosition): RecordVerdict {
  return judgeRecord({ crypto, bytes, repo, node: alice.id, signPublic: alice.signPublic, last });
}

function at(seq: number, { hash }: Pick<StreamPosition, "hash">): StreamPosition {
  return { seq, hash, version: 1 };
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const turned = bytes.slice();
  turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return turned;
}

function refName(text: string): RefName {
  return known(parseRefName(text));
}

function objectId(digit: string): ObjectId {
  return known(parseObjectId(digit.repeat(40)));
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("expected a value");
  return value;
}

function counting(from: number): Random {
  let next = from;
  return { bytes: (length) => Uint8Array.from({ length }, () => next++) };
}
