/** The least that a relay over `ws` can be: topics in a map, frames passed on at once, no limit of any kind. */

import { createServer } from "node:http";
import { createRequire } from "node:module";
import process from "node:process";

const [port, folder] = process.argv.slice(2);
const { WebSocketServer } = createRequire(`${folder}/`)("ws");
const server = createServer();
const webSockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false });
const topics = new Map();

webSockets.on("connection", (webSocket) => {
  webSocket.on("message", (frame) => {
    if (frame[0] === 1) {
      const tag = frame.toString("latin1", 5, 21);
      const readers = topics.get(tag) ?? new Set();
      topics.set(tag, readers.add(webSocket));
      return;
    }
    for (const reader of topics.get(frame.toString("latin1", 1, 17)) ?? [])
      if (reader !== webSocket) reader.send(frame);
  });
  webSocket.on("error", () => {});
});
server.listen(Number(port), "127.0.0.1");
