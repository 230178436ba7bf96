import type { Bytes } from "@skein/protocol/bytes";
import { instant } from "@skein/protocol/ids";
import { createSimulation, type Simulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import { describe, expect, test } from "vitest";
import type { Channels, ChannelsEvent } from "./channels.ts";
import { memoryFabric, type MemoryFabric } from "./memory-channels.ts";
import { channelsOver, serveChannels, type MessagePortLike } from "./port-channels.ts";

interface Scene {
  readonly simulation: Simulation;
  readonly fabric: MemoryFabric;
  readonly alice: Channels;
  readonly bob: Channels;
  readonly heard: { readonly alice: ChannelsEvent[]; readonly bob: ChannelsEvent[] };
  readonly until: (millis: number) => void;
}

/** Alice and Bob, each with channels; signals travel between them by themselves. */
function meet(wrap: (channels: Channels, simulation: Simulation) => Channels): Scene {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const fabric = memoryFabric({
    alarm: { now: simulation.now, wake: simulation.schedule },
    random: simulation.random,
    latencyMillisMax: 20,
  });
  const alice = wrap(fabric.channelsOf("Alice"), simulation);
  const bob = wrap(fabric.channelsOf("Bob"), simulation);
  const heard = { alice: [] as ChannelsEvent[], bob: [] as ChannelsEvent[] };
  const join = (channels: Channels, events: ChannelsEvent[], other: Channels): void =>
    channels.listen((event) => {
      events.push(event);
      if (event.type === "signal") simulation.post(() => other.signal(event.attempt, event.body));
    });
  join(alice, heard.alice, bob);
  join(bob, heard.bob, alice);
  return {
    simulation,
    fabric,
    alice,
    bob,
    heard,
    until: (millis) => simulation.runUntil(instant(millis)),
  };
}

function open({ alice, bob, until }: Scene): void {
  alice.open({ attempt: "1", initiator: true, iceServers: [] });
  bob.open({ attempt: "1", initiator: false, iceServers: [] });
  until(1_000);
}

function said(events: ReadonlyArray<ChannelsEvent>): ReadonlyArray<string> {
  return events.map(({ type }) => type).filter((type) => type !== "signal");
}

/** Two ends of a port: what is posted is moved, as between a page and its worker. */
function portPair(simulation: Simulation): readonly [MessagePortLike, MessagePortLike] {
  const ends: MessagePortLike[] = [0, 1].map((side) => ({
    onmessage: null,
    postMessage: (message, transfer) => {
      const data: unknown = structuredClone(message, { transfer });
      simulation.schedule(simulation.now(), () => ends[1 - side]?.onmessage?.({ data }));
    },
  }));
  const [page, worker] = ends;
  if (page === undefined || worker === undefined) throw new Error("two ends");
  return [page, worker];
}

const wraps: ReadonlyArray<
  readonly [string, (channels: Channels, simulation: Simulation) => Channels]
> = [
  ["in memory", (channels) => channels],
  [
    "over a port",
    (channels, simulation) => {
      const [page, worker] = portPair(simulation);
      serveChannels(page, channels);
      return channelsOver(worker, { supported: channels.supported });
    },
  ],
];

describe.each(wraps)("channels %s", (_name, wrap) => {
  test("Alice and Bob connect, and packets keep their borders and their order", () => {
    const scene = meet(wrap);
    open(scene);
    for (let number = 0; number < 50; number++)
      expect(scene.alice.send("1", Uint8Array.of(number, 2, 3).subarray(0, 2))).toBe(true);
    scene.until(2_000);
    const packets = scene.heard.bob.filter((event) => event.type === "packet");
    expect(packets.map(({ bytes }) => bytes)).toEqual(
      Array.from({ length: 50 }, (_, number) => Uint8Array.of(number, 2)),
    );
  });

  test("nothing is taken before the connection stands, or after it has ended", () => {
    const scene = meet(wrap);
    expect(scene.alice.send("1", Uint8Array.of(1))).toBe(false);
    open(scene);
    scene.alice.close("1");
    scene.until(2_000);
    expect(scene.alice.send("1", Uint8Array.of(1))).toBe(false);
    expect(scene.bob.send("1", Uint8Array.of(1))).toBe(false);
    expect(said(scene.heard.alice)).toEqual(["connected", "closed"]);
    expect(scene.heard.alice.at(-1)).toMatchObject({ why: "closed-here" });
    expect(scene.heard.bob.at(-1)).toMatchObject({ type: "closed", why: "closed-there" });
  });

  test("a full channel says so, says when it has room, and loses nothing", () => {
    const scene = meet(wrap);
    open(scene);
    let sent = 0;
    let rooms = 0;
    const fill = (): void => {
      while (sent < 300 && scene.alice.send("1", new Uint8Array(16_000))) sent += 1;
    };
    fill();
    expect(sent).toBeLessThan(40);
    for (let at = 1_000; at < 10_000; at += 5) {
      scene.until(at);
      const now = scene.heard.alice.filter(({ type }) => type === "room").length;
      if (now > rooms) fill();
      rooms = now;
    }
    const got = scene.heard.bob.reduce(
      (sum, event) => sum + (event.type === "packet" ? event.bytes.length : 0),
      0,
    );
    expect(sent).toBe(300);
    expect(got).toBe(300 * 16_000);
  });

  test("two who cannot reach each other learn it after twenty seconds", () => {
    const scene = meet(wrap);
    scene.fabric.refuse("Alice", "Bob", true);
    open(scene);
    scene.until(30_000);
    for (const events of [scene.heard.alice, scene.heard.bob])
      expect(events.at(-1)).toEqual({ type: "closed", attempt: "1", why: "timeout" });
  });

  test("a stall is told, holds packets back, and ends", () => {
    const scene = meet(wrap);
    open(scene);
    scene.fabric.stall("Alice", "Bob", true);
    scene.alice.send("1", Uint8Array.of(1));
    scene.until(2_000);
    expect(said(scene.heard.bob)).toEqual(["connected", "stalled"]);
    scene.fabric.stall("Bob", "Alice", false);
    scene.until(3_000);
    expect(said(scene.heard.bob)).toEqual(["connected", "stalled", "connected", "packet"]);
  });

  test("a cut ends both sides, and signals for an attempt that is over are ignored", () => {
    const scene = meet(wrap);
    open(scene);
    scene.fabric.cut("Alice", "Bob");
    scene.until(2_000);
    scene.bob.signal("1", "offer of Alice");
    scene.bob.signal("2", "nonsense");
    scene.until(3_000);
    expect(said(scene.heard.alice)).toEqual(["connected", "closed"]);
    expect(said(scene.heard.bob)).toEqual(["connected", "closed"]);
  });
});

test("a packet is moved to the page, not copied", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const [, worker] = portPair(simulation);
  const channels = channelsOver(worker, { supported: true });
  channels.listen(() => {});
  worker.onmessage?.({ data: { type: "event", event: { type: "connected", attempt: "1" } } });
  const packet: Bytes = new Uint8Array(10);
  channels.send("1", packet);
  expect(packet.length).toBe(0);
});

test("what is no message of ours is ignored at both ends", () => {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const fabric = memoryFabric({
    alarm: { now: simulation.now, wake: simulation.schedule },
    random: simulation.random,
    latencyMillisMax: 20,
  });
  const [page, worker] = portPair(simulation);
  serveChannels(page, fabric.channelsOf("Alice"));
  channelsOver(worker, { supported: true });
  for (const data of [undefined, null, 7, "send", {}, { type: "nonsense" }])
    for (const end of [page, worker]) expect(() => end.onmessage?.({ data })).not.toThrow();
});
