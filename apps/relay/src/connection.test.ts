/** A connection over a real socket pair: the stalled reader, whose time is told. */

import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";

import { expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

import { Visitor } from "./addresses.ts";
import { openConnection, type Connection, type House } from "./connection.ts";
import { Hub } from "./hub.ts";
import { defaultLimits } from "./limits.ts";
import { frameMessage } from "./outbox.ts";

interface Opened {
  readonly connection: Connection;
  readonly webSocket: WebSocket;
  readonly socket: Socket;
}

/** A server that makes each upgrade a connection of one hub. The turns of its event loop end when they are told to. */
async function openScene(limits = defaultLimits) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const webSockets = new WebSocketServer({ noServer: true, autoPong: false });
  const ends: Array<() => void> = [];
  const hub = new Hub({ limits, iceServers: [], later: (run) => void ends.push(run) });
  const visitor = new Visitor(limits, "", undefined);
  const house: House = {
    hub,
    limits,
    clock: { monotonicMillis: () => 0, wallMillis: () => 0 },
    chance: () => 0.5,
    onRead: () => undefined,
    flushLater: (outbox) => setImmediate(() => outbox.flush()),
    onEnd: () => undefined,
  };
  const opened = new Promise<Opened>((resolve) => {
    server.on("upgrade", (request, upgraded, head) =>
      webSockets.handleUpgrade(request, upgraded, head, (webSocket) => {
        const { socket } = request;
        resolve({
          connection: openConnection({ webSocket, socket, visitor, house }),
          webSocket,
          socket,
        });
      }),
    );
  });
  return {
    hub,
    visitor,
    opened,
    port: (server.address() as AddressInfo).port,
    endTurn: () => {
      for (const end of ends.splice(0)) end();
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

test("a reader that takes nothing for ten seconds is cut, one that has nothing waiting is not", async () => {
  const { port, opened, close } = await openScene();
  const mallory = new WebSocket(`ws://127.0.0.1:${port}`);
  const { connection, webSocket } = await opened;
  await once(mallory, "message");
  connection.watch(0);
  connection.watch(1e9);
  expect(webSocket.readyState).toBe(WebSocket.OPEN);

  mallory.pause();
  const { exit } = connection.member;
  for (let index = 0; index < 2_000 && exit.backlogBytes() < 8e6; index++) {
    exit.push(frameMessage(Buffer.alloc(60_000)));
    // One turn for the flush.
    await new Promise(setImmediate);
  }
  expect(exit.backlogBytes()).toBeGreaterThan(0);
  connection.watch(2e9);
  connection.watch(2e9 + 10_000);
  expect(webSocket.readyState).toBe(WebSocket.OPEN);
  connection.watch(2e9 + 10_001);
  expect(webSocket.readyState).not.toBe(WebSocket.OPEN);
  mallory.resume();
  await once(mallory, "close");
  await close();
});

/** A frame of a node; the mask is zero. */
function masked(message: Buffer): Buffer {
  return Buffer.concat([
    Buffer.of(0x82, 0xfe, message.length >> 8, message.length & 255, 0, 0, 0, 0),
    message,
  ]);
}

function publish(tag: number, bytes: number): Buffer {
  return Buffer.concat([Buffer.of(2), Buffer.alloc(16, tag), Buffer.alloc(bytes, 5)]);
}

const whole = masked(publish(2, 9_000));

test.each([
  { what: "half a message", before: whole.subarray(0, 4_000), behind: whole.subarray(4_000) },
  {
    what: "a ping",
    before: Buffer.of(0x89, 0x81, 0, 0, 0, 0, 7),
    behind: masked(publish(2, 300)),
  },
  {
    what: "a message that costs less",
    before: Buffer.alloc(0),
    behind: masked(publish(2, 12_000)),
  },
])(
  "a node that is reset while its message waits, and $what behind it, is gone with both, and its address is not blamed",
  async ({ before, behind }) => {
    const { hub, visitor, port, opened, endTurn, close } = await openScene({
      ...defaultLimits,
      turnBytesMax: 1,
    });
    const now = { monotonicMillis: 0, wallMillis: 0 };
    const nothing = () => undefined;
    const exit = { push: nothing, hold: nothing, goOn: nothing, close: nothing };
    const join = () =>
      hub.join({ ...exit, backlogBytes: () => 0, halfReceivedBytes: () => 0 }, now);
    for (let index = 0; index < 100; index++)
      for (const tag of index < 20 ? [1, 2] : [1])
        hub.receive(join(), Buffer.concat([Buffer.of(1, 0, 0, 0, 1), Buffer.alloc(16, tag)]), 0);
    const alice = connect(port, "127.0.0.1");
    alice.write(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    const { connection, socket, webSocket } = await opened;
    hub.receive(join(), publish(1, 3_000), 0);
    alice.write(Buffer.concat([masked(publish(1, 30_000)), before]));
    await expect.poll(() => hub.counts().waitingSenders, { interval: 1 }).toBe(1);
    alice.write(behind);
    await expect.poll(() => socket.readableLength, { interval: 1 }).toBe(behind.length);
    const closed = new Promise((resolve) => webSocket.on("close", resolve));
    alice.resetAndDestroy();
    await closed;
    for (let turn = 0; turn < 3; turn++) endTurn();
    expect([hub.counts().waitingSenders, hub.totals.publishes]).toEqual([0, 1]);
    expect(hub.burden.halfReceivedBytes()).toBe(0);
    expect(visitor.bannedMillis(0)).toBe(0);
    // A relay that stops says goodbye to everybody who was there when it began to.
    connection.close(1012);
    await close();
  },
);
