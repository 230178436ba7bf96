/** One node at two relays: Rita and Ruth come and go, offer servers, and are slow. */

import { openCrypto } from "@skein/auth/crypto/sodium";
import { SecretKey } from "@skein/auth/crypto/secret";
import { mintNodeKeys } from "@skein/auth/identity";
import { openMemoryFiles } from "@skein/git/memory-files";
import { encode, tryDecode } from "@skein/protocol/codec";
import { instant, later } from "@skein/protocol/ids";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { createSimulation } from "@skein/testkit/simulation";
import { calm } from "@skein/testkit/weather";
import type { SocketEvent, Sockets } from "@skein/transport/socket";
import { expect, test } from "vitest";
import { openAlarms } from "./alarms.ts";
import { openInbox } from "./inbox.ts";
import { Ledger } from "./ledger.ts";
import { MeetingPlace } from "./meeting-place.ts";
import { openRelays } from "./relays.ts";

const crypto = await openCrypto();

interface RelayStub {
  isAwake: boolean;
  buffered: number;
  listen: ((event: SocketEvent) => void) | undefined;
  readonly heard: RelayFrame[];
}

async function meet() {
  const simulation = createSimulation({ seed: 1, weather: calm });
  const stub = (): RelayStub => ({ isAwake: true, buffered: 0, listen: undefined, heard: [] });
  const [rita, ruth] = [stub(), stub()];
  const stubs = new Map([
    ["ws://rita/relay", rita],
    ["ws://ruth/relay", ruth],
  ]);
  const sockets: Sockets = {
    open: (url, { listen }) => {
      const relay = stubs.get(url) ?? stub();
      simulation.schedule(later(simulation.now(), 20), () => {
        if (!relay.isAwake) return listen({ type: "closed", code: 1006 });
        relay.listen = listen;
        listen({ type: "open" });
        listen({ type: "message", bytes: encode(RelayFrame, helloOf(url)) });
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
  const clock = { now: simulation.now, wake: simulation.schedule };
  const inbox = openInbox((cause) => {
    throw cause;
  });
  const random = { bytes: simulation.bytes };
  const keys = mintNodeKeys(crypto, random);
  const told: string[] = [];
  const servers: string[][] = [];
  const relays = await openRelays(new Ledger(openMemoryFiles()), [...stubs.keys()]);
  const alice = new MeetingPlace({
    crypto,
    keys,
    whereabouts: {
      door: new SecretKey(simulation.bytes(32)),
      former: undefined,
      readKey: undefined,
    },
    relays,
    sockets,
    clock,
    random,
    alarms: openAlarms({ clock, inbox }),
    inbox,
    news: {
      packet: () => undefined,
      knock: () => undefined,
      present: () => undefined,
      letter: () => undefined,
      self: () => undefined,
      room: (room) => told.push(room ? "room" : "no-room"),
      greeted: (list) => servers.push(list.map(({ url }) => url)),
      changed: () => undefined,
    },
  });
  const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const until = (millis: number): Promise<void> =>
    simulation.runUntilDrained(instant(millis), drain);
  const sendBulk = (): void => alice.sendPacket(keys.id, new Uint8Array(1_000), { bulk: true });
  return { alice, rita, ruth, relays, told, servers, sendBulk, until };
}

function helloOf(url: string): RelayFrame {
  const server = (name: string) => ({ url: `stun:${name}.${url}`, username: "", credential: "" });
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
    iceServers: Array.from({ length: 8 }, (_, index) => server(String(index))),
  };
}

function heardOf(relay: RelayStub, type: RelayFrame["type"]): number {
  return relay.heard.filter((frame) => frame.type === type).length;
}

test("the servers of both relays are known, and neither crowds out the other's", async () => {
  const { servers, until } = await meet();
  await until(1_000);
  const last = servers.at(-1) ?? [];
  expect(last).toHaveLength(8);
  expect(last.filter((url) => url.includes("ruth"))).toHaveLength(4);
});

test("bulk goes round a relay that is slow, and stops only when all are", async () => {
  const { rita, ruth, told, sendBulk, until } = await meet();
  await until(1_000);
  rita.buffered = 1e6;
  sendBulk();
  await until(1_100);
  sendBulk();
  await until(1_200);
  expect([heardOf(rita, "bulk"), heardOf(ruth, "bulk")]).toEqual([1, 2]);
  expect(told).toEqual(["room"]);
  ruth.buffered = 1e6;
  sendBulk();
  await until(1_300);
  expect(told).toEqual(["room", "no-room"]);
});

test("a relay that is left hears nothing more, and one that comes back is told everything anew", async () => {
  const { rita, ruth, relays, sendBulk, until } = await meet();
  await until(1_000);
  await relays.remove("ws://rita/relay");
  const before = rita.heard.length;
  ruth.isAwake = false;
  ruth.listen?.({ type: "closed", code: 1006 });
  ruth.isAwake = true;
  ruth.heard.length = 0;
  await until(10_000);
  sendBulk();
  await until(11_000);
  expect([rita.heard.length - before, heardOf(ruth, "subscribe"), heardOf(ruth, "bulk")]).toEqual([
    0, 1, 1,
  ]);
});
