/** What Mallory does to a relay that is a process of its own, and what Alice and Bob feel of it meanwhile. */

import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectSocket, type Socket } from "node:net";

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

/** Pairs that send each other a stamped message every so often, and how long each took. */
export interface Honest {
  readonly latencies: number[];
  readonly sent: () => number;
  readonly stop: () => void;
}

export async function openHonest(
  port: number,
  pairs: number,
  everyMillis: number,
): Promise<Honest> {
  const latencies: number[] = [];
  let sent = 0;
  const sockets: Socket[] = [];
  const timers: NodeJS.Timeout[] = [];
  for (let index = 0; index < pairs; index++) {
    const tag = randomBytes(16);
    const address = `198.51.${index >> 8}.${index & 255}`;
    const [alice, bob] = [await comeIn(port, address), await comeIn(port, address)];
    bob.listen = (message) => {
      if (message[0] === 2) latencies.push(performance.now() - message.readDoubleBE(17));
    };
    bob.socket.write(subscribe(tag));
    sockets.push(alice.socket, bob.socket);
    timers.push(
      setInterval(() => {
        const payload = Buffer.alloc(256);
        payload.writeDoubleBE(performance.now());
        alice.socket.write(publish(tag, payload));
        sent += 1;
      }, everyMillis),
    );
  }
  return {
    latencies,
    sent: () => sent,
    stop: () => {
      for (const timer of timers) clearInterval(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Attacks, each for as long as it is let. They return at once and leave their sockets in `sockets`. */
export function attack(port: number, strength: number, sockets: Set<Socket>): void {
  const keep = (node: RawNode | undefined): Socket | undefined => {
    if (node === undefined) return undefined;
    sockets.add(node.socket);
    return node.socket;
  };
  const address = (index: number): string => `203.0.${index >> 8}.${index & 255}`;
  for (let index = 0; index < strength; index++) {
    // Half a handshake, and nothing more.
    const half = connectSocket({ port, host: "127.0.0.1" });
    half.on("error", () => undefined);
    half.write("GET /relay HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    sockets.add(half);
  }
  // From one address as many as it likes: all but a few are refused.
  for (let index = 0; index < strength; index++) void dial(port, "203.0.113.255").then(keep);
  for (let index = 0; index < strength / 10; index++) void assault(port, address(index), keep);
}

/** One of four, by turns: tiny fragments, a reader that reads nothing, a flood, a squatter. */
async function assault(
  port: number,
  address: string,
  keep: (node: RawNode | undefined) => Socket | undefined,
): Promise<void> {
  const kind = Number(address.split(".").at(-1)) % 4;
  const socket = keep(await dial(port, address));
  if (socket === undefined) return;
  if (kind === 0) {
    socket.write(masked(Buffer.of(2), 0x02));
    const fragment = masked(Buffer.of(0), 0x00);
    for (let count = 0; count < 200; count++) socket.write(fragment);
  } else if (kind === 1) {
    socket.pause();
    socket.write(subscribe(slowTag));
  } else if (kind === 2) {
    const frame = publish(slowTag, Buffer.alloc(16_000));
    for (let count = 0; count < 400; count++) socket.write(frame);
  } else {
    for (let count = 0; count < 20; count++)
      socket.write(subscribe(...Array.from({ length: 256 }, () => randomBytes(16))));
  }
}

/** What the slow ones subscribe to and the floods publish. */
const slowTag = Buffer.alloc(16, 0x5a);
