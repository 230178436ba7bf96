import { expect, test } from "vitest";
import { instant, later, type RecordHash } from "@skein/protocol/ids";
import { openCrypto } from "./crypto/sodium.ts";
import { formatProof, judgeProof } from "./equivocation.ts";
import { judgeOwnTip } from "./own-stream.ts";
import { freshness, heartbeatMillis, judgeHeartbeat, makeHeartbeat } from "./ref-heartbeat.ts";
import { judgeRecord, makeRepoGenesis, readRecord, signRecord, type RefRecord } from "./repo.ts";
import { chanceOf, makeUpAccount } from "./testing/account.ts";

const crypto = await openCrypto();
const at = instant(1_700_000_000_000);
const world = makeUpAccount(crypto, 11);
const keys = world.first;
const { repo } = makeRepoGenesis({
  crypto,
  keys,
  account: world.open().account,
  name: "r",
  at,
  random: world.random,
});

function record(seq: number, prev: RecordHash | undefined, saidAt = at): RefRecord {
  return {
    version: 1,
    repo,
    node: keys.id,
    seq,
    prev,
    authHeads: [],
    at: saidAt,
    format: "sha1",
    set: [],
    del: [],
    head: undefined,
    name: undefined,
  };
}

interface Kept {
  readonly seq: number;
  readonly hash: RecordHash;
  readonly bytes: Uint8Array;
}

/** One copy of the profile: its storage, which can be copied, and the program that runs on it. */
interface Profile {
  stream: ReadonlyArray<Kept>;
  /** Noted durably before anything is handed over. */
  given: number;
  isStopped: boolean;
}

/** What one witness holds of the stream, and every record of it that it ever saw. */
interface Witness {
  readonly stream: Kept[];
  readonly seen: Map<number, Uint8Array[]>;
}

const heads = [0, 1, 2];

function write(profile: Profile, chance: () => number): void {
  if (profile.isStopped) return;
  const last = profile.stream.at(-1);
  const said = record((last?.seq ?? 0) + 1, last?.hash, later(at, Math.floor(chance() * 1e9)));
  const { bytes, hash } = signRecord({ crypto, keys, record: said });
  // It dies between signing and keeping the record, and writes another with its number when it is back.
  if (chance() < 0.2) return;
  profile.stream = [...profile.stream, { seq: said.seq, hash, bytes }];
}

function meet(profile: Profile, witness: Witness): void {
  if (profile.isStopped) return;
  const told = witness.stream.at(-1);
  const { stream, given } = profile;
  const there = stream[(told?.seq ?? 0) - 1]?.hash;
  const verdict = judgeOwnTip({ last: stream.length, given, there }, told);
  if (verdict.does === "stop") profile.isStopped = true;
  if (verdict.does === "catch-up") {
    catchUp(profile, witness, verdict.after);
    if (!profile.isStopped) meet(profile, witness);
  }
  if (verdict.does !== "give") return;
  profile.given = profile.stream.length;
  for (const one of profile.stream.slice(verdict.from - 1)) take(witness, one);
}

function catchUp(profile: Profile, witness: Witness, after: number): void {
  const { stream } = profile;
  const fetched = witness.stream.slice(after);
  const [first] = fetched.flatMap(({ bytes }) => readRecord(crypto, bytes)?.record ?? []);
  if (first?.prev !== stream[after - 1]?.hash) {
    profile.isStopped = true;
    return;
  }
  profile.stream = [...stream.slice(0, after), ...fetched];
  profile.given = profile.stream.length;
  for (let left = stream.length - after; left > 0; left--) write(profile, () => 1 - left / 1e6);
}

function take(witness: Witness, one: Kept): void {
  const seen = witness.seen.get(one.seq) ?? [];
  if (!seen.some((bytes) => bytes.join() === one.bytes.join()))
    witness.seen.set(one.seq, [...seen, one.bytes]);
  const last = witness.stream.at(-1);
  const { verdict } = judgeRecord({
    crypto,
    bytes: one.bytes,
    signPublic: keys.signPublic,
    repo,
    node: keys.id,
    last: last && { seq: last.seq, hash: last.hash, version: 1 },
  });
  if (verdict === "accepted") witness.stream.push(one);
}

// oxlint-disable-next-line eslint/complexity -- chance decides at every turn; the story is told in one piece.
function live(
  seed: number,
  hazards: { readonly restores: boolean; readonly clones: boolean; readonly witnesses: number },
): { readonly twins: number; readonly proven: number; readonly written: number } {
  const chance = chanceOf(seed);
  const witnesses = heads
    .slice(0, hazards.witnesses)
    .map((): Witness => ({ stream: [], seen: new Map() }));
  const profiles: Profile[] = [{ stream: [], given: 0, isStopped: false }];
  let snapshot: Profile | undefined;
  const pick = <T>(from: ReadonlyArray<T>): T | undefined =>
    from[Math.floor(chance() * from.length)];
  for (let turn = 0; turn < 60; turn++) {
    const profile = pick(profiles);
    const witness = pick(witnesses);
    if (profile === undefined || witness === undefined) continue;
    const kind = chance();
    if (kind < 0.45) write(profile, chance);
    else if (kind < 0.9) meet(profile, witness);
    else if (kind < 0.95) snapshot = { ...profile };
    else if (snapshot !== undefined && hazards.restores) Object.assign(profile, snapshot);
    else if (snapshot !== undefined && hazards.clones && profiles.length < 2)
      profiles.push({ ...snapshot });
  }
  // At the end all witnesses meet and show each other what they were given.
  const everything = new Map<number, Set<string>>();
  for (const { seen } of witnesses)
    for (const [seq, all] of seen)
      for (const bytes of all)
        everything.set(seq, (everything.get(seq) ?? new Set()).add(bytes.join()));
  const twins = [...everything.values()].filter((all) => all.size > 1);
  const proven = twins.filter((all) => {
    const [first, second] = [...all].map((text) => Uint8Array.from(text.split(","), Number));
    if (first === undefined || second === undefined) return false;
    const two = { sign: keys.signPublic, box: keys.boxPublic, first, second };
    return judgeProof(crypto, formatProof({ of: "record", ...two }))?.node === keys.id;
  });
  return { twins: twins.length, proven: proven.length, written: everything.size };
}

function lives(hazards: Parameters<typeof live>[1]) {
  return Array.from({ length: 50 }, (_, seed) => live(seed + 1, hazards));
}

test("A15: a program that dies while it signs never gives one number to two records", () => {
  const all = lives({ restores: false, clones: false, witnesses: 3 });
  expect(all.filter(({ twins }) => twins > 0)).toEqual([]);
  expect(all.every(({ written }) => written > 3)).toBe(true);
});

test("A15: a profile restored from a snapshot catches up with the node that knows it, and never forks", () => {
  const all = lives({ restores: true, clones: false, witnesses: 1 });
  expect(all.filter(({ twins }) => twins > 0)).toEqual([]);
});

test("A15: where a copied or restored profile forked unknown to all it met, whoever sees both has proof", () => {
  const all = [
    ...lives({ restores: true, clones: false, witnesses: 3 }),
    ...lives({ restores: false, clones: true, witnesses: 3 }),
  ];
  expect(all.filter(({ twins }) => twins > 0).length).toBeGreaterThan(5);
  expect(all.filter(({ twins, proven }) => twins !== proven)).toEqual([]);
});

test("A22: a heartbeat tells a stream that is quiet from one whose news are kept back", () => {
  const one = signRecord({ crypto, keys, record: record(1, undefined) });
  const two = signRecord({ crypto, keys, record: record(2, one.hash) });
  const tip = { seq: 2, hash: two.hash, version: 1 };
  const bytes = makeHeartbeat({ keys, repo, tip, at });
  const given = { crypto, bytes, signPublic: keys.signPublic, repo, node: keys.id };
  const judge = (last: typeof tip | undefined, before?: typeof at) =>
    judgeHeartbeat({ ...given, last, before }).verdict;
  expect(judge(tip)).toBe("fresh");
  expect(judge({ seq: 1, hash: one.hash, version: 1 })).toBe("behind");
  expect(judge(undefined)).toBe("behind");
  expect(judge({ ...tip, hash: one.hash })).toBe("equivocation");
  expect(judge({ ...tip, seq: 3 })).toBe("outdated");
  expect(judge(tip, at)).toBe("outdated");
});

test("A22: a heartbeat of another repository, another node or another key is refused, and so is one bent anywhere", () => {
  const tip = {
    seq: 1,
    hash: signRecord({ crypto, keys, record: record(1, undefined) }).hash,
    version: 1,
  };
  const bytes = makeHeartbeat({ keys, repo, tip, at });
  const other = world.mint();
  const given = {
    crypto,
    bytes,
    signPublic: keys.signPublic,
    repo,
    node: keys.id,
    last: tip,
    before: undefined,
  };
  expect(judgeHeartbeat({ ...given, node: other.id }).verdict).toBe("graft");
  expect(judgeHeartbeat({ ...given, signPublic: other.signPublic }).verdict).toBe("forged");
  for (let index = 0; index < bytes.length; index++) {
    const bent = bytes.map((byte, at_) => (at_ === index ? byte ^ 1 : byte));
    const { verdict } = judgeHeartbeat({ ...given, bytes: bent });
    expect(["graft", "forged", "malformed"]).toContain(verdict);
    expect(judgeHeartbeat({ ...given, bytes: bytes.subarray(0, index) }).verdict).not.toBe("fresh");
  }
});

test("A22: a node that is online and of which no heartbeat comes is shown as frozen, one that is away is not", () => {
  const now = later(at, 3 * heartbeatMillis);
  expect(freshness({ heard: at, onlineSince: at, now: later(at, heartbeatMillis) })).toBe("fresh");
  expect(freshness({ heard: at, onlineSince: at, now })).toBe("frozen");
  expect(freshness({ heard: at, onlineSince: undefined, now })).toBe("away");
  expect(freshness({ heard: undefined, onlineSince: now, now })).toBe("away");
});
