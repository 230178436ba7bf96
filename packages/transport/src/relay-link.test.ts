import type { Bytes } from "@skein/protocol/bytes";
import { encode, tryDecode } from "@skein/protocol/codec";
import { instant, later, parseTag, type Tag } from "@skein/protocol/ids";
import { relayOps, RelayFrame } from "@skein/protocol/relay-frame";
import { createSimulation, type Simulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import { openRelayLink, type RelayLink, type RelayLinkNews } from "./relay-link-runner.ts";
import type { SocketEvent, Sockets } from "./socket.ts";

const [door, inbox, presence] = ["aa", "bb", "cc"].map((pair) => parseTag(pair.repeat(16))) as [
  Tag,
  Tag,
  Tag,
];
const hello: RelayFrame = {
  type: "hello",
  version: 1,
  now: 0,
  payloadBytesMax: 65_536,
  tagsMax: 256,
  publishesPerSecond: 10,
  bulkBytesPerSecond: 100_000,
  pingMillis: 25_000,
  announceSecondsMax: 3_600,
  keepSecondsMax: 0,
  iceServers: [],
};

/** Rita: a relay that writes down what she hears, and does what she is told. */
class Rita implements Sockets {
  readonly heard: RelayFrame[] = [];
  readonly dialledAt: number[] = [];
  readonly simulation: Simulation;
  awake = true;
  pings = true;
  hello: RelayFrame = hello;
  buffered = 0;
  listen: ((event: SocketEvent) => void) | undefined;

  constructor(simulation: Simulation) {
    this.simulation = simulation;
  }

  open(
    _url: string,
    { listen }: { readonly listen: (event: SocketEvent) => void },
  ): ReturnType<Sockets["open"]> {
    const { simulation } = this;
    this.dialledAt.push(simulation.now());
    simulation.schedule(later(simulation.now(), 20), () => {
      if (!this.awake) return listen({ type: "closed", code: 1006 });
      this.listen = listen;
      listen({ type: "open" });
      this.say(this.hello);
      this.ping();
    });
    return {
      send: (bytes) => {
        const frame = tryDecode(RelayFrame, bytes);
        if (frame !== undefined && this.listen === listen) this.heard.push(frame);
      },
      bufferedAmount: () => this.buffered,
      close: () => {},
    };
  }

  ping(): void {
    if (!this.pings) return;
    this.say({ type: "ping", nonce: 7 });
    this.simulation.schedule(later(this.simulation.now(), 25_000), () => this.ping());
  }

  say(frame: RelayFrame): void {
    this.listen?.({ type: "message", bytes: encode(RelayFrame, frame) });
  }

  hangUp(code: number): void {
    const { listen } = this;
    this.listen = undefined;
    listen?.({ type: "closed", code });
  }

  heardOf<T extends RelayFrame["type"]>(
    type: T,
  ): ReadonlyArray<Extract<RelayFrame, { readonly type: T }>> {
    return this.heard.filter(
      (frame): frame is Extract<RelayFrame, { readonly type: T }> => frame.type === type,
    );
  }
}

interface Scene {
  readonly simulation: Simulation;
  readonly rita: Rita;
  readonly alice: RelayLink;
  readonly news: RelayLinkNews[];
  readonly until: (millis: number) => Promise<void>;
}

function meet({ seed = 1 }: { readonly seed?: number } = {}): Scene {
  const simulation = createSimulation({ seed, weather: calm });
  const rita = new Rita(simulation);
  const news: RelayLinkNews[] = [];
  const alice = openRelayLink({
    url: "ws://rita",
    sockets: rita,
    seed,
    alarm: { now: simulation.now, wake: simulation.schedule },
    listen: (item) => news.push(item),
  });
  const drain = async (): Promise<void> => {
    await Promise.resolve();
    await Promise.resolve();
  };
  return {
    simulation,
    rita,
    alice,
    news,
    until: (millis) => simulation.runUntilDrained(instant(millis), drain),
  };
}

function bytes(length: number): Bytes {
  return new Uint8Array(length);
}

test("Alice hears what is published on her topics, and Rita hears which", async () => {
  const { rita, alice, news, until } = meet();
  alice.chooseTopics([door, inbox]);
  await until(1_000);
  alice.chooseTopics([inbox, presence]);
  expect(rita.heardOf("subscribe").map(({ tags }) => tags)).toEqual([[door, inbox], [presence]]);
  expect(rita.heardOf("unsubscribe").map(({ tags }) => tags)).toEqual([[door]]);
  rita.say({ type: "publish", tag: inbox, payload: bytes(3) });
  rita.say({ type: "bulk", tag: inbox, payload: bytes(4) });
  rita.say({ type: "found", tag: presence, blobs: [bytes(5)] });
  await until(2_000);
  expect(news.filter(({ type }) => type === "deliver" || type === "found")).toEqual([
    { type: "deliver", tag: inbox, payload: bytes(3) },
    { type: "deliver", tag: inbox, payload: bytes(4) },
    { type: "found", tag: presence, blobs: [bytes(5)] },
  ]);
});

test("Rita's pings are answered, and a node without topics says something at once", async () => {
  const { rita, until } = meet();
  await until(1_000);
  expect(rita.heard.map(({ type }) => type)).toEqual(["ping", "pong"]);
  expect(rita.heardOf("pong")[0]?.nonce).toBe(7);
});

test("after a break everything wished for is said again, and a message that waited goes out", async () => {
  const { rita, alice, news, until } = meet();
  alice.chooseTopics([inbox]);
  alice.announce(presence, bytes(9), 20);
  await until(1_000);
  rita.hangUp(1006);
  alice.publish(inbox, bytes(1));
  alice.publishBulk(inbox, bytes(1));
  rita.heard.length = 0;
  await until(5_000);
  expect(rita.heard.map(({ type }) => type).filter((type) => type !== "pong")).toEqual([
    "subscribe",
    "announce",
    "publish",
  ]);
  expect(
    news.filter(({ type }) => type === "away" || type === "greeted").map(({ type }) => type),
  ).toEqual(["greeted", "away", "greeted"]);
  expect(news).toContainEqual({ type: "dropped", count: 1 });
});

test("announcements are renewed within their life, and end when withdrawn", async () => {
  const { rita, alice, until } = meet();
  alice.announce(presence, bytes(9), 20);
  await until(20 * 60_000);
  const count = rita.heardOf("announce").length;
  expect(count).toBeGreaterThanOrEqual(9);
  expect(count).toBeLessThanOrEqual(12);
  expect(rita.heardOf("announce")[0]).toMatchObject({ seconds: 180, want: 20 });
  alice.withdraw(presence);
  await until(40 * 60_000);
  expect(rita.heardOf("announce").length).toBe(count);
  expect(rita.heardOf("withdraw").length).toBe(1);
});

test("messages and bulk keep to the pace that Rita allows, messages first", async () => {
  const { rita, alice, until } = meet();
  await until(1_000);
  for (let count = 0; count < 30; count++) alice.publishBulk(inbox, bytes(16_000));
  for (let count = 0; count < 40; count++) alice.publish(inbox, bytes(10));
  expect(rita.heardOf("publish").length).toBe(10);
  await until(2_000);
  expect(rita.heardOf("publish").length).toBe(20);
  await until(10_000);
  expect(rita.heardOf("publish").length).toBe(40);
  expect(rita.heardOf("bulk").length).toBe(30);
});

test("room for bulk is reported once at each change", async () => {
  const { rita, alice, news, until } = meet();
  const said = (): ReadonlyArray<string> =>
    news.map(({ type }) => type).filter((type) => type.endsWith("room"));
  await until(1_000);
  expect(said()).toEqual(["room"]);
  for (let count = 0; count < 18; count++) alice.publishBulk(inbox, bytes(16_000));
  await until(1_001);
  expect(said()).toEqual(["room", "no-room"]);
  await until(5_000);
  expect(said()).toEqual(["room", "no-room", "room"]);
  rita.buffered = 300 * 1024;
  alice.publish(inbox, bytes(1));
  await until(6_000);
  expect(said().at(-1)).toBe("no-room");
  rita.buffered = 0;
  await until(7_000);
  expect(said().at(-1)).toBe("room");
  rita.hangUp(1006);
  await until(7_001);
  expect(said().at(-1)).toBe("no-room");
});

test("what Rita refuses as too fast is said again when she has time", async () => {
  const { rita, alice, until } = meet();
  alice.chooseTopics([inbox]);
  await until(1_000);
  rita.say({ type: "refused", reason: "too-fast", retryAfterSeconds: 3, op: relayOps.subscribe });
  rita.say({ type: "refused", reason: "too-fast", retryAfterSeconds: 3, op: relayOps.publish });
  alice.publish(inbox, bytes(1));
  await until(3_900);
  expect([rita.heardOf("subscribe").length, rita.heardOf("publish").length]).toEqual([1, 0]);
  await until(4_100);
  expect([rita.heardOf("subscribe").length, rita.heardOf("publish").length]).toEqual([2, 1]);
});

test("a relay that says nothing for a minute is dialled again", async () => {
  const { rita, until } = meet();
  await until(1_000);
  rita.pings = false;
  await until(60_000);
  expect(rita.dialledAt.length).toBe(1);
  await until(90_000);
  expect(rita.dialledAt.length).toBeGreaterThan(1);
});

test("a relay that pings rarely may be silent for three of its pings, of an hour each at most", async () => {
  const { rita, until } = meet();
  for (const [pingMillis, silent] of [
    [100_000, 300_000],
    [4_000_000_000, 3 * 3_600_000],
  ] as const) {
    rita.hello = { ...hello, pingMillis };
    rita.pings = false;
    rita.hangUp(1006);
    const before = rita.dialledAt.length;
    await until(rita.simulation.now() + 60_000);
    const began = rita.dialledAt.at(-1) ?? 0;
    expect(rita.dialledAt.length).toBe(before + 1);
    await until(began + silent - 1_000);
    expect(rita.dialledAt.length).toBe(before + 1);
    await until(began + silent + 60_000);
    expect(rita.dialledAt.length).toBeGreaterThan(before + 1);
    await until(rita.simulation.now() + 120_000);
  }
});

/** The topics that a relay has of Alice's when it takes no more than so many. */
function taken(frames: ReadonlyArray<RelayFrame>, tagsMax: number): ReadonlySet<Tag> {
  const has = new Set<Tag>();
  for (const frame of frames) {
    if (frame.type === "unsubscribe") for (const tag of frame.tags) has.delete(tag);
    if (frame.type === "subscribe")
      for (const tag of frame.tags) if (has.size < tagsMax) has.add(tag);
  }
  return has;
}

test("of more topics than a relay takes the first are heard, however they change, and the rest is told", async () => {
  const { rita, alice, news, until } = meet();
  rita.hello = { ...hello, tagsMax: 3 };
  const tags = ["a", "b", "c", "d", "e", "f"].map((letter) => parseTag(letter.repeat(32)) as Tag);
  const of = (...places: ReadonlyArray<number>): Tag[] =>
    places.flatMap((place) => tags.slice(place, place + 1));
  alice.chooseTopics(of(0, 1, 2, 3, 4));
  await until(1_000);
  expect(taken(rita.heard, 3)).toEqual(new Set(of(0, 1, 2)));
  // What did not fit before fits once there is room, and what was never there is not let go of.
  alice.chooseTopics(of(1, 3, 4));
  expect(taken(rita.heard, 3)).toEqual(new Set(of(1, 3, 4)));
  alice.chooseTopics(of(5, 1, 3, 4));
  expect(taken(rita.heard, 3)).toEqual(new Set(of(5, 1, 3)));
  rita.say({ ...hello, tagsMax: 4 });
  await until(2_000);
  expect(taken(rita.heard, 4)).toEqual(new Set(of(5, 1, 3, 4)));
  const leftOut = news.flatMap((item) => (item.type === "left-out" ? [item.count] : []));
  expect(leftOut).toEqual([2, 0, 1, 0]);
});

test.each(["unsubscribe", "subscribe"] as const)(
  "a relay that had no time for an $0 hears both again, and has what is wanted",
  async (type) => {
    const { rita, alice, until } = meet();
    alice.chooseTopics([door, inbox]);
    await until(1_000);
    const before = [...rita.heard];
    alice.chooseTopics([inbox, presence]);
    const reason = type === "subscribe" ? "too-many-tags" : "too-fast";
    rita.say({ type: "refused", reason, retryAfterSeconds: 2, op: relayOps[type] });
    rita.heard.length = 0;
    await until(5_000);
    expect(taken([...before, ...rita.heard], 256)).toEqual(new Set([inbox, presence]));
  },
);

test("a tab that comes back finds out within seconds that its link is dead", async () => {
  const { rita, alice, until } = meet();
  await until(1_000);
  rita.listen = undefined;
  alice.tryNow();
  await until(5_900);
  expect(rita.dialledAt.length).toBe(1);
  await until(8_000);
  expect(rita.dialledAt.length).toBeGreaterThan(1);
});

test("a relay that is gone is tried less and less, and at once when somebody asks", async () => {
  const { simulation, rita, alice, until } = meet();
  rita.awake = false;
  await until(60 * 60_000);
  const tries = rita.dialledAt.length;
  expect(tries).toBeGreaterThan(60);
  expect(tries).toBeLessThan(300);
  rita.awake = true;
  const now = simulation.now();
  alice.tryNow();
  await until(now + 1_100);
  expect(rita.heard.length).toBeGreaterThan(0);
});

test("what waits for a relay is bounded, the oldest goes first and is counted", async () => {
  const { rita, alice, news, until } = meet();
  rita.awake = false;
  await until(1_000);
  for (let count = 0; count < 1_000; count++) alice.publish(inbox, bytes(1 + (count % 2)));
  for (let count = 0; count < 100; count++) alice.publishBulk(inbox, bytes(16_000));
  await until(1_001);
  const dropped = news.reduce((sum, item) => sum + (item.type === "dropped" ? item.count : 0), 0);
  expect(dropped).toBe(1_000 - 256 + 100);
});

test("garbage from a relay is only garbage, and a closed link does nothing more", async () => {
  const { rita, alice, news, until } = meet();
  await until(1_000);
  rita.listen?.({ type: "message", bytes: bytes(3) });
  rita.listen?.({ type: "message", bytes: Uint8Array.from([0x83, 1]) });
  rita.say({ type: "subscribe", tags: [inbox] });
  alice.close();
  const before = news.length;
  rita.say({ type: "publish", tag: inbox, payload: bytes(1) });
  await until(60 * 60_000);
  expect(news.length).toBe(before);
  expect(rita.dialledAt.length).toBe(1);
});

test("what is left for a reader who is away is kept where Rita keeps, and published where she does not", async () => {
  const { rita, alice, news, until } = meet();
  await until(1_000);
  alice.leave(inbox, bytes(3), 3_600);
  await until(1_100);
  expect(rita.heardOf("publish")).toHaveLength(1);
  rita.say({ ...hello, keepSecondsMax: 600 });
  alice.leave(inbox, bytes(3), 3_600);
  await until(1_500);
  expect(rita.heardOf("keep").map(({ seconds }) => seconds)).toEqual([600]);
  expect(news.filter(({ type }) => type === "greeted")).toHaveLength(2);
});
