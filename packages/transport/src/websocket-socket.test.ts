import type { Bytes } from "@skein/protocol/bytes";
import { expect, test } from "vitest";
import { WebSocketServer } from "ws";
import type { SocketEvent } from "./socket.ts";
import { openWebSockets } from "./websocket-socket.ts";

test("what is sent comes back byte for byte, and the end is told with its code", async () => {
  const rita = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  rita.on("connection", (socket, request) => {
    socket.on("message", (bytes: Bytes) => {
      socket.send(bytes);
      socket.close(1012, request.headers["sec-websocket-protocol"]);
    });
  });
  await new Promise<void>((resolve) => rita.on("listening", resolve));
  const address = rita.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const sockets = await openWebSockets();
  const events: SocketEvent[] = [];
  await new Promise<void>((resolve) => {
    const socket = sockets.open(`ws://127.0.0.1:${port}`, {
      subprotocol: "skein.relay.1",
      listen: (event) => {
        events.push(event);
        if (event.type === "open") socket.send(Uint8Array.from([1, 2, 3]));
        if (event.type === "closed") resolve();
      },
    });
    socket.send(Uint8Array.from([9]));
  });
  rita.close();
  expect(events).toEqual([
    { type: "open" },
    { type: "message", bytes: Uint8Array.from([1, 2, 3]) },
    { type: "closed", code: 1012 },
  ]);
});

test("an address where nobody listens, and one that is none, end as closed", async () => {
  const sockets = await openWebSockets();
  for (const url of ["ws://127.0.0.1:1", "nonsense"]) {
    const event = await new Promise<SocketEvent>((resolve) => {
      sockets.open(url, { subprotocol: "skein.relay.1", listen: resolve });
    });
    expect(event).toEqual({ type: "closed", code: 1006 });
  }
});
