import { openCrypto } from "@skein/auth/crypto/sodium";
import { mintNodeKeys, type NodeKeys } from "@skein/auth/identity";
import type { MembershipLog } from "@skein/auth/membership";
import { openLog } from "@skein/auth/membership";
import { createAccount, proposeNodeAdd } from "@skein/auth/membership-proposals";
import { SecretKey } from "@skein/auth/crypto/secret";
import { openDoor } from "@skein/auth/door";
import { makePass } from "@skein/auth/pass";
import type { StreamPosition } from "@skein/auth/repo";
import { openMemoryFiles } from "@skein/git/memory-files";
import { instant, parseRecordHash, parseRepoId, type NodeId } from "@skein/protocol/ids";
import type { NodeMessage } from "@skein/protocol/node-message";
import { createSimulation, type Simulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { openAlarms } from "./alarms.ts";
import { Heartbeats } from "./heartbeats.ts";
import { openInbox } from "./inbox.ts";
import { Ledger, type StoredHeartbeat } from "./ledger.ts";
import { openScope } from "./scope.ts";

const crypto = await openCrypto();
const minuteMillis = 60_000;
const repo = parseRepoId("7".repeat(64));
const start = instant(1_700_000_000_000);

function position(seq: number, digit = String(seq)): StreamPosition {
  const hash = parseRecordHash(digit.repeat(64));
  if (hash === undefined) throw new Error("this is a hash");
  return { seq, hash, version: 1 };
}

interface Town {
  readonly simulation: Simulation;
  readonly log: MembershipLog;
  readonly alice: NodeKeys;
  readonly bob: NodeKeys;
}

/** Alice's account, in which Bob is too. */
function found(): Town {
  const simulation = createSimulation({ seed: 1, weather: calm });
  simulation.runUntil(start);
  const random = { bytes: simulation.bytes };
  const secret = (): SecretKey => new SecretKey(random.bytes(32));
  const door = openDoor(crypto, { sign: secret(), box: secret(), meeting: secret() });
  const [alice, bob] = [mintNodeKeys(crypto, random), mintNodeKeys(crypto, random)];
  const names = { name: "alice", platform: "test", at: start };
  const { genesis, readKey } = createAccount({ crypto, random, door, keys: alice, ...names });
  const log = openLog({ crypto, genesis });
  if (log === undefined) throw new Error("this is a genesis");
  const pass = makePass({ door, keys: bob, name: "bob", platform: "test", at: start });
  const entry = proposeNodeAdd({
    crypto,
    random,
    log,
    keys: alice,
    readKey,
    pass,
    requestHash: new Uint8Array(32),
    at: start,
  });
  if (entry !== undefined) log.add(entry);
  return { simulation, log, alice, bob };
}

/** What one node knows of heartbeats, and what it sends. */
function open(
  { simulation, log }: Town,
  keys: NodeKeys,
  known: {
    readonly given?: () => StreamPosition | undefined;
    readonly streamOf?: () => StreamPosition | undefined;
    readonly ledger?: Ledger;
    readonly stored?: ReadonlyMap<NodeId, StoredHeartbeat>;
  } = {},
) {
  if (repo === undefined) throw new Error("this is an id");
  const failed = (cause: unknown): never => {
    throw cause;
  };
  const clock = { now: simulation.now, wake: simulation.schedule };
  const said: Array<Extract<NodeMessage, { type: "ref-heartbeats" }>> = [];
  const forked: NodeId[] = [];
  const heartbeats = new Heartbeats(
    {
      crypto,
      keys,
      log,
      clock,
      ledger: known.ledger ?? new Ledger(openMemoryFiles()),
      scope: openScope(failed),
      alarms: openAlarms({ clock, inbox: openInbox(failed) }),
      send: (_node, message) => {
        if (message.type === "ref-heartbeats") said.push(message);
      },
      changed: () => undefined,
      storageFailed: failed,
    },
    {
      repo,
      stored: known.stored ?? new Map(),
      given: known.given ?? (() => undefined),
      streamOf: known.streamOf ?? (() => undefined),
      forked: (node) => forked.push(node),
    },
  );
  return { heartbeats, said, forked };
}

async function pass({ simulation }: Town, minutes: number): Promise<void> {
  const until = instant(simulation.now() + minutes * minuteMillis);
  await simulation.runUntilDrained(until, () => new Promise((done) => setImmediate(done)));
}

test("A22: where nobody gives what Alice signed, Bob is told that he is behind, and not before it had time to come", async () => {
  const town = found();
  const alice = open(town, town.alice, { given: () => position(3) });
  let known = position(2);
  const bob = open(town, town.bob, { streamOf: () => known });
  const standing = () => bob.heartbeats.standing(town.alice.id, undefined);
  expect(standing()).toBe("away");
  alice.heartbeats.connected(town.bob.id);
  bob.heartbeats.heard(town.alice.id, alice.said[0]?.heartbeats ?? []);
  expect(standing()).toBe("fresh");
  await pass(town, 3);
  expect(standing()).toBe("behind");
  known = position(3);
  expect(standing()).toBe("fresh");
  alice.heartbeats.close();
});

test("A22: a node that is connected and says nothing of where its stream ends is shown as frozen after half an hour", async () => {
  const town = found();
  const bob = open(town, town.bob, { streamOf: () => position(2) });
  const since = town.simulation.now();
  await pass(town, 29);
  expect(bob.heartbeats.standing(town.alice.id, since)).toBe("away");
  await pass(town, 2);
  expect(bob.heartbeats.standing(town.alice.id, since)).toBe("frozen");
  expect(bob.heartbeats.standing(town.alice.id, undefined)).toBe("away");
});

test("a heartbeat is made every ten minutes while somebody listens, and not while nobody does", async () => {
  const town = found();
  const alice = open(town, town.alice, { given: () => position(3) });
  alice.heartbeats.connected(town.bob.id);
  await pass(town, 35);
  const made = new Set(alice.said.flatMap(({ heartbeats }) => heartbeats.map(String)));
  expect(made.size).toBe(4);
  alice.heartbeats.gone(town.bob.id);
  const before = alice.said.length;
  await pass(town, 60);
  expect(alice.said).toHaveLength(before);
});

test("what Alice says reaches Carol through Bob, once, and an old word is no news after a restart", async () => {
  const town = found();
  const alice = open(town, town.alice, { given: () => position(2) });
  const ledger = new Ledger(openMemoryFiles());
  const bob = open(town, town.bob, { streamOf: () => position(2), ledger });
  const carol = mintNodeKeys(crypto, { bytes: town.simulation.bytes }).id;
  alice.heartbeats.connected(town.bob.id);
  bob.heartbeats.connected(carol);
  bob.heartbeats.connected(town.alice.id);
  const [said] = alice.said;
  bob.heartbeats.heard(town.alice.id, said?.heartbeats ?? []);
  bob.heartbeats.heard(carol, said?.heartbeats ?? []);
  expect(bob.said).toEqual([said]);
  await pass(town, 1);
  bob.heartbeats.close();
  alice.heartbeats.close();
  if (repo === undefined) throw new Error("this is an id");
  await ledger.writeGenesis(repo, new Uint8Array(1));
  const [stored] = await ledger.readRepositories();
  const again = open(town, town.bob, {
    streamOf: () => position(2),
    stored: stored?.heartbeats ?? new Map(),
  });
  await pass(town, 60);
  again.heartbeats.heard(carol, said?.heartbeats ?? []);
  expect(again.said).toEqual([]);
  expect(again.heartbeats.standing(town.alice.id, undefined)).toBe("away");
});

test("A22: a heartbeat that names another record in the place of the last one convicts its node", () => {
  const town = found();
  const alice = open(town, town.alice, { given: () => position(2, "a") });
  const bob = open(town, town.bob, { streamOf: () => position(2) });
  alice.heartbeats.connected(town.bob.id);
  bob.heartbeats.heard(town.alice.id, alice.said[0]?.heartbeats ?? []);
  expect(bob.forked).toEqual([town.alice.id]);
  alice.heartbeats.close();
});
