/** A node's own link and the real relay: what one states the other keeps to, and a relay that starts anew is found again. */

import { instant, type Tag } from "@skein/protocol/ids";
import { startRelay } from "@skein/relay/relay";
import type { Alarm } from "@skein/transport/alarm";
import {
  openRelayLink,
  type RelayLink,
  type RelayLinkNews,
} from "@skein/transport/relay-link-runner";
import { openWebSockets } from "@skein/transport/websocket-socket";
import { expect, test } from "vitest";

import { openStage, tagOf } from "./relay-scene.ts";

const tag = tagOf(0x33);

const alarm: Alarm = {
  now: () => instant(Math.floor(performance.now())),
  wake: (at, ring) => {
    const timer = setTimeout(ring, Math.max(1, at - performance.now()));
    return () => clearTimeout(timer);
  },
};

interface Node extends Disposable {
  readonly link: RelayLink;
  readonly news: ReadonlyArray<RelayLinkNews>;
  /** The next news of this type, or one that has come and was not taken. */
  readonly hear: <T extends RelayLinkNews["type"]>(
    type: T,
  ) => Promise<Extract<RelayLinkNews, { readonly type: T }>>;
}

async function openNode(port: number, seed: number): Promise<Node> {
  const news: RelayLinkNews[] = [];
  const untaken: RelayLinkNews[] = [];
  let look = (): void => undefined;
  const link = openRelayLink({
    url: `ws://127.0.0.1:${port}/relay`,
    sockets: await openWebSockets(),
    alarm,
    seed,
    listen: (one) => {
      news.push(one);
      untaken.push(one);
      look();
    },
  });
  const hear = <T extends RelayLinkNews["type"]>(type: T) =>
    new Promise<Extract<RelayLinkNews, { readonly type: T }>>((resolve) => {
      look = () => {
        const index = untaken.findIndex((one) => one.type === type);
        if (index < 0) return;
        const [one] = untaken.splice(index, 1);
        resolve(one as Extract<RelayLinkNews, { readonly type: T }>);
      };
      look();
    });
  return { link, news, hear, [Symbol.dispose]: () => link.close() };
}

/** Publishes again until the other hears it: a subscription has no answer. */
async function reach(from: Node, to: Node, byte: number): Promise<void> {
  const heard = to.hear("deliver");
  const again = setInterval(() => from.link.publish(tag, Uint8Array.of(byte)), 50);
  expect(await heard).toEqual({ type: "deliver", tag, payload: Uint8Array.of(byte) });
  clearInterval(again);
}

test("two nodes find each other and talk, and do so again when Rita has started anew", async () => {
  const rita = await startRelay();
  using alice = await openNode(rita.port, 1);
  using bob = await openNode(rita.port, 2);
  bob.link.chooseTopics([tag]);
  await Promise.all([alice.hear("greeted"), bob.hear("greeted")]);
  alice.link.announce(tag, Uint8Array.of(7), 5);
  await alice.hear("found");
  bob.link.lookUp(tag, 5);
  expect(await bob.hear("found")).toEqual({ type: "found", tag, blobs: [Uint8Array.of(7)] });
  await reach(alice, bob, 1);

  await rita.close();
  await Promise.all([alice.hear("away"), bob.hear("away")]);
  await using again = await startRelay({ port: rita.port });
  expect(again.port).toBe(rita.port);
  for (const { link } of [alice, bob]) link.tryNow();
  await Promise.all([alice.hear("greeted"), bob.hear("greeted")]);
  await alice.hear("found");
  bob.link.lookUp(tag, 5);
  expect(await bob.hear("found")).toEqual({ type: "found", tag, blobs: [Uint8Array.of(7)] });
  await reach(alice, bob, 2);
});

test("a node that keeps to what Rita states is never refused, and loses nothing", async () => {
  const bulkBytesPerSecond = 1024 * 1024;
  await using stage = await openStage({
    limits: { bulkBytesPerSecond, bulkBytesBurst: 1.25 * bulkBytesPerSecond },
  });
  using alice = await openNode(stage.relay.port, 1);
  using bob = await openNode(stage.relay.port, 2);
  bob.link.chooseTopics([tag]);
  await Promise.all([alice.hear("greeted"), bob.hear("greeted")]);
  await reach(alice, bob, 0);
  await sendAll(alice, { payloads: 200, tag });
  const arrived = () =>
    bob.news.filter((one) => one.type === "deliver" && one.payload.length === 16_384).length;
  const lost = () => alice.news.filter(({ type }) => type === "refused" || type === "dropped");
  await expect
    .poll(() => ({ arrived: arrived(), lost: lost() }), { timeout: 20_000 })
    .toEqual({ arrived: 200, lost: [] });
}, 30_000);

/** Sends while there is room, as a stream does. */
async function sendAll(
  node: Node,
  { payloads, tag }: { readonly payloads: number; readonly tag: Tag },
): Promise<void> {
  const hasRoom = () =>
    node.news.findLast(({ type }) => type === "room" || type === "no-room")?.type !== "no-room";
  for (let sent = 0; sent < payloads; sent++) {
    node.link.publishBulk(tag, new Uint8Array(16_384).fill(sent % 256));
    do await new Promise((resolve) => setTimeout(resolve, 0));
    while (!hasRoom());
  }
}
