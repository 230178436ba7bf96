import { SecretKey } from "@skein/auth/crypto/secret";
import { openCrypto } from "@skein/auth/crypto/sodium";
import { openDoor } from "@skein/auth/door";
import { mintNodeKeys, type NodeKeys } from "@skein/auth/identity";
import { openLog, type MembershipLog } from "@skein/auth/membership";
import { createAccount, proposeNodeAdd } from "@skein/auth/membership-proposals";
import { makePass } from "@skein/auth/pass";
import { makeRepoGenesis } from "@skein/auth/repo";
import { openMemoryFiles } from "@skein/git/memory-files";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, type NodeId } from "@skein/protocol/ids";
import { createSimulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { openAlarms } from "./alarms.ts";
import { FlowFailedError } from "./flows.ts";
import { openInbox } from "./inbox.ts";
import { Ledger } from "./ledger.ts";
import { Repositories, type RepositoryPorts } from "./repositories.ts";
import { openScope } from "./scope.ts";
import { openTasks } from "./tasks.ts";

const crypto = await openCrypto();
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const at = instant(1_000_000);

interface Town {
  readonly repositories: Repositories;
  readonly log: MembershipLog;
  readonly alice: NodeKeys;
  readonly bob: NodeKeys;
  /** Whose answers Alice gets when she asks for a genesis. */
  readonly answers: Map<NodeId, Bytes>;
  readonly asked: NodeId[];
  /** Alice lets Bob in. */
  readonly admitBob: () => void;
  readonly close: () => Promise<void>;
}

/** Alice's repositories, and Bob, who asks to be let in. */
function found(): Town {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const random = simulation;
  const secret = (): SecretKey => new SecretKey(random.bytes(32));
  const door = openDoor(crypto, { sign: secret(), box: secret(), meeting: secret() });
  const [alice, bob] = [mintNodeKeys(crypto, random), mintNodeKeys(crypto, random)];
  const names = { name: "alice", platform: "test" };
  const { genesis, readKey } = createAccount({ crypto, random, door, keys: alice, ...names, at });
  const log = openLog({ crypto, genesis });
  if (log === undefined) throw new Error("this is a genesis");
  const pass = makePass({ door, keys: bob, name: "bob", platform: "test", at });
  const failed = (cause: unknown): void => {
    throw cause;
  };
  const scope = openScope(failed);
  const inbox = openInbox(failed);
  const clock = { now: () => at, wake: () => () => undefined };
  const answers = new Map<NodeId, Bytes>();
  const asked: NodeId[] = [];
  const world = {
    crypto,
    keys: alice,
    log,
    clock,
    scope,
    inbox,
    alarms: openAlarms({ clock, inbox }),
    ledger: new Ledger(openMemoryFiles()),
    tasks: openTasks({ parent: scope.signal, changed: () => undefined }),
    seed: () => 1,
    standsStill: () => false,
    ask: async (node: NodeId): Promise<Bytes> => {
      asked.push(node);
      const answer = answers.get(node);
      if (answer === undefined) throw new FlowFailedError("not-here");
      return answer;
    },
    send: () => undefined,
    drop: () => undefined,
    nameOf: () => "somebody",
    changed: () => undefined,
    notice: () => undefined,
    cannotOpen: (_name: string, cause: unknown) => failed(cause),
    storageFailed: failed,
  };
  const ports: RepositoryPorts = {
    random,
    openFiles: () => Promise.resolve(openMemoryFiles()),
    storedRepositories: () => Promise.resolve([]),
    removeFiles: () => Promise.resolve(),
    breathe: () => Promise.resolve(),
  };
  return {
    repositories: new Repositories(world, ports),
    log,
    alice,
    bob,
    answers,
    asked,
    admitBob: () => {
      const requestHash = random.bytes(32);
      const given = { crypto, random, log, keys: alice, readKey, pass, requestHash, at };
      const entry = proposeNodeAdd(given);
      if (entry !== undefined) log.add(entry);
    },
    close: async () => scope[Symbol.asyncDispose](),
  };
}

function genesisBy(keys: NodeKeys, { account }: MembershipLog): ReturnType<typeof makeRepoGenesis> {
  const random = createSimulation({ seed: 2, weather: calm });
  return makeRepoGenesis({ crypto, keys, account, name: "notes", at, random });
}

test("what Mallory, who spoke of it first, lies about or withholds, Carol gives", async () => {
  const town = found();
  const { repositories, log, alice, answers, asked } = town;
  const [mallory, sly, carol] = [0, 1, 2].map((seed) => {
    const random = createSimulation({ seed: 10 + seed, weather: calm });
    return mintNodeKeys(crypto, random).id;
  });
  if (mallory === undefined || sly === undefined || carol === undefined) throw new Error("nobody");
  const { repo, bytes } = genesisBy(alice, log);
  answers.set(mallory, new Uint8Array(100));
  answers.set(carol, bytes);
  for (const node of [mallory, sly, carol]) {
    repositories.connected(node);
    repositories.heard(node, { repo, streams: [] });
  }
  await soon();
  await soon();
  expect(asked).toEqual([mallory, sly, carol]);
  expect(repositories.all().map((node) => node.name())).toEqual(["notes"]);
  await town.close();
});

test("a repository by Bob, whom the log does not know yet, arrives when it does", async () => {
  const town = found();
  const { repositories, log, bob, answers, asked } = town;
  const { repo, bytes } = genesisBy(bob, log);
  answers.set(bob.id, bytes);
  repositories.connected(bob.id);
  repositories.heard(bob.id, { repo, streams: [] });
  await soon();
  expect(repositories.all()).toEqual([]);
  town.admitBob();
  repositories.membershipChanged();
  await soon();
  await soon();
  expect(asked).toEqual([bob.id, bob.id]);
  expect(repositories.find(repo)?.name()).toBe("notes");
  await town.close();
});
