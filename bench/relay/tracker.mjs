/** bittorrent-tracker's own server, WebSocket only: its command line would load native parts that it does not need here. */

import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const [port, folder] = process.argv.slice(2);
const place = join(folder, "node_modules", "bittorrent-tracker", "server.js");
const { default: Server } = await import(pathToFileURL(place).href);
const server = new Server({ udp: false, http: false, ws: true, stats: false });
server.on("error", () => {});
server.on("warning", () => {});
server.listen(Number(port), "127.0.0.1");
