import { SecretKey } from "@skein/auth/crypto/secret";
import { openCrypto } from "@skein/auth/crypto/sodium";
import { openDoor } from "@skein/auth/door";
import { mintNodeKeys, type NodeKeys } from "@skein/auth/identity";
import { openLog } from "@skein/auth/membership";
import { createAccount, proposeNodeAdd } from "@skein/auth/membership-proposals";
import { makePass } from "@skein/auth/pass";
import { makeHeartbeat } from "@skein/auth/ref-heartbeat";
import { makeRepoGenesis, readRecord, signRecord } from "@skein/auth/repo";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openRepository } from "@skein/git/repository";
import type { Bytes } from "@skein/protocol/bytes";
import {
  instant,
  later,
  parseObjectId,
  parseRefName,
  type Instant,
  type NodeId,
  type RecordHash,
} from "@skein/protocol/ids";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import { createSimulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { openAlarms } from "./alarms.ts";
import { FlowFailedError } from "./flows.ts";
import { openInbox } from "./inbox.ts";
import { Ledger } from "./ledger.ts";
import { joinParts } from "./parts.ts";
import { RepositoryNode } from "./repository-node.ts";
import { openScope } from "./scope.ts";
import { openTasks } from "./tasks.ts";

const crypto = await openCrypto();
const at = instant(1_700_000_000_000);
const minuteMillis = 60_000;
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

interface Signed {
  readonly seq: number;
  readonly hash: RecordHash;
  readonly bytes: Bytes;
}

type Moved = Parameters<typeof signRecord>[0]["record"]["set"];

/** Alice's account with Bob and Carol, and one repository of it on Alice's disk. */
function found() {
  const random = createSimulation({ seed: 1, weather: calm });
  const secret = (): SecretKey => new SecretKey(random.bytes(32));
  const door = openDoor(crypto, { sign: secret(), box: secret(), meeting: secret() });
  const [alice, bob, carol] = [0, 1, 2].map(() => mintNodeKeys(crypto, random));
  if (alice === undefined || bob === undefined || carol === undefined) throw new Error("nobody");
  const names = { platform: "test", at };
  const first = { crypto, random, door, keys: alice, name: "alice", ...names };
  const { genesis, readKey } = createAccount(first);
  const log = openLog({ crypto, genesis });
  if (log === undefined) throw new Error("this is a genesis");
  for (const [keys, name] of [
    [bob, "bob"],
    [carol, "carol"],
  ] as const) {
    const pass = makePass({ door, keys, name, ...names });
    const requestHash = random.bytes(32);
    const given = { crypto, random, log, keys: alice, readKey, pass, requestHash, at };
    const entry = proposeNodeAdd(given);
    if (entry !== undefined) log.add(entry);
  }
  const { account } = log;
  const { repo, bytes } = makeRepoGenesis({ crypto, keys: alice, account, name: "r", at, random });
  const disk = { ledger: new Ledger(openMemoryFiles()), git: openMemoryFiles() };
  let now = at;
  let answer: (request: StreamRequest, signal: AbortSignal) => Promise<Bytes> = async () => {
    throw new FlowFailedError("not-here");
  };
  const wakes = new Map<() => void, Instant>();
  const failed = (cause: unknown): void => {
    throw cause;
  };

  return {
    alice,
    bob: bob.id,
    bobKeys: bob,
    carol: carol.id,
    repo,
    disk,
    pass: (millis: number): void => {
      now = later(now, millis);
      for (const [ring, due] of wakes) if (due <= now && wakes.delete(ring)) ring();
    },
    /** What whoever is asked answers from now on. */
    answers: (next: typeof answer) => void (answer = next),
    /** Records with nothing in them: what matters is who signed which number. */
    record: (keys: NodeKeys, before: Signed | undefined, saidAt = 0, set: Moved = []): Signed => {
      const seq = (before?.seq ?? 0) + 1;
      const said = { version: 1, repo, node: keys.id, seq, prev: before?.hash } as const;
      const rest = { authHeads: [], format: "sha1", set, del: [] } as const;
      const record = { ...said, ...rest, head: undefined, name: undefined, at: at + saidAt };
      return { seq, ...signRecord({ crypto, keys, record }) };
    },
    /** Alice's program begins, again or for the first time. */
    start: async (): Promise<RepositoryNode> => {
      const scope = openScope(failed);
      const inbox = openInbox(failed);
      const wake = (due: Instant, ring: () => void): (() => void) => {
        wakes.set(ring, due);
        return () => void wakes.delete(ring);
      };
      const clock = { now: () => now, wake };
      const world = {
        crypto,
        keys: alice,
        log,
        clock,
        scope,
        inbox,
        alarms: openAlarms({ clock, inbox }),
        ledger: disk.ledger,
        tasks: openTasks({ parent: scope.signal, changed: () => undefined }),
        seed: () => 1,
        standsStill: () => false,
        ask: (
          _node: NodeId,
          request: StreamRequest,
          { signal }: { readonly signal: AbortSignal },
        ) => answer(request, signal),
        send: () => undefined,
        drop: () => undefined,
        nameOf: () => "somebody",
        changed: () => undefined,
        notice: () => undefined,
        cannotOpen: (_name: string, cause: unknown) => failed(cause),
        storageFailed: failed,
        breathe: () => Promise.resolve(),
      };
      await disk.ledger.writeGenesis(repo, bytes);
      const [stored] = await disk.ledger.readRepositories();
      if (stored === undefined) throw new Error("it was just written");
      const git = await openRepository({
        files: disk.git,
        breathe: world.breathe,
        now: clock.now,
      });
      return RepositoryNode.open(world, stored, { git, name: "r", at });
    },
  };
}

type Town = ReturnType<typeof found>;

/** Bob has shown Alice the first record of his. */
async function haveBobs(
  town: Town,
): Promise<{ readonly alice: RepositoryNode; readonly one: Signed }> {
  const alice = await town.start();
  const one = town.record(town.bobKeys, undefined);
  await show(town, alice, [one]);
  expect(alice.streams().get(town.bob)?.seq).toBe(1);
  return { alice, one };
}

async function show(
  town: Town,
  alice: RepositoryNode,
  records: ReadonlyArray<Signed>,
): Promise<void> {
  const last = records.at(-1);
  if (last === undefined) return;
  town.answers(async (request) => {
    if (request.type !== "records") throw new FlowFailedError("not-here");
    return joinParts(records.filter(({ seq }) => seq >= request.from).map(({ bytes }) => bytes));
  });
  alice.connected(town.bob);
  alice.heard(town.bob, [{ node: town.bob, seq: last.seq, hash: last.hash }]);
  await soon();
}

test("A22: a fork that a heartbeat shows is known after a restart, and nothing more of that stream is taken", async () => {
  const town = found();
  const { alice, one } = await haveBobs(town);
  const other = town.record(town.bobKeys, undefined, 1);
  const { repo, bobKeys: keys } = town;
  const tip = { seq: 1, hash: other.hash, version: 1 };
  alice.heartbeats.heard(town.bob, [makeHeartbeat({ keys, repo, tip, at })]);
  await soon();
  expect(alice.sync().frozen).toEqual([town.bob]);
  const again = await town.start();
  expect(again.sync().frozen).toEqual([town.bob]);
  await show(town, again, [one, town.record(town.bobKeys, one)]);
  expect(again.streams().get(town.bob)?.seq).toBe(1);
  expect(await town.disk.ledger.readProofs(repo)).toEqual([]);
});

test("A22: a fork that only shows where the next record follows on another is known after a restart", async () => {
  const town = found();
  const { alice, one } = await haveBobs(town);
  const other = town.record(town.bobKeys, undefined, 1);
  await show(town, alice, [other, town.record(town.bobKeys, other)].slice(1));
  expect(alice.sync().frozen).toEqual([town.bob]);
  const again = await town.start();
  expect(again.sync().frozen).toEqual([town.bob]);
  await show(town, again, [one, town.record(town.bobKeys, one)]);
  expect(again.streams().get(town.bob)?.seq).toBe(1);
});

interface Restored {
  readonly node: RepositoryNode;
  /** What Bob was given before the storage was turned back. */
  readonly bobs: ReadonlyArray<Signed>;
  /** What Carol knows: all that was given when the copy was made. */
  readonly carols: Signed;
}

/** Alice gave two records; she was turned back to then, and has signed a third again: Bob has four, Carol two. */
async function haveRestored(town: Town): Promise<Restored> {
  const { alice: keys, repo, disk } = town;
  const first = town.record(keys, undefined);
  const second = town.record(keys, first);
  const third = town.record(keys, second);
  const bobs = [first, second, third, town.record(keys, third)];
  const again = town.record(keys, second, 5);
  for (const { seq, hash, bytes } of [first, second, again]) {
    const stream = { seq, hash, version: 1, at, head: undefined, name: undefined, refs: [] };
    await disk.ledger.writeRecord(repo, keys.id, { bytes, stream, held: true, seenAt: at });
  }
  await disk.ledger.writeGiven(repo, { seq: 2, hash: second.hash });
  return { node: await town.start(), bobs, carols: second };
}

function tell({ alice }: Town, node: RepositoryNode, from: NodeId, last: Signed | undefined): void {
  if (last === undefined) throw new Error("there is one");
  node.connected(from);
  node.heard(from, [{ node: alice.id, seq: last.seq, hash: last.hash }]);
}

/** Carol asks for what follows on the two records that she has. */
function askThird(
  { alice, repo, carol }: Town,
  node: RepositoryNode,
): Promise<ReadonlyArray<Bytes>> {
  return node.records({ type: "records", repo, node: alice.id, from: 3 }, carol);
}

function hashes(records: ReadonlyArray<Bytes>): ReadonlyArray<string> {
  return records.map((bytes) => readRecord(crypto, bytes)?.hash ?? "");
}

test("A15: while Bob has said that he knows more, Carol is not given what Alice signed again under those numbers", async () => {
  const town = found();
  const { node, bobs, carols } = await haveRestored(town);
  let bobAnswers: (bytes: Bytes) => void = () => undefined;
  town.answers(() => new Promise((resolve) => (bobAnswers = resolve)));
  tell(town, node, town.bob, bobs[3]);
  tell(town, node, town.carol, carols);
  const given = askThird(town, node);
  await soon();
  bobAnswers(joinParts(bobs.slice(1).map(({ bytes }) => bytes)));
  expect(hashes(await given)).toEqual(bobs.slice(2).map(({ hash }) => hash));
  const [stored] = await town.disk.ledger.readRepositories();
  expect(stored?.given).toEqual({ seq: 4, hash: bobs[3]?.hash });
});

test("A15: what Bob said before he went away holds back what Alice signed again, and not for ever", async () => {
  const town = found();
  const { node, bobs, carols } = await haveRestored(town);
  tell(town, node, town.bob, bobs[3]);
  await soon();
  node.gone(town.bob);
  tell(town, node, town.carol, carols);
  expect(await askThird(town, node)).toEqual([]);
  town.pass(3 * minuteMillis);
  expect(await askThird(town, node)).toHaveLength(1);
});

test("A15: a Bob who lies about what Alice signed holds nothing back once he was asked and had nothing, whatever he says next", async () => {
  const town = found();
  const { node, bobs, carols } = await haveRestored(town);
  town.answers(async () => joinParts([]));
  tell(town, node, town.carol, carols);
  for (const said of [bobs[3], bobs[2], bobs[3]]) {
    tell(town, node, town.bob, said);
    await soon();
    expect(await askThird(town, node)).toHaveLength(1);
    node.gone(town.bob);
  }
});

test("A15: Alice catches up with a Bob who knows another record under a number that she has already signed past", async () => {
  const town = found();
  const { node, bobs } = await haveRestored(town);
  const third = bobs[2];
  if (third === undefined) throw new Error("there is one");
  await node.moveRefs([], { name: "a fourth" });
  expect(node.streams().get(town.alice.id)?.seq).toBe(4);
  town.answers(async () => joinParts(bobs.slice(1, 3).map(({ bytes }) => bytes)));
  tell(town, node, town.bob, third);
  await soon();
  await soon();
  const own = await node.records(
    { type: "records", repo: town.repo, node: town.alice.id, from: 1 },
    town.carol,
  );
  expect(hashes(own)[2]).toBe(third.hash);
});

test("A15: a Bob who has what Alice had and sends none of it keeps nobody from committing, and is let go of after an hour", async () => {
  const town = found();
  const { alice: keys } = town;
  const { node, bobs } = await haveRestored(town);
  const [ref, oid] = [parseRefName("refs/heads/main"), parseObjectId("a".repeat(40))];
  if (ref === undefined || oid === undefined) throw new Error("they are names");
  const last = town.record(keys, bobs[3], 0, [{ ref, oid }]);
  const asked: string[] = [];
  let stopped = 0;
  town.answers(async (request, signal) => {
    asked.push(request.type);
    if (request.type === "records")
      return joinParts([...bobs.slice(1), last].map(({ bytes }) => bytes));
    return await new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        stopped += 1;
        reject(new FlowFailedError("stopped"));
      }),
    );
  });
  tell(town, node, town.bob, last);
  for (let turn = 0; turn < 4; turn++) await soon();
  expect(asked).toEqual(["records", "slice"]);
  expect(await node.moveRefs([], { name: "meanwhile" })).toBe("done");
  expect(node.name()).toBe("meanwhile");
  town.pass(60 * minuteMillis - 1);
  await soon();
  expect(stopped).toBe(0);
  town.pass(1);
  await soon();
  expect(stopped).toBe(1);
  // Nobody is given what was signed in the place of what Bob has.
  tell(town, node, town.carol, bobs[1]);
  expect(await askThird(town, node)).toEqual([]);
});

test("A15: a Bob who never answers what he knows of Alice's records keeps nobody from committing for more than two minutes", async () => {
  const town = found();
  const { node, bobs } = await haveRestored(town);
  town.answers(
    (_, signal) =>
      new Promise((__, reject) =>
        signal.addEventListener("abort", () => reject(new FlowFailedError("stopped"))),
      ),
  );
  tell(town, node, town.bob, bobs[3]);
  await soon();
  const moved = node.moveRefs([], { name: "at last" });
  town.pass(2 * minuteMillis);
  expect(await moved).toBe("done");
});

test("A15: a copy that was convicted signs nothing after a restart either", async () => {
  const town = found();
  const { node, bobs } = await haveRestored(town);
  tell(town, node, town.carol, bobs[1]);
  expect(await askThird(town, node)).toHaveLength(1);
  town.answers(async () => joinParts(bobs.slice(2).map(({ bytes }) => bytes)));
  tell(town, node, town.bob, bobs[3]);
  await soon();
  expect(await node.moveRefs([], { name: "more" })).toBe("two-places");
  expect(await town.disk.ledger.readProofs(town.repo)).toHaveLength(1);
  const again = await town.start();
  expect(await again.moveRefs([], { name: "more" })).toBe("two-places");
  tell(town, again, town.carol, bobs[1]);
  expect(await askThird(town, again)).toEqual([]);
});

test("what was given in the name of the device that Alice was before says nothing of the stream that she begins", async () => {
  const town = found();
  const { repo, disk, bobKeys: former } = town;
  const first = town.record(former, undefined);
  await disk.ledger.writeGiven(repo, { seq: 9, hash: first.hash });
  const node = await town.start();
  await node.moveRefs([], { name: "a first" });
  await soon();
  node.connected(town.carol);
  const asked = { type: "records", repo, node: town.alice.id, from: 1 } as const;
  expect(await node.records(asked, town.carol)).toHaveLength(1);
  const [stored] = await disk.ledger.readRepositories();
  expect(stored?.given?.seq).toBe(1);
});
