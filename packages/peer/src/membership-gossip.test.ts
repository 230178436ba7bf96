import { openCrypto } from "@skein/auth/crypto/sodium";
import type { MembershipLog } from "@skein/auth/membership";
import { proposeRename, proposeRevoke } from "@skein/auth/membership-proposals";
import { waitingEntriesPerSenderMax } from "@skein/auth/membership-waiting";
import { makeUpAccount } from "@skein/auth/testing/account";
import { openMemoryFiles } from "@skein/git/memory-files";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, type Instant, type NodeId } from "@skein/protocol/ids";
import type { NodeMessage } from "@skein/protocol/node-message";
import { expect, test } from "vitest";
import { FirstSeen } from "./first-seen.ts";
import { Ledger } from "./ledger.ts";
import { MembershipGossip } from "./membership-gossip.ts";
import { joinParts } from "./parts.ts";
import { openScope } from "./scope.ts";

const crypto = await openCrypto();
const noon = instant(1_800_000_000_000);

interface Side {
  readonly gossip: MembershipGossip;
  /** Messages that it sent and that nobody took yet. */
  readonly sent: NodeMessage[];
  /** How often it asked for entries. */
  readonly asked: () => number;
  /** Lets it say again what it has, as the alarm does. */
  readonly repeat: (at: Instant) => void;
  readonly rest: () => Promise<void>;
}

/** One node's gossip, whose questions `answer` answers. */
async function openSide(
  log: MembershipLog,
  answer: (node: NodeId) => Pick<MembershipLog, "entriesAfter">,
): Promise<Side> {
  const sent: NodeMessage[] = [];
  const works: Array<Promise<void>> = [];
  const failed = (cause: unknown): never => {
    throw cause;
  };
  const scope = openScope(failed);
  let now = noon;
  let asked = 0;
  let ring: (now: Instant) => void = () => undefined;
  const clock = { now: () => now, wake: () => () => undefined };
  const ledger = new Ledger(openMemoryFiles());
  const firstSeen = await FirstSeen.open({ log, clock, ledger });
  firstSeen.note();
  const gossip = new MembershipGossip({
    log,
    ledger,
    firstSeen,
    clock,
    scope: {
      ...scope,
      start: (work) => {
        works.push(work(scope.signal));
      },
    },
    alarms: {
      set: (_name, _at, told) => {
        ring = told;
      },
      cancel: () => undefined,
      close: () => undefined,
    },
    ask: async (node, request): Promise<Bytes> => {
      asked += 1;
      return joinParts(request.type === "entries" ? answer(node).entriesAfter(request.heads) : []);
    },
    send: (_node, message) => sent.push(message),
    storageFailed: failed,
    assertMaySign: () => undefined,
    changed: () => undefined,
  });
  const rest = async (): Promise<void> => {
    while (works.length > 0) await works.shift();
  };
  const repeat = (at: Instant): void => {
    now = at;
    ring(at);
  };
  return { gossip, sent, asked: () => asked, repeat, rest };
}

/** Rounds, each of half a minute, until both logs are the same; what each says reaches the other. */
async function roundsUntilSame(
  logs: readonly [MembershipLog, MembershipLog],
  nodes: readonly [NodeId, NodeId],
  most: number,
): Promise<{ readonly rounds: number; readonly messages: number }> {
  const [left, right] = [
    await openSide(logs[0], () => logs[1]),
    await openSide(logs[1], () => logs[0]),
  ];
  left.gossip.connected(nodes[1]);
  right.gossip.connected(nodes[0]);
  const isSame = (): boolean => logs[0].heads().join() === logs[1].heads().join();
  let messages = 0;
  let rounds = 0;
  for (; rounds < most && !isSame(); rounds++) {
    for (const [from, to, node] of [
      [left, right, nodes[0]],
      [right, left, nodes[1]],
    ] as const) {
      for (const message of from.sent.splice(0)) {
        messages += 1;
        if (message.type === "membership-heads") to.gossip.heard(node, message);
      }
      await to.rest();
    }
    left.repeat(instant(noon + (rounds + 1) * 30_000));
    right.repeat(instant(noon + (rounds + 1) * 30_000));
  }
  return { rounds, messages };
}

/** Alice, Bob and Carol; Mallory said `forks` things in one place, and both logs have heard them all. */
function flooded(forks: number) {
  const world = makeUpAccount(crypto, 3);
  const { first: mallory, mint, change, add } = world;
  const log = world.open();
  const [alice, bob, carol] = [mint(), mint(), mint()];
  for (const node of [alice, bob, carol]) log.add(add(log, mallory, node));
  const before = log.fork();
  for (let count = 0; count < forks; count++)
    log.add(proposeRename({ ...change(before, mallory), name: `${count}` }));
  /** The revocations of Carol that Mallory said in the same place, by their ids. */
  const revocations = Array.from({ length: 24 }, (_, count) => {
    const at = instant(noon + count);
    const said = { log: before, keys: mallory, at, target: carol.id, reason: "lost" } as const;
    const bytes = proposeRevoke(said);
    const verdict = before.fork().add(bytes);
    if (!("id" in verdict)) throw new Error("it is taken");
    return { bytes, id: verdict.id };
  }).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return { log, nodes: [alice.id, bob.id] as const, carol, revocations };
}

test("of two hundred forks nobody keeps one from Bob: he hears of the last of them, wherever its id is sorted", async () => {
  for (const place of [0, 12, 23]) {
    const { log, nodes, carol, revocations } = flooded(200);
    const [alices, bobs] = [log.fork(), log.fork()];
    alices.add(revocations[place]?.bytes ?? new Uint8Array());
    expect(bobs.state().nodes.has(carol.id)).toBe(true);
    const { rounds } = await roundsUntilSame([alices, bobs], nodes, 50);
    expect(bobs.state().nodes.has(carol.id)).toBe(false);
    expect(rounds).toBeLessThanOrEqual(2);
  }
});

test("of a flood, logs of one size that lack different forks become the same, within as many rounds as it takes to tell all", async () => {
  const { log, nodes, revocations } = flooded(200);
  const [alices, bobs] = [log.fork(), log.fork()];
  // The last heads there are, so that both are told last.
  alices.add(revocations.at(-1)?.bytes ?? new Uint8Array());
  bobs.add(revocations.at(-2)?.bytes ?? new Uint8Array());
  expect(alices.size()).toBe(bobs.size());
  const { rounds, messages } = await roundsUntilSame([alices, bobs], nodes, 50);
  expect(alices.heads()).toEqual(bobs.heads());
  expect(rounds).toBeLessThanOrEqual(Math.ceil(201 / 64) + 1);
  expect(messages).toBeLessThan(20);
});

test("Mallory, who says that she has more than there is, is asked ever more seldom", async () => {
  const { log, nodes } = flooded(0);
  const alice = await openSide(log.fork(), () => log);
  const heads = log.heads();
  const hour = 60 * 60_000;
  for (let millis = 0; millis < hour; millis += 1_000) {
    alice.repeat(instant(noon + millis));
    alice.gossip.heard(nodes[1], {
      heads,
      entries: 60_000 + (millis % 7),
    });
    await alice.rest();
  }
  expect(alice.asked()).toBeLessThan(25);
});

test("A5: Mallory's flood of entries that wait drives out its own, and nothing that waits from Bob", async () => {
  const world = makeUpAccount(crypto, 5);
  const { first, mint, change, add } = world;
  const log = world.open();
  const [bob, mallory] = [mint(), mint()];
  for (const node of [bob, mallory]) log.add(add(log, first, node));
  const ahead = log.fork();
  const rename = (keys: typeof bob, name: string): Bytes =>
    proposeRename({ ...change(ahead, keys), name });
  const missing = rename(bob, "before");
  ahead.add(missing);
  const waiting = rename(bob, "after");
  ahead.add(rename(mallory, "unheard"));
  const flood = Array.from({ length: waitingEntriesPerSenderMax }, (_, count) =>
    rename(mallory, `${count}`),
  );
  const said = new Map([
    [bob.id, [waiting]],
    [mallory.id, flood],
  ]);
  const alice = await openSide(log, (node) => ({ entriesAfter: () => said.get(node) ?? [] }));
  const hear = async (node: NodeId): Promise<void> => {
    alice.gossip.heard(node, { heads: ahead.heads(), entries: 5 });
    await alice.rest();
  };
  await hear(bob.id);
  await hear(mallory.id);
  said.set(bob.id, [missing]);
  await hear(bob.id);
  expect(log.state().nodes.get(bob.id)?.name).toBe("after");
});
