import type { Bytes } from "@skein/protocol/bytes";
import {
  instant,
  later,
  parseNodeId,
  parseRecordHash,
  type NodeId,
  type RecordHash,
} from "@skein/protocol/ids";
import { step } from "@skein/protocol/machine";
import { createSimulation, tellStories, type Simulation } from "@skein/testkit/simulation";
import { breeze, calm, storm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import {
  repoSync,
  type HeldStream,
  type RepoSyncEffect,
  type RepoSyncEvent,
  type RepoSyncState,
  type StreamHead,
} from "./repo-sync.ts";

type Untimed = RepoSyncEvent extends infer E ? (E extends unknown ? Omit<E, "now"> : never) : never;

function idOf(number: number): NodeId {
  const id = parseNodeId(number.toString(16).padStart(64, "0"));
  if (id === undefined) throw new Error("an id");
  return id;
}

function hashOf(of: NodeId, seq: number): RecordHash {
  const hash = parseRecordHash(`${of.slice(-8)}${seq.toString(16).padStart(56, "0")}`);
  if (hash === undefined) throw new Error("a hash");
  return hash;
}

/** A record in this world: whose, which, and whether it was made by somebody else. */
function record(of: NodeId, seq: number, forged = false): Bytes {
  return Uint8Array.from([Number.parseInt(of.slice(-2), 16), seq, forged ? 1 : 0]);
}

/** One node: its machine, and what is on its disk. */
class Node {
  readonly id: NodeId;
  readonly world: World;
  readonly lies: boolean;
  readonly records = new Map<NodeId, number>();
  readonly objects = new Map<NodeId, number>();
  readonly strangers = new Set<NodeId>();
  readonly asked = new Map<string, NodeId>();
  readonly ends = new Map<() => void, { readonly key: string; readonly from: NodeId }>();
  readonly penalised: string[] = [];
  epoch = 0;
  forgetAlarm = (): void => {};
  told = 0;
  machine: ReturnType<typeof repoSync>;
  state: RepoSyncState;

  constructor(world: World, id: NodeId, lies: boolean) {
    this.world = world;
    this.id = id;
    this.lies = lies;
    this.machine = repoSync({ me: id, seed: world.simulation.between(0, 2 ** 31), held: [] });
    this.state = this.machine.initial;
  }

  tell(event: Untimed): void {
    if (this.lies) return;
    const [next, effects] = step(this.machine, this.state, {
      ...event,
      now: this.world.simulation.now(),
    });
    this.state = next;
    for (const effect of effects) this.perform(effect);
  }

  /** The program ends and starts again: only the disk is left. */
  restart(): void {
    this.epoch += 1;
    this.stopAsking();
    const held = [...this.records].map(([node, seq]): HeldStream => {
      const objects = this.objects.get(node);
      return {
        node,
        records: { seq, hash: hashOf(node, seq) },
        objects: objects === undefined ? undefined : { seq: objects, hash: hashOf(node, objects) },
      };
    });
    this.machine = repoSync({ me: this.id, seed: this.world.simulation.between(0, 2 ** 31), held });
    this.state = this.machine.initial;
  }

  make(): void {
    const seq = (this.records.get(this.id) ?? 0) + 1;
    this.records.set(this.id, seq);
    this.objects.set(this.id, seq);
    this.tell({ type: "record-made", seq, hash: hashOf(this.id, seq) });
  }

  perform(effect: RepoSyncEffect): void {
    const { simulation } = this.world;
    const { epoch } = this;
    const alive = (then: () => void) => (): void => {
      if (this.epoch === epoch) then();
    };
    switch (effect.type) {
      case "wake-at":
        this.forgetAlarm();
        this.forgetAlarm = simulation.schedule(
          effect.at,
          alive(() => this.tell({ type: "time-passed" })),
        );
        return;
      case "tell-heads":
        for (const { node, seq } of effect.streams)
          if (seq > (this.objects.get(node) ?? 0)) throw new Error("told what is not here");
        return this.world.say(this, effect.to, effect.streams);
      case "ask-records":
        return this.ask("records", effect.of, effect.from, (other) => {
          const { of, from, since } = effect;
          this.tell({ type: "records-came", of, from, records: other.show(of, since) });
        });
      case "judge-record":
        simulation.schedule(
          later(simulation.now(), simulation.between(0, 5)),
          alive(() => this.judge(effect)),
        );
        return;
      case "ask-objects":
        return this.ask("objects", effect.of, effect.from, (other) => {
          const { of, from, seq } = effect;
          if (other.lies || (other.objects.get(of) ?? 0) < seq)
            return this.tell({ type: "objects-failed", of, from, blame: "peer" });
          this.objects.set(of, Math.max(seq, this.objects.get(of) ?? 0));
          this.tell({ type: "objects-stored", of, from, seq, hash: hashOf(of, seq) });
        });
      case "penalise":
        this.penalised.push(`${this.world.kindOf(effect.node)} ${effect.why}`);
        return;
      case "stop-objects":
      case "advance":
        return;
    }
  }

  /** Three at most, so that there is more than one turn. */
  show(of: NodeId, since: number): ReadonlyArray<Bytes> {
    if (this.lies) return this.world.lie(of, since);
    const length = Math.min(3, Math.max(0, (this.records.get(of) ?? 0) - since + 1));
    return Array.from({ length }, (_, index) => record(of, since + index));
  }

  /** A stream: reliable while it lives, given up after a minute, and gone with either program. */
  ask(what: "records" | "objects", of: NodeId, from: NodeId, answer: (other: Node) => void): void {
    const { simulation, nodes } = this.world;
    const other = nodes.find(({ id }) => id === from);
    const key = `${what} ${of}`;
    if (this.asked.has(key)) throw new Error("asked for one thing twice at once");
    this.asked.set(key, from);
    const fails =
      other === undefined ||
      this.world.parted(this, other) ||
      simulation.chance(other.lies ? 0.3 : 0.05);
    const forget = simulation.schedule(
      later(simulation.now(), fails ? 60_000 : simulation.between(20, 800)),
      () => {
        this.asked.delete(key);
        this.ends.delete(forget);
        if (!fails) return answer(other);
        if (what === "records") this.tell({ type: "records-failed", of, from });
        else this.tell({ type: "objects-failed", of, from, blame: "environment" });
      },
    );
    this.ends.set(forget, { key, from });
  }

  /** Whoever went away, or everybody, answers no more. */
  stopAsking(gone?: NodeId): void {
    for (const [forget, { key, from }] of this.ends) {
      if (gone !== undefined && from !== gone) continue;
      forget();
      this.ends.delete(forget);
      this.asked.delete(key);
    }
  }

  judge({ of, bytes }: Extract<RepoSyncEffect, { readonly type: "judge-record" }>): void {
    const seq = bytes[1] ?? 0;
    const have = this.records.get(of) ?? 0;
    const refused = (why: "unknown-writer" | "known" | "gap" | "forged"): void =>
      this.tell({ type: "ref-record-judged", of, verdict: "refused", why });
    if (this.strangers.has(of) || !this.world.nodes.some(({ id }) => id === of))
      return refused("unknown-writer");
    if (bytes[2] === 1 || bytes[0] !== Number.parseInt(of.slice(-2), 16)) return refused("forged");
    if (seq <= have) return refused("known");
    if (seq > have + 1) return refused("gap");
    this.records.set(of, seq);
    this.tell({ type: "ref-record-judged", of, verdict: "accepted", seq, hash: hashOf(of, seq) });
  }
}

class World {
  readonly simulation: Simulation;
  readonly nodes: Node[];
  readonly edges: ReadonlyArray<readonly [Node, Node]>;
  apart: ReadonlySet<Node> = new Set();
  said = 0;

  /** `liar`: one node more, Mallory, whom everybody is connected to. The honest ones are connected in a chain or better. */
  constructor(
    simulation: Simulation,
    {
      honest,
      liar,
      density,
    }: { readonly honest: number; readonly liar: boolean; readonly density: number },
  ) {
    this.simulation = simulation;
    this.nodes = Array.from(
      { length: honest },
      (_, index) => new Node(this, idOf(index + 1), false),
    );
    const pairs = this.nodes.flatMap((a, index) =>
      this.nodes.slice(index + 1).map((b, next) => [a, b, next] as const),
    );
    const edges = pairs
      .filter(([, , next]) => next === 0 || simulation.chance(density))
      .map(([a, b]) => [a, b] as const);
    if (liar) {
      const mallory = new Node(this, idOf(honest + 1), true);
      edges.push(...this.nodes.map((node) => [node, mallory] as const));
      this.nodes.push(mallory);
    }
    this.edges = edges;
    for (const [a, b] of edges) this.connect(a, b);
  }

  get honest(): ReadonlyArray<Node> {
    return this.nodes.filter(({ lies }) => !lies);
  }

  connect(a: Node, b: Node): void {
    a.tell({ type: "peer-connected", node: b.id });
    b.tell({ type: "peer-connected", node: a.id });
    for (const [liar, node] of [[a, b] as const, [b, a] as const])
      if (liar.lies) this.boast(node, liar);
  }

  parted(a: Node, b: Node): boolean {
    return this.apart.has(a) !== this.apart.has(b);
  }

  say(from: Node, to: NodeId, streams: ReadonlyArray<StreamHead>): void {
    this.said += 1;
    const other = this.nodes.find(({ id }) => id === to);
    if (other === undefined) throw new Error("told a stranger");
    this.simulation.post(() => {
      if (!this.parted(from, other)) other.tell({ type: "heads-heard", from: from.id, streams });
    });
  }

  /** Mallory claims more than anybody has, of everybody and of people who do not exist, again and again. */
  boast(node: Node, mallory: Node): void {
    const streams = [...this.nodes.map(({ id }) => id), idOf(200), idOf(201)].map((of) => {
      const seq = this.simulation.pick([1, 5, 100, 2 ** 40]);
      return { node: of, seq, hash: hashOf(of, seq) };
    });
    node.tell({ type: "heads-heard", from: mallory.id, streams });
    this.simulation.schedule(later(this.simulation.now(), 20_000), () => this.boast(node, mallory));
  }

  lie(of: NodeId, since: number): ReadonlyArray<Bytes> {
    const { simulation } = this;
    return simulation.pick([
      [],
      [record(of, since, true)],
      [
        record(
          of,
          since + 1,
          since + 1 > (this.nodes.find(({ id }) => id === of)?.records.get(of) ?? 0),
        ),
      ],
      [new Uint8Array(0)],
      Array.from({ length: 40 }, () => record(of, since, true)),
    ]);
  }

  restart(node: Node): void {
    const mine = this.edges.filter((edge) => edge.includes(node));
    for (const [a, b] of mine) {
      const other = a === node ? b : a;
      other.stopAsking(node.id);
      other.tell({ type: "peer-gone", node: node.id });
    }
    node.restart();
    for (const [a, b] of mine) this.connect(a, b);
  }

  kindOf(node: NodeId): string {
    return this.nodes.some(({ id, lies }) => id === node && lies) ? "liar" : "honest";
  }

  /** One line for each stream that somebody honest does not hold to its end. */
  missing(): ReadonlyArray<string> {
    return this.honest.flatMap(({ id, objects }) =>
      this.honest
        .filter((writer) => (objects.get(writer.id) ?? 0) !== (writer.records.get(writer.id) ?? 0))
        .map((writer) => `node ${id.slice(-1)} lacks records of node ${writer.id.slice(-1)}`),
    );
  }
}

test.each([2, 3, 4, 5])(
  "whatever is lost, repeated, parted, restarted or lied about, all %i hold everything in the end",
  (honest) => {
    tellStories({ seeds: 130, first: honest * 1_000 }, (seed) => {
      const simulation = createSimulation({ seed, weather: weatherOf(seed) });
      const world = new World(simulation, {
        honest,
        liar: seed % 2 === 1,
        density: seed % 3 === 0 ? 0 : 0.5,
      });
      const { between } = simulation;
      const anybody = (): Node => simulation.pick(world.honest);
      for (let count = between(1, 12); count > 0; count--)
        simulation.schedule(instant(between(0, 240_000)), () => anybody().make());
      if (simulation.chance(0.5)) {
        simulation.schedule(
          instant(between(0, 100_000)),
          () => (world.apart = new Set([anybody()])),
        );
        simulation.schedule(instant(between(100_000, 300_000)), () => (world.apart = new Set()));
      }
      if (simulation.chance(0.5))
        simulation.schedule(instant(between(0, 240_000)), () => world.restart(anybody()));
      if (simulation.chance(0.5)) {
        const [stranger, to] = [anybody(), anybody()];
        to.strangers.add(stranger.id);
        simulation.schedule(instant(between(0, 300_000)), () => {
          to.strangers.clear();
          to.tell({ type: "membership-changed" });
        });
      }
      simulation.runUntil(instant(25 * 60_000));
      expect(world.missing()).toEqual([]);
      for (const node of world.honest)
        expect(
          node.penalised.filter((line) => /forged|bad/u.test(line) && line.startsWith("honest")),
        ).toEqual([]);
    });
  },
  60_000,
);

function weatherOf(seed: number): typeof calm {
  return [calm, breeze, storm, storm][seed % 4] ?? storm;
}

test("Carol learns Alice's commits through Bob, within a second", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const world = new World(simulation, { honest: 3, liar: false, density: 0 });
  simulation.schedule(instant(1_000), () => world.nodes[0]?.make());
  simulation.runUntil(instant(5_000));
  expect(world.missing()).toEqual([]);
});

test("a burst of commits is told in a few messages", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const world = new World(simulation, { honest: 2, liar: false, density: 1 });
  simulation.runUntil(instant(1_000));
  const before = world.said;
  for (let count = 0; count < 100; count++)
    simulation.schedule(instant(1_000 + count * 4), () => world.nodes[0]?.make());
  simulation.runUntil(instant(4_000));
  expect(world.said - before).toBeLessThan(16);
});

test("nodes at rest say little: two messages a minute to each neighbour", () => {
  for (const liar of [false, true]) {
    const simulation = createSimulation({ seed: 1, weather: storm });
    const world = new World(simulation, { honest: 5, liar, density: 1 });
    for (const node of world.honest) node.make();
    simulation.runUntil(instant(20 * 60_000));
    expect(world.missing()).toEqual([]);
    const before = world.said;
    simulation.runUntil(instant(80 * 60_000));
    expect((world.said - before) / (2 * world.edges.length)).toBeLessThan(151);
  }
});

test("Mallory, who claims and never delivers, is asked less and less", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const world = new World(simulation, { honest: 1, liar: true, density: 1 });
  const alice = world.nodes[0];
  simulation.runUntil(instant(2 * 60 * 60_000));
  const before = alice?.penalised.length ?? 0;
  simulation.runUntil(instant(4 * 60 * 60_000));
  expect(before).toBeGreaterThan(2);
  expect((alice?.penalised.length ?? 0) - before).toBeLessThan(12);
});

test("records of a stranger wait for the membership log, within a limit, and count then", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const world = new World(simulation, { honest: 2, liar: false, density: 1 });
  const [alice, bob] = world.nodes;
  if (alice === undefined || bob === undefined) throw new Error("two nodes");
  bob.strangers.add(alice.id);
  for (let count = 0; count < 40; count++) alice.make();
  simulation.runUntil(instant(60_000));
  expect(bob.objects.get(alice.id)).toBe(undefined);
  expect(bob.state.writers.get(alice.id)?.pending.length).toBe(3);
  bob.strangers.clear();
  bob.tell({ type: "membership-changed" });
  simulation.runUntil(instant(900_000));
  expect(world.missing()).toEqual([]);
});

test("a writer whose stream forks is frozen, and what was good stays", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const world = new World(simulation, { honest: 2, liar: false, density: 1 });
  const [alice, bob] = world.nodes;
  if (alice === undefined || bob === undefined) throw new Error("two nodes");
  alice.make();
  simulation.runUntil(instant(5_000));
  bob.judge = ({ of }) =>
    bob.tell({ type: "ref-record-judged", of, verdict: "refused", why: "equivocation" });
  alice.make();
  simulation.runUntil(instant(600_000));
  expect(bob.state.writers.get(alice.id)).toMatchObject({
    frozen: true,
    objects: { seq: 1 },
    recordsFetch: undefined,
  });
  expect(bob.asked.size).toBe(0);
});
