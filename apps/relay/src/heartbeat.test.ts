/** Pings, silence and stalls under virtual time. */

import { decode } from "@skein/protocol/codec";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { expect, test } from "vitest";

import type { Connection } from "./connection.ts";
import { openHeartbeat } from "./heartbeat.ts";
import { Hub } from "./hub.ts";
import { defaultLimits } from "./limits.ts";

function openScene(chance = 0.5, lastsMillis = 1e9, limits = defaultLimits) {
  const hub = new Hub({ limits, iceServers: [], later: (run) => void setImmediate(run) });
  const heartbeat = openHeartbeat({
    hub,
    limits,
    wallMillis: () => 0,
    chance: () => chance,
  });
  let nowMillis = 0;
  function join() {
    const pings: number[] = [];
    const cuts: number[] = [];
    const watches: number[] = [];
    const closes: number[] = [];
    const exit = {
      push: ({ head }: { readonly head: Uint8Array }) => {
        const frame = decode(RelayFrame, new Uint8Array(head.subarray(2)));
        if (frame.type === "ping") pings.push(nowMillis);
      },
      backlogBytes: () => 0,
      halfReceivedBytes: () => 0,
      hold: () => undefined,
      goOn: () => undefined,
      close: () => undefined,
    };
    const member = hub.join(exit, { monotonicMillis: nowMillis, wallMillis: 0 });
    const connection: Connection = {
      member,
      endsMillis: nowMillis + lastsMillis,
      watch: (at) => watches.push(at),
      close: (code) => closes.push(code),
      cut: () => {
        cuts.push(nowMillis);
        heartbeat.remove(connection);
      },
    };
    heartbeat.add(connection);
    const speak = () => hub.receive(member, Buffer.of(7, 0, 0, 0, 1), nowMillis);
    return { pings, cuts, watches, closes, speak };
  }
  const pass = (seconds: number, each: () => void = () => undefined) => {
    for (let tick = 0; tick < (seconds * 1_000) / heartbeat.tickMillis; tick++) {
      nowMillis += heartbeat.tickMillis;
      heartbeat.tick(nowMillis);
      each();
    }
  };
  return { join, pass };
}

test("a connection that never says anything sound is cut after fifteen seconds", () => {
  const { join, pass } = openScene();
  const mute = join();
  pass(14);
  expect(mute.cuts).toEqual([]);
  pass(2);
  expect(mute.cuts).toEqual([15_000]);
});

test("whoever keeps speaking is asked every 25 seconds and never cut", () => {
  const { join, pass } = openScene();
  const bob = join();
  bob.speak();
  pass(200, bob.speak);
  expect(bob.cuts).toEqual([]);
  expect(bob.pings.slice(0, 3)).toEqual([15_000, 40_000, 65_000]);
});

test("whoever spoke once is asked before being cut, however soon silence counts", () => {
  const { join, pass } = openScene(0.5, 1e9, { ...defaultLimits, pingMillis: 4_000 });
  const bob = join();
  bob.speak();
  pass(18);
  expect([bob.pings.length, bob.cuts]).toEqual([1, []]);
  pass(8);
  expect(bob.cuts).toHaveLength(1);
});

test("whoever has fallen silent is cut after two pings and a half", () => {
  const { join, pass } = openScene();
  const bob = join();
  bob.speak();
  pass(200);
  expect(bob.cuts).toEqual([65_000]);
});

test("pings are spread by a fifth either way, and every connection is watched each second", () => {
  for (const [chance, second] of [
    [0, 35_000],
    [0.999, 45_000],
  ] as const) {
    const { join, pass } = openScene(chance);
    const bob = join();
    bob.speak();
    pass(50, bob.speak);
    expect(bob.pings[1]).toBe(second);
    expect(bob.watches.length).toBe(50);
  }
});

test("a connection that has lasted a day is ended, so that nodes spread anew", () => {
  const { join, pass } = openScene(0.5, 100_000);
  const bob = join();
  bob.speak();
  pass(110, bob.speak);
  expect(bob.closes).toEqual([]);
  pass(10, bob.speak);
  expect(bob.closes).toEqual([1001]);
});
