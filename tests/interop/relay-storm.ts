/** A relay that is a process of its own, raw connections to it, and what Alice and Bob feel while Mallory does what she can. */

import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectSocket, type Socket } from "node:net";

import { relayOps } from "@skein/protocol/relay-frame";

import { findFreePort } from "./installed.ts";

/** A raw connection that has been upgraded: thousands of them cost little here. */
export interface RawNode {
  readonly socket: Socket;
  /** Told each whole message. */
  listen: (message: Buffer) => void;
  readonly ended: Promise<void>;
}

export interface RelayProcess extends AsyncDisposable {
  readonly port: number;
  readonly child: ChildProcess;
  readonly residentBytes: () => number;
  /** Milliseconds for which it could have worked and the machine gave its processors to others (proc(5), schedstat). */
  readonly waitedMillis: () => number;
}

/** Starts the bundled relay and waits until it answers. */
export async function startRelayProcess(
  program: string,
  args: ReadonlyArray<string> = [],
  given: {
    readonly port?: number;
    readonly stdout?: number;
    /** How many files it may open. */
    readonly filesMax?: number;
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<RelayProcess> {
  const port = given.port ?? (await findFreePort());
  const words = [program, "serve", "--no-app", "--port", String(port), ...args];
  const limit = given.filesMax === undefined ? "" : `ulimit -n ${given.filesMax}; `;
  const child = spawn("sh", ["-c", `${limit}exec "$0" "$@"`, process.execPath, ...words], {
    stdio: ["ignore", given.stdout ?? "ignore", "ignore"],
    env: { ...process.env, ...given.environment },
  });
  for (let tries = 0; tries < 400; tries++) {
    if (child.exitCode !== null) throw new Error(`the relay ended with ${child.exitCode}`);
    const isThere = await fetch(`http://127.0.0.1:${port}/healthz`).then(Boolean, () => false);
    if (isThere) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    port,
    child,
    residentBytes: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/u.exec(status)?.[1] ?? 0) * 1024;
    },
    waitedMillis: () =>
      Number(readFileSync(`/proc/${child.pid}/schedstat`, "utf8").split(" ")[1]) / 1e6,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

/** A masked frame as a node sends it; the mask is zero, so that it can be made once and read by eye. */
export function masked(payload: Uint8Array, first = 0x82): Buffer {
  const length = payload.length;
  const size =
    length < 126
      ? Buffer.of(0x80 | length)
      : length < 65_536
        ? Buffer.of(0x80 | 126, length >> 8, length & 255)
        : Buffer.of(0x80 | 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255);
  return Buffer.concat([Buffer.of(first), size, Buffer.alloc(4), payload]);
}

export function subscribe(...tags: ReadonlyArray<Uint8Array>): Buffer {
  return masked(Buffer.concat([Buffer.of(1, 0, 0, tags.length >> 8, tags.length & 255), ...tags]));
}

export function publish(tag: Uint8Array, payload: Uint8Array): Buffer {
  return masked(Buffer.concat([Buffer.of(2), tag, payload]));
}

export function bulk(tag: Uint8Array, payloadBytes: number): Buffer {
  return masked(Buffer.concat([Buffer.of(relayOps.bulk), tag, Buffer.alloc(payloadBytes)]));
}

export function announce(tag: Uint8Array, blob: Uint8Array): Buffer {
  return masked(
    Buffer.concat([Buffer.of(3), tag, Buffer.of(0, 180, 0, 0, 0, 0, blob.length), blob]),
  );
}

/** Opens a connection from an address that a proxy would report; `undefined` if the relay will not have it. */
export async function dial(port: number, address = "192.0.2.1"): Promise<RawNode | undefined> {
  const socket = connectSocket({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => undefined);
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.write(
    `GET /relay HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\nSec-WebSocket-Protocol: skein.relay.1\r\nX-Forwarded-For: ${address}\r\n\r\n`,
  );
  const node: RawNode = { socket, listen: () => undefined, ended };
  const upgraded = new Promise<boolean>((resolve) => {
    let waiting: Buffer = Buffer.alloc(0);
    let isOpen = false;
    socket.on("data", (piece: Buffer) => {
      waiting = waiting.length === 0 ? piece : Buffer.concat([waiting, piece]);
      if (!isOpen) {
        const end = waiting.indexOf("\r\n\r\n");
        if (end < 0) return;
        isOpen = waiting.subarray(9, 12).toString() === "101";
        resolve(isOpen);
        waiting = waiting.subarray(end + 4);
      }
      if (isOpen) waiting = readMessages(waiting, node);
    });
  });
  return (await Promise.race([upgraded, ended.then(() => false)])) ? node : undefined;
}

/** Dials as an honest node does: whoever is told to come again does, for a while. */
export async function comeIn(port: number, address: string): Promise<RawNode> {
  for (let tries = 0; tries < 500; tries++) {
    const node = await dial(port, address);
    if (node !== undefined) return node;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("an honest node was refused again and again");
}

/** Hands out whole messages and answers what is left over. The relay's pings are answered. */
function readMessages(bytes: Buffer, node: RawNode): Buffer {
  let at = 0;
  for (;;) {
    const short = bytes[at + 1] ?? 0;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length - at < head) break;
    const length =
      head === 2 ? short : head === 4 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6);
    if (bytes.length - at < head + length) break;
    const message = bytes.subarray(at + head, at + head + length);
    if (message[0] === 7) node.socket.write(masked(Buffer.of(0x87, ...message.subarray(1))));
    else node.listen(message);
    at += head + length;
  }
  return bytes.subarray(at);
}

/** A message of Alice's to Bob: when it was sent, by the clock of this process, and how long it took. */
export interface Sample {
  readonly sentMillis: number;
  readonly lateMillis: number;
}

/** Pairs that send each other a stamped message every so often, and how long each took. */
export interface Honest {
  readonly latencies: number[];
  readonly samples: Sample[];
  readonly sent: () => number;
  /** Their tags, and a frame of each as it went over the wire. */
  readonly tags: ReadonlyArray<Buffer>;
  readonly captured: ReadonlyArray<Buffer>;
  readonly stop: () => void;
}

export async function openHonest(
  port: number,
  pairs: number,
  everyMillis: number,
): Promise<Honest> {
  const samples: Sample[] = [];
  const latencies: number[] = [];
  const [tags, captured]: [Buffer[], Buffer[]] = [[], []];
  let sent = 0;
  const sockets: Socket[] = [];
  const timers: NodeJS.Timeout[] = [];
  for (let index = 0; index < pairs; index++) {
    const tag = randomBytes(16);
    const address = `198.51.${index >> 8}.${index & 255}`;
    const [alice, bob] = [await comeIn(port, address), await comeIn(port, address)];
    const stamps = openStamps();
    bob.listen = (message) => {
      const sentMillis = message[0] === 2 ? stamps.read(message.subarray(17)) : undefined;
      if (sentMillis === undefined) return;
      samples.push({ sentMillis, lateMillis: performance.now() - sentMillis });
      latencies.push(performance.now() - sentMillis);
    };
    bob.socket.write(subscribe(tag));
    sockets.push(alice.socket, bob.socket);
    tags.push(tag);
    captured.push(publish(tag, stamps.make()));
    timers.push(
      setInterval(() => {
        alice.socket.write(publish(tag, stamps.make()));
        sent += 1;
      }, everyMillis),
    );
  }
  return {
    latencies,
    samples,
    sent: () => sent,
    tags,
    captured,
    stop: () => {
      for (const timer of timers) clearInterval(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Stands in for what a session does: Bob knows Alice's messages, and takes each of them once. */
function openStamps() {
  const mark = randomBytes(16);
  let lastMillis = 0;
  return {
    make: (): Buffer => {
      const payload = Buffer.alloc(256);
      payload.writeDoubleBE(performance.now());
      mark.copy(payload, 8);
      return payload;
    },
    read: (payload: Buffer): number | undefined => {
      if (payload.length !== 256 || !payload.subarray(8, 24).equals(mark)) return undefined;
      const millis = payload.readDoubleBE();
      if (millis <= lastMillis) return undefined;
      lastMillis = millis;
      return millis;
    },
  };
}

/** The p99 of what was sent in each whole second from a moment on. */
export function lateBySecond(
  samples: ReadonlyArray<Sample>,
  fromMillis: number,
  untilMillis: number,
): ReadonlyArray<number> {
  return Array.from({ length: Math.round((untilMillis - fromMillis) / 1_000) }, (_, second) => {
    const begin = fromMillis + second * 1_000;
    return lateOf(samples, begin, begin + 1_000);
  });
}

/** The p99 of what was sent between two moments. */
export function lateOf(
  samples: ReadonlyArray<Sample>,
  fromMillis: number,
  untilMillis: number,
): number {
  const late = samples
    .filter(({ sentMillis }) => sentMillis >= fromMillis && sentMillis < untilMillis)
    .map(({ lateMillis }) => lateMillis)
    .toSorted((a, b) => a - b);
  return late[Math.floor(late.length * 0.99)] ?? Number.POSITIVE_INFINITY;
}

/** What Mallory knows: where the relay is, the tags that honest nodes use, and frames of theirs as they were on the wire. */
export interface Orders {
  readonly port: number;
  readonly strength: number;
  readonly tags: ReadonlyArray<string>;
  readonly captured: ReadonlyArray<string>;
}

export interface Siege extends AsyncDisposable {
  /** Ends it, and answers how often she did what. */
  readonly stop: () => Promise<Readonly<Record<string, number>>>;
}

/** Sets Mallory's program on a relay. She is nice to others on this machine: elsewhere she would have one of her own. */
export async function besiege(program: string, orders: Orders): Promise<Siege> {
  const args = ["-n", "15", process.execPath, program, JSON.stringify(orders)];
  const child = spawn("nice", args, { stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (piece: Buffer) => (said += piece.toString()));
  while (!said.includes("begun") && child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const stop = async (): Promise<Readonly<Record<string, number>>> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      await exit;
    }
    const [, did = "{}"] = said.split("\n");
    return JSON.parse(did) as Readonly<Record<string, number>>;
  };
  return { stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}
