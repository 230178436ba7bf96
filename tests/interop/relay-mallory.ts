/** Mallory, as a program of her own: what she does to a relay, without a pause, until she is stopped. */

import { randomBytes } from "node:crypto";
import { connect as connectSocket, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { relayOps } from "@skein/protocol/relay-frame";

import {
  announce,
  bulk,
  dial,
  masked,
  publish,
  subscribe,
  type Orders,
  type RawNode,
} from "./relay-storm.ts";

const [given = ""] = process.argv.slice(2);
const { port, strength, tags, captured } = JSON.parse(given) as Orders;
const honestTags = tags.map((tag) => Buffer.from(tag, "hex"));
const honestFrames = captured.map((frame) => Buffer.from(frame, "hex"));
const few = Math.ceil(strength / 10);
/** What the slow ones subscribe to and the floods publish. */
const slowTag = Buffer.alloc(16, 0x5a);
const did: Record<string, number> = {};

function count(deed: string): void {
  did[deed] = (did[deed] ?? 0) + 1;
}

/** Does a thing again as soon as it is over, at most so often a second. */
async function again(once: () => Promise<void>, perSecond: number): Promise<never> {
  for (;;) {
    await once();
    await sleep(1_000 / perSecond);
  }
}

async function ended({ socket, ended: end }: RawNode, millisMax: number): Promise<void> {
  await Promise.race([end, sleep(millisMax)]);
  socket.destroy();
}

/** Half a handshake, and nothing more, until the relay has had enough of it. */
async function stall(): Promise<void> {
  const half = connectSocket({ port, host: "127.0.0.1" });
  half.on("error", () => undefined);
  half.write("GET /relay HTTP/1.1\r\nHost: a\r\nX-Slow: ");
  count("stall");
  await new Promise((resolve) => half.once("close", resolve));
}

/** Connects, says what it must to look sound, is gone, and is there again. */
async function storm(address: string): Promise<void> {
  const node = await dial(port, address);
  count("storm");
  node?.socket.write(subscribe(randomBytes(16)));
  node?.socket.resetAndDestroy();
}

type Deed = (socket: Socket, index: number) => void;

const fragments: Deed = (socket) => {
  socket.write(masked(Buffer.of(2), 0x02));
  const fragment = masked(Buffer.of(0), 0x00);
  for (let at = 0; at < 200; at++) socket.write(fragment);
};

const halves: Deed = (socket) => {
  socket.write(publish(slowTag, Buffer.alloc(65_000)).subarray(0, 60_000));
};

const deafness: Deed = (socket) => {
  socket.pause();
  socket.write(subscribe(slowTag));
};

const flood: Deed = (socket) => {
  const frame = publish(slowTag, Buffer.alloc(16_000));
  for (let at = 0; at < 400; at++) socket.write(frame);
};

const squatting: Deed = (socket) => {
  for (let at = 0; at < 20; at++)
    socket.write(subscribe(...Array.from({ length: 256 }, () => randomBytes(16))));
};

/** Takes part in what honest nodes use: announces there, publishes there, and listens. */
const intrusion: Deed = (socket, index) => {
  const some = honestTags.slice(index % honestTags.length).slice(0, 16);
  socket.write(subscribe(...some));
  for (const tag of some) {
    socket.write(announce(tag, randomBytes(200)));
    for (let at = 0; at < 8; at++) socket.write(publish(tag, randomBytes(1_000)));
  }
};

/** Says again what honest nodes said, as they said it. */
const replay: Deed = (socket, index) => {
  for (let at = 0; at < 100; at++) {
    const frame = honestFrames[(index + at) % honestFrames.length];
    if (frame !== undefined) socket.write(frame);
  }
};

/** Of each 64 KiB that she sends a little is for those who never read, and the rest for nobody. */
const padding: Deed = (socket) => {
  const [wanted, rest] = [publish(slowTag, Buffer.alloc(4_200)), bulk(randomBytes(16), 59_000)];
  for (let at = 0; at < 8; at++) socket.write(Buffer.concat([wanted, rest]));
};

/** Fills a read with what counts for nothing, and ends it in the middle of a head, or of a ping. */
const cutting: Deed = (socket, index) => {
  const half = index % 2 === 0 ? Buffer.of(0x82) : masked(Buffer.alloc(100), 0x89).subarray(0, 60);
  socket.write(Buffer.concat([bulk(randomBytes(16), 60_000), half]));
};

/** Pings as WebSocket has it, each from another read, and takes no answer. */
const pinging: Deed = (socket) => {
  socket.pause();
  const ping = masked(Buffer.alloc(1), 0x89);
  for (let at = 0; at < 8; at++) socket.write(Buffer.concat([bulk(randomBytes(16), 60_000), ping]));
};

/** Says more than is passed on at once, begins another message, and is gone in the middle of it. */
const breaking: Deed = (socket) => {
  const frame = publish(slowTag, Buffer.alloc(12_000));
  for (let at = 0; at < 4; at++) socket.write(frame);
  socket.write(frame.subarray(0, 4_000));
  setTimeout(() => socket.write(frame.subarray(4_000)), 20);
  setTimeout(() => socket.resetAndDestroy(), 40);
};

/** One byte for everybody who is there, again and again, and the same as something to be kept. */
const crumbs: Deed = (socket) => {
  const kept = Buffer.concat([Buffer.of(relayOps.keep), slowTag, Buffer.alloc(5)]);
  for (let at = 0; at < 40; at++) {
    socket.write(publish(slowTag, Buffer.alloc(1)));
    socket.write(masked(kept));
  }
};

/** Asks for a page again and again on one socket, and reads none. */
async function unread(address: string): Promise<void> {
  const socket = connectSocket({ port, host: "127.0.0.1" });
  socket.on("error", () => undefined).pause();
  const asked = `GET /doctor/program.js HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${address}\r\n\r\n`;
  socket.write(asked.repeat(100));
  count("unread");
  await Promise.race([new Promise((resolve) => socket.once("close", resolve)), sleep(5_000)]);
  socket.destroy();
}

const deeds = [
  fragments,
  halves,
  deafness,
  flood,
  squatting,
  intrusion,
  replay,
  padding,
  cutting,
  pinging,
  breaking,
  crumbs,
];

/** Few are enough of those who send so much; more would only keep each other from coming in. */
const heavy: ReadonlySet<Deed> = new Set([padding, cutting, pinging, breaking, crumbs]);

/** From an address of her own, does one thing for a second or two, or until she is thrown out; then comes again. */
async function assault(deed: Deed, address: string, index: number): Promise<void> {
  const node = await dial(port, address);
  if (node === undefined) return;
  deed(node.socket, index);
  count(deed.name);
  if (deed === intrusion || deed === replay)
    for (let times = 0; times < 4; times++) {
      await Promise.race([node.ended, sleep(500)]);
      if (!node.socket.destroyed) deed(node.socket, index + times);
    }
  await ended(node, 5_000);
}

for (let index = 0; index < strength; index++) void again(stall, 10);
// From one address as many as it likes: all but a few are refused.
const crowd = async (): Promise<void> => {
  count("crowd");
  await dial(port, "203.0.113.255");
};
for (let index = 0; index < few; index++) void again(crowd, 10);
const address = (kind: number, index: number): string => `203.${kind}.${index >> 8}.${index & 255}`;
for (let index = 0; index < few; index++) void again(() => storm(address(1, index)), 10);
for (let index = 0; index < few; index++) void again(() => unread(address(20, index)), 4);
for (const [place, deed] of deeds.entries())
  for (let index = 0; index < (heavy.has(deed) ? few / 5 : few); index++)
    void again(() => assault(deed, address(place + 2, index), index), 4);

process.stdout.write("begun\n");
// Whoever set her on it is gone.
process.stdin.on("end", () => process.exit(0)).resume();
process.on("SIGTERM", () => {
  process.stdout.write(`${JSON.stringify(did)}\n`, () => process.exit(0));
});
