/** One node at two relays: Rita and Ruth come and go. */

import { encode, tryDecode } from "@skein/protocol/codec";
import { instant, later, parseTag, type Tag } from "@skein/protocol/ids";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { createSimulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import { expect, test } from "vitest";
import type { RelayLinkNews } from "./relay-link-runner.ts";
import { openRelayLinks } from "./relay-links.ts";
import type { SocketEvent, Sockets } from "./socket.ts";

const inbox = parseTag("bb".repeat(16)) as Tag;

interface RelayStub {
  isAwake: boolean;
  buffered: number;
  listen: ((event: SocketEvent) => void) | undefined;
  readonly heard: RelayFrame[];
}

function meet() {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const stub = (): RelayStub => ({ isAwake: true, buffered: 0, listen: undefined, heard: [] });
  const relays = new Map([
    ["rita", stub()],
    ["ruth", stub()],
  ]);
  const say = (relay: RelayStub, frame: RelayFrame): void =>
    relay.listen?.({ type: "message", bytes: encode(RelayFrame, frame) });
  const sockets: Sockets = {
    open: (url, { listen }) => {
      const relay = relays.get(url) ?? stub();
      simulation.schedule(later(simulation.now(), 20), () => {
        if (!relay.isAwake) return listen({ type: "closed", code: 1006 });
        relay.listen = listen;
        listen({ type: "open" });
        say(relay, helloOf(url));
      });
      return {
        send: (bytes) => {
          const frame = tryDecode(RelayFrame, bytes);
          if (frame !== undefined) relay.heard.push(frame);
        },
        bufferedAmount: () => relay.buffered,
        close: () => {},
      };
    },
  };
  const news: RelayLinkNews[] = [];
  const alice = openRelayLinks({
    urls: [...relays.keys()],
    sockets,
    seed: 1,
    alarm: { now: simulation.now, wake: simulation.schedule },
    listen: (item) => news.push(item),
  });
  const drain = async (): Promise<void> => {
    await Promise.resolve();
    await Promise.resolve();
  };
  const fall = (relay: RelayStub): void => {
    relay.isAwake = false;
    relay.listen?.({ type: "closed", code: 1006 });
  };
  const [rita = stub(), ruth = stub()] = relays.values();
  const heardOf = (relay: RelayStub, type: RelayFrame["type"]) =>
    relay.heard.filter((frame) => frame.type === type).length;
  const until = (millis: number) => simulation.runUntilDrained(instant(millis), drain);
  return { alice, rita, ruth, news, say, fall, heardOf, until };
}

function helloOf(url: string): RelayFrame {
  return {
    type: "hello",
    version: 1,
    now: 0,
    payloadBytesMax: 65_536,
    tagsMax: 256,
    publishesPerSecond: 50,
    bulkBytesPerSecond: 1_000_000,
    pingMillis: 25_000,
    announceSecondsMax: 3_600,
    keepSecondsMax: 0,
    iceServers: [{ url: `stun:${url}`, username: "", credential: "" }],
  };
}

function kinds(news: ReadonlyArray<RelayLinkNews>, ...wanted: ReadonlyArray<string>) {
  return news.filter(({ type }) => wanted.includes(type)).map(({ type }) => type);
}

test("Alice listens and speaks at both relays, and knows the servers of both", async () => {
  const { alice, rita, ruth, news, say, heardOf, until } = meet();
  alice.chooseTopics([inbox]);
  await until(1_000);
  alice.publish(inbox, new Uint8Array(3));
  await until(1_100);
  for (const relay of [rita, ruth])
    expect([heardOf(relay, "subscribe"), heardOf(relay, "publish")]).toEqual([1, 1]);
  const last = news.findLast((item) => item.type === "greeted");
  expect(last?.hello.iceServers.map(({ url }) => url)).toEqual(["stun:rita", "stun:ruth"]);
  say(ruth, { type: "publish", tag: inbox, payload: Uint8Array.of(1) });
  await until(1_200);
  expect(kinds(news, "deliver")).toEqual(["deliver"]);
});

test("while one relay is there the link is not away; when both are gone it is, until one is back", async () => {
  const { rita, ruth, news, fall, until } = meet();
  await until(1_000);
  fall(rita);
  await until(5_000);
  expect(kinds(news, "away")).toEqual([]);
  fall(ruth);
  await until(6_000);
  expect(kinds(news, "away").length).toBeGreaterThan(0);
  const before = kinds(news, "greeted").length;
  ruth.isAwake = true;
  await until(200_000);
  expect(kinds(news, "greeted").length).toBeGreaterThan(before);
});

test("bulk goes round a relay that is slow, and stops only when all are", async () => {
  const { alice, rita, ruth, news, heardOf, until } = meet();
  await until(1_000);
  rita.buffered = 1e6;
  alice.publishBulk(inbox, new Uint8Array(1_000));
  await until(1_100);
  alice.publishBulk(inbox, new Uint8Array(1_000));
  await until(1_200);
  expect([heardOf(rita, "bulk"), heardOf(ruth, "bulk")]).toEqual([1, 2]);
  expect(kinds(news, "room", "no-room")).toEqual(["room"]);
  ruth.buffered = 1e6;
  alice.publishBulk(inbox, new Uint8Array(1_000));
  await until(1_300);
  expect(kinds(news, "room", "no-room")).toEqual(["room", "no-room"]);
});
