import {
  instant,
  parseNodeId,
  parseRecordHash,
  type NodeId,
  type RecordHash,
} from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import { expect, test } from "vitest";
import {
  describeSync,
  repoSync,
  type RecordRefusal,
  type RepoSyncEffect,
  type RepoSyncEvent,
  type RepoSyncState,
} from "./repo-sync.ts";

type Untimed = RepoSyncEvent extends infer E ? (E extends unknown ? Omit<E, "now"> : never) : never;

const [alice, bob, carol, mallory] = ["a1", "b0", "ca", "ff"].map((pair) =>
  parseNodeId(pair.repeat(32)),
) as [NodeId, NodeId, NodeId, NodeId];
const hash = parseRecordHash("00".repeat(32)) as RecordHash;

/** Alice's machine, told one thing after another; the alarm rings when it should. */
class Play {
  readonly machine = repoSync({ me: alice, seed: 7, held: [] });
  state: RepoSyncState = this.machine.initial;
  now = 0;
  wakeAt: number | undefined;
  effects: RepoSyncEffect[] = [];

  tell(...events: ReadonlyArray<Untimed>): this {
    for (const event of events) {
      const [next, effects] = step(this.machine, this.state, { ...event, now: instant(this.now) });
      this.state = next;
      for (const effect of effects)
        if (effect.type === "wake-at") this.wakeAt = effect.at;
        else this.effects.push(effect);
    }
    return this;
  }

  until(millis: number): this {
    while (this.wakeAt !== undefined && this.wakeAt <= millis) {
      this.now = this.wakeAt;
      this.wakeAt = undefined;
      this.tell({ type: "time-passed" });
    }
    this.now = millis;
    return this;
  }

  /** What was ordered since the last look, but for what is told. */
  orders(): ReadonlyArray<string> {
    const orders = this.effects
      .filter(({ type }) => type !== "tell-heads")
      .map((effect) =>
        "from" in effect
          ? `${effect.type} ${nameOf(effect.from)}`
          : "node" in effect
            ? `${effect.type} ${nameOf(effect.node)}`
            : effect.type,
      );
    this.effects = [];
    return orders;
  }

  tells(): number {
    return this.effects.filter(({ type }) => type === "tell-heads").length;
  }
}

function nameOf(node: NodeId): string {
  return (
    new Map([
      [alice, "Alice"],
      [bob, "Bob"],
      [carol, "Carol"],
      [mallory, "Mallory"],
    ]).get(node) ?? "nobody"
  );
}

function connect(...nodes: ReadonlyArray<NodeId>): ReadonlyArray<Untimed> {
  return nodes.map((node) => ({ type: "peer-connected", node }));
}

function claim(from: NodeId, seq: number, of = carol): Untimed {
  return { type: "heads-heard", from, streams: [{ node: of, seq, hash }] };
}

function came(from: NodeId, count: number): Untimed {
  return {
    type: "records-came",
    from,
    of: carol,
    records: Array.from({ length: count }, () => new Uint8Array(9)),
  };
}

function refused(why: RecordRefusal): Untimed {
  return { type: "ref-record-judged", of: carol, verdict: "refused", why };
}

function accepted(seq: number): Untimed {
  return { type: "ref-record-judged", of: carol, verdict: "accepted", seq, hash };
}

test("the writer itself is asked first, then records are judged one by one, then objects are asked for", () => {
  const play = new Play().tell(...connect(bob, carol), claim(bob, 2));
  expect(play.orders()).toEqual(["ask-records Bob"]);
  play.tell(claim(carol, 2), came(bob, 2));
  expect(play.orders()).toEqual(["judge-record Bob"]);
  play.tell(accepted(1));
  expect(play.orders()).toEqual(["judge-record Bob", "ask-objects Carol"]);
  play.tell(accepted(2), { type: "objects-stored", of: carol, from: carol, seq: 1, hash });
  expect(play.orders()).toEqual(["advance", "ask-objects Carol"]);
  play.tell({ type: "objects-stored", of: carol, from: carol, seq: 2, hash });
  expect(play.orders()).toEqual(["advance"]);
  expect(describeSync(play.state)).toMatchObject({
    held: [{ node: carol, records: { seq: 2 }, objects: { seq: 2 } }],
    fetching: [],
  });
});

test("a forged record is blamed on who passed it on, who is asked nothing for a minute; another is asked at once", () => {
  const play = new Play().tell(...connect(mallory, bob), claim(mallory, 1));
  play.tell(claim(bob, 1), came(mallory, 1));
  play.orders();
  play.tell(refused("forged"));
  expect(play.orders()).toEqual(["penalise Mallory", "ask-records Bob"]);
  play.tell({ type: "peer-gone", node: bob }).until(59_000);
  expect(play.orders()).toEqual([]);
  expect(play.until(70_000).orders()).toEqual(["ask-records Mallory"]);
});

test("going away and coming back washes no lie off", () => {
  const play = new Play().tell(
    ...connect(mallory),
    claim(mallory, 1),
    came(mallory, 1),
    refused("forged"),
  );
  play.orders();
  play.tell({ type: "peer-gone", node: mallory }, ...connect(mallory), claim(mallory, 1));
  expect(play.orders()).toEqual([]);
});

test.each<Untimed>([came(mallory, 0), { type: "records-failed", from: mallory, of: carol }])(
  "after $type without anything another node is asked at once, and the same one later and later",
  (nothing) => {
    const play = new Play().tell(...connect(mallory, bob), claim(mallory, 1));
    play.tell(claim(bob, 1), nothing);
    expect(play.orders()).toEqual(["ask-records Mallory", "ask-records Bob"]);
    play.tell({ type: "peer-gone", node: bob });
    let asked = 0;
    for (let at = 0; at < 30 * 60_000; at += 100) {
      const orders = play
        .until(at)
        .orders()
        .filter((order) => order === "ask-records Mallory").length;
      asked += orders;
      if (orders > 0) play.tell(nothing);
    }
    expect(asked).toBeGreaterThan(4);
    expect(asked).toBeLessThan(15);
  },
);

test("who claims and never delivers is called out after six times", () => {
  const play = new Play().tell(...connect(mallory), claim(mallory, 1));
  const orders = [...play.orders()];
  for (let at = 0; at < 3 * 60_000; at += 100) {
    if (orders.at(-1) === "ask-records Mallory") play.tell(came(mallory, 0));
    orders.push(...play.until(at).orders());
  }
  expect(orders.slice(0, 7)).toEqual([
    ...Array.from({ length: 6 }, () => "ask-records Mallory"),
    "penalise Mallory",
  ]);
});

test("what was asked of a node that goes away is asked of another at once, and its late answer is ignored", () => {
  const play = new Play().tell(...connect(bob, mallory), claim(bob, 1));
  play.tell(claim(mallory, 1), { type: "peer-gone", node: bob });
  expect(play.orders()).toEqual(["ask-records Bob", "ask-records Mallory"]);
  play.tell(came(bob, 1), { type: "records-failed", from: bob, of: carol });
  expect(play.orders()).toEqual([]);
});

test("records that bring nothing new are no delivery: the same node is not asked again at once", () => {
  for (const why of ["gap", "known"] as const) {
    const play = new Play().tell(...connect(mallory), claim(mallory, 3), came(mallory, 1));
    play.orders();
    play.tell(refused(why));
    expect(play.orders()).toEqual([]);
    expect(play.until(5_000).orders()).toEqual(["ask-records Mallory"]);
  }
});

test("bad objects are blamed on who sent them, a full disk on nobody", () => {
  const play = new Play().tell(...connect(bob), claim(bob, 1), came(bob, 1), accepted(1));
  play.orders();
  play.tell({ type: "objects-failed", of: carol, from: bob, blame: "environment" });
  expect(play.orders()).toEqual([]);
  expect(play.until(10_000).orders()).toEqual(["ask-objects Bob"]);
  play.tell({ type: "objects-failed", of: carol, from: bob, blame: "peer" });
  expect(play.orders()).toEqual(["penalise Bob"]);
});

test("a copy has as long as it takes while it moves, and is ended where it does not", () => {
  const hour = 60 * 60_000;
  const play = new Play().tell(...connect(bob), claim(bob, 1), came(bob, 1), accepted(1));
  play.orders();
  for (let at = 1; at < 5; at++) {
    play.until(at * (hour - 1));
    expect(play.orders()).toEqual([]);
    play.tell({ type: "objects-moved", of: carol, from: bob });
  }
  play.tell({ type: "objects-moved", of: carol, from: mallory });
  play.until(5 * (hour - 1) - 1);
  expect(play.orders()).toEqual([]);
  play.until(5 * (hour - 1) + 1);
  expect(play.orders()).toEqual(["stop-objects Bob"]);
});

test("of a stream that forks nothing more is asked, ever", () => {
  const play = new Play().tell(
    ...connect(bob),
    claim(bob, 1),
    came(bob, 1),
    refused("equivocation"),
  );
  play.orders();
  for (let seq = 2; seq < 60; seq++) play.until(seq * 60_000).tell(claim(bob, seq));
  expect(play.orders()).toEqual([]);
  expect(describeSync(play.state).frozen).toEqual([carol]);
});

test("an unknown writer's records are asked for once, and judged again when the log changes", () => {
  const play = new Play().tell(
    ...connect(bob),
    claim(bob, 1),
    came(bob, 1),
    refused("unknown-writer"),
  );
  play.orders();
  for (let seq = 2; seq < 60; seq++) play.until(seq * 60_000).tell(claim(bob, seq));
  expect(play.orders()).toEqual([]);
  play.tell({ type: "membership-changed" });
  expect(play.orders()).toEqual(["judge-record Bob"]);
});

test("two who can give each other nothing do not talk in turns for ever", () => {
  const play = new Play().tell(...connect(bob), { type: "record-made", seq: 1, hash });
  play.until(1_000);
  play.effects = [];
  // Bob says the same every five seconds, and never has what Alice made.
  for (let at = 5_000; at <= 10 * 60_000; at += 5_000) play.until(at).tell(claim(bob, 1));
  expect(play.tells()).toBeLessThan(30);
});

test("Mallory's flood of streams that do not exist leaves room for Carol's", () => {
  const play = new Play().tell(...connect(mallory, bob));
  for (let round = 0; round < 20; round++) {
    const streams = Array.from({ length: 64 }, (_, index) => {
      const node = parseNodeId((round * 64 + index).toString(16).padStart(64, "0")) ?? bob;
      return { node, seq: 1, hash };
    });
    play.until(round * 120_000).tell({ type: "heads-heard", from: mallory, streams });
    expect(play.state.writers.size).toBeLessThanOrEqual(128);
  }
  play.orders();
  play.tell(claim(bob, 1));
  expect(play.orders()).toEqual(["ask-records Bob"]);
});
