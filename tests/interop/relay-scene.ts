/** A stage for the relay's tests: nodes that speak raw frames over real sockets, and whatever else was opened, closed again. */

import { once } from "node:events";

import { decode, encode } from "@skein/protocol/codec";
import { parseTag, type Tag } from "@skein/protocol/ids";
import { RelayFrame } from "@skein/protocol/relay-frame";
import { relaySubprotocol } from "@skein/protocol/version";
import { WebSocket } from "ws";

import { startRelay, type Relay, type RelayOptions } from "@skein/relay/relay";

/** One node's connection, as bare as the protocol allows. */
export interface Speaker {
  readonly webSocket: WebSocket;
  readonly tell: (frame: RelayFrame) => void;
  readonly tellBytes: (frame: Uint8Array) => void;
  /** The next frame that is not a ping of the relay, raw and read. */
  readonly hear: () => Promise<RelayFrame>;
  readonly hearBytes: () => Promise<Buffer>;
  /** Everything that has come before the relay answers a ping sent now. */
  readonly hearAll: () => Promise<ReadonlyArray<RelayFrame>>;
  /** The close code, once it has come. */
  readonly ended: Promise<number>;
}

export interface Stage extends AsyncDisposable {
  readonly relay: Relay;
  readonly connect: (options?: ConnectOptions) => Promise<Speaker>;
  readonly health: () => Promise<Record<string, unknown>>;
}

export interface ConnectOptions {
  readonly answersPings?: boolean;
  readonly origin?: string;
  readonly hears?: boolean;
}

export async function openStage(options: RelayOptions = {}): Promise<Stage> {
  const relay = await startRelay(options);
  const speakers: Speaker[] = [];
  return {
    relay,
    connect: async (given = {}) => {
      const speaker = await connect(relay.port, given);
      speakers.push(speaker);
      return speaker;
    },
    health: () => readHealth(relay.port),
    [Symbol.asyncDispose]: async () => {
      for (const { webSocket } of speakers) webSocket.terminate();
      await relay.close();
    },
  };
}

export async function readHealth(port: number): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`);
  return (await response.json()) as Record<string, unknown>;
}

/** Opens a connection and hears the relay's hello, unless told not to. */
export async function connect(port: number, options: ConnectOptions = {}): Promise<Speaker> {
  const { answersPings = true, origin, hears = true } = options;
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/relay`, relaySubprotocol, {
    ...(origin === undefined ? {} : { origin }),
    perMessageDeflate: false,
  });
  const inbox = openInbox();
  const ended = new Promise<number>((resolve) => {
    webSocket.on("close", (code) => {
      inbox.end();
      resolve(code);
    });
  });
  webSocket.on("error", () => undefined);
  const tellBytes = (frame: Uint8Array): void => webSocket.send(frame);
  const tell = (frame: RelayFrame): void => tellBytes(encode(RelayFrame, frame));
  webSocket.on("message", (bytes: Buffer) => {
    const frame = read(bytes);
    if (frame.type !== "ping") inbox.put(bytes);
    else if (answersPings) tell({ type: "pong", nonce: frame.nonce });
  });
  const speaker: Speaker = {
    webSocket,
    tell,
    tellBytes,
    hearBytes: inbox.take,
    hear: async () => read(await inbox.take()),
    hearAll: async () => {
      const nonce = 0xfeed_0000 + speaker.webSocket.bufferedAmount;
      tell({ type: "ping", nonce });
      return collectUntilPong(inbox.take, nonce);
    },
    ended,
  };
  await Promise.race([once(webSocket, "open"), ended]);
  if (hears) await inbox.take();
  return speaker;
}

async function collectUntilPong(
  take: () => Promise<Buffer>,
  nonce: number,
): Promise<ReadonlyArray<RelayFrame>> {
  const frames: RelayFrame[] = [];
  for (;;) {
    const frame = read(await take());
    if (frame.type === "pong" && frame.nonce === nonce) return frames;
    frames.push(frame);
  }
}

function read(bytes: Buffer): RelayFrame {
  return decode(RelayFrame, new Uint8Array(bytes));
}

interface Inbox {
  readonly put: (bytes: Buffer) => void;
  readonly take: () => Promise<Buffer>;
  readonly end: () => void;
}

function openInbox(): Inbox {
  const waiting: Buffer[] = [];
  const takers: Array<{ resolve: (bytes: Buffer) => void; reject: (error: Error) => void }> = [];
  let hasEnded = false;
  const gone = () => new Error("the connection has ended");
  return {
    put: (bytes) => {
      const taker = takers.shift();
      if (taker === undefined) waiting.push(bytes);
      else taker.resolve(bytes);
    },
    take: async () => {
      const bytes = waiting.shift();
      if (bytes !== undefined) return bytes;
      if (hasEnded) throw gone();
      return new Promise((resolve, reject) => takers.push({ resolve, reject }));
    },
    end: () => {
      hasEnded = true;
      for (const taker of takers.splice(0)) taker.reject(gone());
    },
  };
}

/** A tag of sixteen equal bytes. */
export function tagOf(byte: number): Tag {
  const tag = parseTag(byte.toString(16).padStart(2, "0").repeat(16));
  if (tag === undefined) throw new Error("a tag is 32 hex digits");
  return tag;
}
