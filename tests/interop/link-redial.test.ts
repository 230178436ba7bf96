/** How a node's link lives through what happens on the way: proxies that cut, a relay that restarts, one that has too much to do. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { encode } from "@skein/protocol/codec";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { startRelay } from "@skein/relay/relay";
import { expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { openLinkedNode, realTime, startCuttingProxy, type LinkedNode } from "./link-scene.ts";
import { tagOf } from "./relay-scene.ts";

const tag = tagOf(0x35);

/** Publishes again until the other hears it: a subscription has no answer. */
async function reach(from: LinkedNode, to: LinkedNode, byte: number): Promise<void> {
  const payload = Uint8Array.of(byte);
  const again = setInterval(() => from.link.publish(tag, payload), 50);
  for (;;) if ((await to.hear("deliver")).payload[0] === byte) break;
  clearInterval(again);
}

test("a proxy that cuts what is idle never finds the link idle, because Rita pings more often than that", async () => {
  // A node that a busy machine holds up for a while is not what this is about.
  const limits = { pingMillis: 500, firstFrameMillisMax: 1_500, pingsMissedMax: 30 };
  await using rita = await startRelay({ limits });
  await using proxy = await startCuttingProxy(rita.port, 2_500);
  using alice = await openLinkedNode(proxy.port, 1);
  await alice.hear("greeted");
  const before = proxy.heard();
  await expect.poll(() => proxy.heard() - before, { timeout: 20_000 }).toBeGreaterThan(8);
  expect([proxy.cuts(), alice.news.filter(({ type }) => type === "away")]).toEqual([0, []]);
}, 30_000);

test("cut by a proxy that is quicker than Rita's pings, a link is dialled again by itself and hears as before", async () => {
  await using rita = await startRelay();
  await using proxy = await startCuttingProxy(rita.port, 300);
  using alice = await openLinkedNode(rita.port, 1);
  using bob = await openLinkedNode(proxy.port, 2);
  bob.link.chooseTopics([tag]);
  await Promise.all([alice.hear("greeted"), bob.hear("greeted")]);
  await bob.hear("away");
  expect(proxy.cuts()).toBeGreaterThan(0);
  await reach(alice, bob, 1);
}, 15_000);

test("when Rita restarts, nodes come back by themselves within seconds, with their topics and their word", async () => {
  const rita = await startRelay();
  using alice = await openLinkedNode(rita.port, 1);
  using bob = await openLinkedNode(rita.port, 2);
  bob.link.chooseTopics([tag]);
  alice.link.announce(tag, Uint8Array.of(7), 5);
  await Promise.all([alice.hear("greeted"), bob.hear("greeted")]);
  await alice.hear("found");
  await rita.close();
  const [one, other] = await Promise.all([alice.hear("away"), bob.hear("away")]);
  expect([one.code, other.code]).toEqual([1012, 1012]);
  // Not together: each takes its own time within five seconds.
  expect(one.at).not.toBe(other.at);
  await using again = await startRelay({ port: rita.port });
  expect(again.port).toBe(rita.port);
  await Promise.all([alice.hear("greeted"), bob.hear("greeted")]);
  await alice.hear("found");
  bob.link.lookUp(tag, 5);
  expect((await bob.hear("found")).blobs).toEqual([Uint8Array.of(7)]);
  await reach(alice, bob, 2);
}, 20_000);

test("a relay that says that it has too much to do is left alone for five seconds at least, and what is said meanwhile is bounded", async () => {
  const busy = new WebSocketServer({
    port: 0,
    host: "127.0.0.1",
    handleProtocols: ([one]) => one ?? false,
  });
  await once(busy, "listening");
  busy.on("connection", (socket) => {
    socket.send(encode(RelayFrame, hello));
    socket.on("message", () => socket.close(1013));
  });
  using alice = await openLinkedNode((busy.address() as AddressInfo).port, 1);
  const { code, at = 0 } = await alice.hear("away");
  expect(code).toBe(1013);
  expect(at - realTime.now()).toBeGreaterThan(4_500);
  for (let count = 0; count < 10_000; count++) alice.link.publish(tag, new Uint8Array(512));
  await alice.hear("dropped");
  const dropped = alice.news.reduce(
    (sum, one) => sum + (one.type === "dropped" ? one.count : 0),
    0,
  );
  expect(dropped).toBeGreaterThan(9_000);
  for (const socket of busy.clients) socket.terminate();
  busy.close();
});

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
