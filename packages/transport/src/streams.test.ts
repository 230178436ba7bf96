import type { Bytes } from "@skein/protocol/bytes";
import { instant, later, parseStreamId, type Instant, type StreamId } from "@skein/protocol/ids";
import { chunkBytesMax, streamsPerSessionMax, streamWindowBytes } from "@skein/protocol/limits";
import { step } from "@skein/protocol/machine";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import { createSimulation, tellStories, type Simulation } from "@skein/testkit/simulation";
import { calm, storm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import {
  nextStream,
  streamsBetween,
  type StreamMessage,
  type StreamsEffect,
  type StreamsEvent,
  type StreamsState,
} from "./streams.ts";

const request: StreamRequest = { type: "entries", heads: [] };

/** What one stream brought, and how it ended. */
interface Got {
  bytes: number;
  wrong: boolean;
  end: string | undefined;
}

type Untimed = StreamsEvent extends infer E ? (E extends unknown ? Omit<E, "now"> : never) : never;

/** One side: its machine, the sources it can find (by size), and what it got. */
class Side {
  readonly got = new Map<StreamId, Got>();
  readonly sizes = new Map<StreamId, number>();
  readonly sources = new Map<StreamId, number>();
  readonly log: StreamsEffect[] = [];
  readonly simulation: Simulation;
  readonly machine: ReturnType<typeof streamsBetween>;
  other: Side | undefined;
  consumes = true;
  finds: (stream: StreamId) => number | undefined = () => undefined;
  state: StreamsState;
  sent = 0;
  forgetAlarm = (): void => {};

  constructor(simulation: Simulation, opens: "odd" | "even") {
    this.simulation = simulation;
    this.machine = streamsBetween({ opens, start: simulation.between(0, 0xffff_ffff) });
    this.state = this.machine.initial;
  }

  tell(event: Untimed): void {
    const [next, effects] = step(this.machine, this.state, {
      ...event,
      now: this.simulation.now(),
    });
    this.state = next;
    for (const effect of effects) this.perform(effect);
  }

  open(size: number, bytesMax = 4 * 1024 * 1024): StreamId {
    const stream = nextStream(this.state);
    this.sizes.set(stream, size);
    this.got.set(stream, { bytes: 0, wrong: false, end: undefined });
    this.tell({ type: "opened-here", stream, request, bytesMax });
    return stream;
  }

  perform(effect: StreamsEffect): void {
    const { simulation } = this;
    this.log.push(effect);
    if (effect.type === "send") {
      if (effect.message.type === "stream-chunk") this.sent += effect.message.bytes.length;
      simulation.post(() =>
        this.other?.tell({ type: "message-received", message: effect.message }),
      );
    } else if (effect.type === "wake-at") {
      this.forgetAlarm();
      this.forgetAlarm = simulation.schedule(effect.at, () => this.tell({ type: "time-passed" }));
    } else if (effect.type === "start-source") {
      const { stream } = effect;
      const size = this.other?.sizes.get(stream) ?? this.finds(stream);
      simulation.schedule(later(simulation.now(), simulation.between(0, 50)), () => {
        if (size === undefined)
          return this.tell({ type: "source-refused", stream, why: "not-here" });
        this.sources.set(stream, size);
        this.tell({ type: "source-ready", stream, bytes: size, objects: 1 });
      });
    } else if (effect.type === "read-source") {
      const { stream, offset, length } = effect;
      if ((this.sources.get(stream) ?? 0) < offset + length) throw new Error("read past the end");
      simulation.schedule(later(simulation.now(), 1), () =>
        this.tell({ type: "source-bytes", stream, offset, bytes: piece(stream, offset, length) }),
      );
    } else if (effect.type === "drop-source") {
      this.sources.delete(effect.stream);
    } else this.collect(effect);
  }

  collect(
    effect: Extract<
      StreamsEffect,
      { readonly type: "offered" | "deliver" | "finished" | "failed" }
    >,
  ): void {
    const got = this.got.get(effect.stream);
    if (got === undefined || got.end !== undefined)
      throw new Error("brought what nobody waits for");
    if (effect.type === "deliver") {
      got.wrong ||=
        got.bytes !== effect.offset || !isPiece(effect.stream, effect.offset, effect.bytes);
      got.bytes += effect.bytes.length;
      if (this.consumes) this.tell({ type: "consumed", stream: effect.stream, upto: got.bytes });
    } else if (effect.type === "finished") got.end = "finished";
    else if (effect.type === "failed") got.end = effect.why;
  }
}

/** Every stream has bytes of its own. */
function piece(stream: StreamId, offset: number, length: number): Bytes {
  const from = (stream % 997) + offset;
  return noise.slice(from, from + length);
}

function isPiece(stream: StreamId, offset: number, bytes: Bytes): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).equals(
    piece(stream, offset, bytes.length),
  );
}

const noise = createSimulation({ seed: 1, weather: calm }).bytes(4 * 1024 * 1024);

function meet(simulation: Simulation): { readonly alice: Side; readonly bob: Side } {
  const alice = new Side(simulation, "odd");
  const bob = new Side(simulation, "even");
  alice.other = bob;
  bob.other = alice;
  alice.tell({ type: "session-up" });
  bob.tell({ type: "session-up" });
  return { alice, bob };
}

function breakAndMend(
  simulation: Simulation,
  { at, millis }: { readonly at: Instant; readonly millis: number },
  sides: ReadonlyArray<Side>,
): void {
  for (const side of sides) {
    simulation.schedule(at, () => side.tell({ type: "session-lost" }));
    simulation.schedule(later(at, millis), () => side.tell({ type: "session-up" }));
  }
}

function expectNothingLeft(...sides: ReadonlyArray<Side>): void {
  for (const side of sides) {
    expect(side.state.receiving.size).toBe(0);
    expect(side.state.sending.size).toBe(0);
    expect(side.sources.size).toBe(0);
  }
}

const sizes = [
  0,
  1,
  255,
  chunkBytesMax - 1,
  chunkBytesMax,
  chunkBytesMax + 1,
  100_000,
  streamWindowBytes,
  streamWindowBytes + 1,
];

test("in calm weather every size arrives whole, and each byte is sent once", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const { alice, bob } = meet(simulation);
  const streams = [...sizes, 3 * 1024 * 1024].map((size) => alice.open(size));
  simulation.settle();
  for (const stream of streams) expect(alice.got.get(stream)?.bytes).toBe(alice.sizes.get(stream));
  expect(bob.sent).toBe([...alice.sizes.values()].reduce((sum, size) => sum + size, 0));
  expectNothingLeft(alice, bob);
});

test("in a storm, with a session that breaks and a path that changes, what arrives is whole, and little is given up", () => {
  let silent = 0;
  tellStories({ seeds: 60 }, (seed) => {
    const simulation = createSimulation({ seed, weather: storm });
    const { alice, bob } = meet(simulation);
    if (seed % 2 === 0)
      breakAndMend(
        simulation,
        { at: instant(simulation.between(0, 5_000)), millis: simulation.between(1, 20_000) },
        [alice, bob],
      );
    const big = seed % 10 === 0 ? 3 * 1024 * 1024 : simulation.between(1, 300_000);
    for (const side of [alice, bob])
      for (const size of [simulation.pick(sizes), simulation.between(1, 70_000), big])
        side.open(size);
    simulation.settle();
    for (const side of [alice, bob])
      for (const [stream, got] of side.got) {
        const size = side.sizes.get(stream);
        expect(got).toEqual({
          bytes: got.end === "silence" ? got.bytes : size,
          wrong: false,
          end: expect.stringMatching(/finished|silence/u),
        });
        silent += got.end === "silence" ? 1 : 0;
      }
    expectNothingLeft(alice, bob);
  });
  expect(silent).toBeLessThan(5);
});

test("what is lost is repaired without sending everything twice", () => {
  const simulation = createSimulation({
    seed: 1,
    weather: { ...storm, loss: 0.1, duplicate: 0, reorder: 0 },
  });
  const { alice, bob } = meet(simulation);
  alice.open(3 * 1024 * 1024);
  simulation.settle();
  expect(bob.sent).toBeLessThan(1.5 * 3 * 1024 * 1024);
});

test("a reader that consumes nothing is sent one window and no more", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const { alice, bob } = meet(simulation);
  alice.consumes = false;
  const stream = alice.open(3 * 1024 * 1024);
  simulation.runUntil(instant(4 * 60_000));
  expect(bob.sent).toBe(streamWindowBytes);
  expect(alice.got.get(stream)?.end).toBe(undefined);
  simulation.settle();
  expect(bob.sent).toBe(streamWindowBytes);
  expect(alice.got.get(stream)?.end).toBe("cancelled");
  expectNothingLeft(alice, bob);
});

test("a slow reader is waited for", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const { alice, bob } = meet(simulation);
  alice.consumes = false;
  const stream = alice.open(600_000);
  simulation.schedule(instant(120_000), () => {
    alice.consumes = true;
    alice.tell({ type: "consumed", stream, upto: 400_000 });
  });
  simulation.settle();
  expect(alice.got.get(stream)?.end).toBe("finished");
  expectNothingLeft(alice, bob);
});

test("without room on the path nothing is read, and control messages still pass", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const { alice, bob } = meet(simulation);
  bob.tell({ type: "no-room" });
  const stream = alice.open(100_000);
  simulation.runUntil(instant(500));
  expect(bob.sent).toBe(0);
  expect(
    bob.log.some((effect) => effect.type === "send" && effect.message.type === "stream-offer"),
  ).toBe(true);
  bob.tell({ type: "room" });
  simulation.settle();
  expect(alice.got.get(stream)?.end).toBe("finished");
});

test("streams take turns: a small one is not kept waiting by a large one", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const { alice } = meet(simulation);
  const large = alice.open(3 * 1024 * 1024);
  simulation.runUntil(instant(100));
  const small = alice.open(40_000);
  while (alice.got.get(small)?.end === undefined) simulation.runUntil(later(simulation.now(), 1));
  expect(alice.got.get(large)?.end).toBe(undefined);
});

test("more streams than the other side answers at once wait for their turn", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const { alice, bob } = meet(simulation);
  for (let count = 0; count < 3 * streamsPerSessionMax; count++) alice.open(1_000);
  let most = 0;
  for (let at = 0; at < 2_000; at++) {
    simulation.runUntil(instant(at));
    most = Math.max(most, bob.state.sending.size);
  }
  expect(most).toBe(streamsPerSessionMax);
  expect([...alice.got.values()].every((got) => got.end === "finished")).toBe(true);
});

test("what is larger than was bargained for is refused before the first byte", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const { alice, bob } = meet(simulation);
  const stream = alice.open(1_001, 1_000);
  simulation.settle();
  expect(alice.got.get(stream)?.end).toBe("too-large");
  expect(bob.sent).toBe(0);
  expectNothingLeft(alice, bob);
});

test("what is not there is said to be not there", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const { alice, bob } = meet(simulation);
  const stream = alice.open(1);
  alice.sizes.delete(stream);
  simulation.settle();
  expect(alice.got.get(stream)?.end).toBe("not-here");
  expectNothingLeft(alice, bob);
});

test("what is not wanted any more ends on both sides", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const { alice, bob } = meet(simulation);
  const mine = alice.open(3 * 1024 * 1024);
  const theirs = bob.open(3 * 1024 * 1024);
  simulation.runUntil(instant(150));
  alice.tell({ type: "cancelled", stream: mine });
  alice.tell({ type: "cancelled", stream: theirs });
  simulation.settle();
  expect(alice.got.get(mine)?.end).toBe("cancelled");
  expect(bob.got.get(theirs)?.end).toBe("cancelled");
  expectNothingLeft(alice, bob);
});

test("a node that falls silent is let go of after a minute, on both sides", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const { alice, bob } = meet(simulation);
  const stream = alice.open(3 * 1024 * 1024);
  simulation.runUntil(instant(100));
  simulation.changeWeather({ ...calm, loss: 1 });
  simulation.runUntil(instant(50_000));
  expect(alice.got.get(stream)?.end).toBe(undefined);
  simulation.runUntil(instant(70_000));
  expect(alice.got.get(stream)?.end).toBe("silence");
  simulation.settle();
  expectNothingLeft(alice, bob);
});

test("a node that started again is asked anew: what it forgot ends at once", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const { alice, bob } = meet(simulation);
  const stream = alice.open(3 * 1024 * 1024);
  simulation.runUntil(instant(100));
  alice.tell({ type: "session-lost" });
  bob.state = bob.machine.initial;
  bob.sources.clear();
  bob.tell({ type: "session-up" });
  alice.tell({ type: "session-up" });
  simulation.runUntil(instant(1_000));
  expect(alice.got.get(stream)?.end).toBe("not-here");
});

test("no message of Mallory's throws, or makes a node keep more than its limits", () => {
  tellStories({ seeds: 12 }, (seed) => {
    const simulation = createSimulation({ seed, weather: calm });
    const alice = new Side(simulation, "odd");
    alice.finds = () => simulation.between(0, 100_000);
    alice.tell({ type: "session-up" });
    for (let count = 0; count < 4; count++) alice.open(1_000_000);
    alice.sizes.clear();
    const streams = [
      ...alice.got.keys(),
      ...[...alice.got.keys()].map((stream) => parseStreamId(stream + 1) ?? stream),
    ];
    const numbers = [0, 1, chunkBytesMax, streamWindowBytes, 1_000_000, 2 ** 48 - 1];
    const number = (): number => simulation.pick([...numbers, simulation.between(0, 600_000)]);
    for (let count = 0; count < 300; count++) {
      const stream = simulation.chance(0.9)
        ? simulation.pick(streams)
        : (parseStreamId(simulation.between(1, 0xffff_ffff)) ?? simulation.pick(streams));
      const message = simulation.pick<StreamMessage>([
        { type: "stream-open", stream, request },
        { type: "stream-offer", stream, bytes: number(), objects: 1 },
        { type: "stream-grant", stream, from: number(), until: number() },
        {
          type: "stream-chunk",
          stream,
          offset: number(),
          bytes: simulation.bytes(simulation.pick([0, 1, 1, 300])),
        },
        {
          type: "stream-chunk",
          stream,
          offset: number(),
          bytes: simulation.bytes(simulation.pick([1, chunkBytesMax])),
        },
        ...(simulation.chance(0.02)
          ? [{ type: "stream-reset", stream, reason: "complete" } as const]
          : []),
      ]);
      // What Mallory makes up is not what was asked for; that it is whole is for the hash above to say.
      for (const got of alice.got.values()) got.wrong = true;
      alice.tell({ type: "message-received", message });
      simulation.runUntil(later(simulation.now(), simulation.between(0, 20)));
      expect(kept(alice.state)).toBeLessThanOrEqual(4 * streamWindowBytes);
      expect(alice.state.sending.size).toBeLessThanOrEqual(streamsPerSessionMax);
    }
    simulation.settle();
    expectNothingLeft(alice);
    for (const got of alice.got.values()) expect(got.end).not.toBe(undefined);
  });
});

test("a byte at a time costs a node a bounded number of pieces", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const alice = new Side(simulation, "odd");
  alice.tell({ type: "session-up" });
  const stream = alice.open(1);
  alice.tell({
    type: "message-received",
    message: { type: "stream-offer", stream, bytes: 100_000, objects: 1 },
  });
  for (let offset = 99_998; offset > 0; offset -= 2)
    alice.tell({
      type: "message-received",
      message: { type: "stream-chunk", stream, offset, bytes: new Uint8Array(1) },
    });
  const flowing = alice.state.receiving.get(stream);
  expect(flowing?.phase === "flowing" && flowing.pieces.length).toBe(128);
});

test("a program started again uses other numbers, and the two sides never the same", () => {
  const numbers = Array.from({ length: 100 }, (_, start) =>
    nextStream(
      streamsBetween({ opens: start % 2 === 0 ? "odd" : "even", start: start * 40_000_000 })
        .initial,
    ),
  );
  expect(new Set(numbers).size).toBe(100);
  numbers.forEach((number, start) => expect(number % 2).toBe(start % 2 === 0 ? 1 : 0));
});

/** Bytes that a machine holds. */
function kept(state: StreamsState): number {
  return [...state.receiving.values()]
    .flatMap((one) => (one.phase === "flowing" ? one.pieces : []))
    .reduce((sum, { bytes }) => sum + bytes.length, 0);
}
