/** A connection over a real socket pair: the stalled reader, whose time is told. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

import { openConnection, type Connection, type House } from "./connection.ts";
import { Hub } from "./hub.ts";
import { defaultLimits } from "./limits.ts";
import { frameMessage } from "./outbox.ts";

interface Opened {
  readonly connection: Connection;
  readonly webSocket: WebSocket;
}

test("a reader that takes nothing for ten seconds is cut, one that has nothing waiting is not", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const webSockets = new WebSocketServer({ noServer: true });
  const hub = new Hub({
    limits: defaultLimits,
    iceServers: [],
    later: (run) => void setImmediate(run),
  });
  const opened = new Promise<Opened>((resolve) => {
    server.on("upgrade", (request, socket, head) =>
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        const clock = { monotonicMillis: () => 0, wallMillis: () => 0 };
        const house: House = {
          hub,
          limits: defaultLimits,
          clock,
          chance: () => 0.5,
          onRead: () => undefined,
          flushLater: (outbox) => setImmediate(() => outbox.flush()),
          onEnd: () => undefined,
        };
        const { socket: upgraded } = request;
        const connection = openConnection({
          webSocket,
          socket: upgraded,
          visitor: undefined,
          house,
        });
        resolve({ connection, webSocket });
      }),
    );
  });
  const { port } = server.address() as AddressInfo;
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
  await new Promise((resolve) => server.close(resolve));
});
