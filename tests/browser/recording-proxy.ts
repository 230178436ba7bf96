/** Stands between the browsers and the relay, and keeps every message that passes: the relay's view of the world, and no more. */

import { once } from "node:events";
import { createServer, request, type IncomingMessage, type Server } from "node:http";
import { relaySubprotocol } from "@skein/protocol/version";
import { WebSocket, WebSocketServer } from "ws";

export interface RecordingProxy extends AsyncDisposable {
  readonly url: string;
  readonly messages: ReadonlyArray<Buffer>;
  /** The addresses that were asked for, with what stands behind them. */
  readonly asked: ReadonlyArray<string>;
}

export async function startRecordingProxy(relayUrl: string): Promise<RecordingProxy> {
  const messages: Buffer[] = [];
  const addresses: string[] = [];
  const server = createServer((asked, answer) => {
    const { method, headers } = asked;
    addresses.push([asked.url, ...asked.rawHeaders].join(" "));
    const passed = request(new URL(asked.url ?? "/", relayUrl), { method, headers }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    asked.pipe(passed);
  });
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  server.on("upgrade", (asked: IncomingMessage, socket, head) => {
    sockets.handleUpgrade(asked, socket, head, (near) => join(near, relayUrl, messages));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://localhost:${portOf(server)}`,
    messages,
    asked: addresses,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function join(near: WebSocket, relayUrl: string, messages: Buffer[]): void {
  const far = new WebSocket(`${relayUrl.replace("http", "ws")}/relay`, relaySubprotocol);
  const early: Buffer[] = [];
  near.on("message", (bytes: Buffer) => {
    messages.push(bytes);
    if (far.readyState === WebSocket.OPEN) far.send(bytes);
    else early.push(bytes);
  });
  far.on("open", () => early.splice(0).forEach((bytes) => far.send(bytes)));
  far.on("message", (bytes: Buffer) => {
    messages.push(bytes);
    near.send(bytes);
  });
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on("close", () => other.terminate());
    one.on("error", () => other.terminate());
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port is open");
  return address.port;
}
