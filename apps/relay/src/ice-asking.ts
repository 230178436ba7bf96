/**
 * Asks a STUN server who one is, and a TURN server for an allocation with the words that the relay gave (RFC 8489, RFC 8656).
 *
 * As little of both as that takes: long-term credentials with MD5 and SHA-1, which is what coturn's `use-auth-secret` means.
 */

import { createHash, createHmac, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { EventEmitter, once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

import type { IceServer } from "@skein/protocol/relay-frames/hello";

import { fixedLimits } from "./fixed-limits.ts";

export type IceAnswer =
  | { readonly kind: "answers" }
  /** It lets whoever has these words pass things on from this address. */
  | { readonly kind: "allocated"; readonly address: string }
  | { readonly kind: "open" }
  | { readonly kind: "refused"; readonly code: number }
  | { readonly kind: "unreadable" };

export interface IceTerms {
  readonly patienceMillis: number;
  /** Certificates to trust (PEM); the usual ones without. */
  readonly ca: ReadonlyArray<string> | undefined;
}

/** `undefined` for an address that is none. Rejects where nothing answers. */
export async function askIce(server: IceServer, terms: IceTerms): Promise<IceAnswer | undefined> {
  const place = parsePlace(server.url);
  if (place === undefined) return undefined;
  const way = openWay(place, terms);
  try {
    return place.isTurn ? await allocate(way, server) : await bind(way);
  } finally {
    way.close();
  }
}

interface Place {
  readonly isTurn: boolean;
  readonly host: string;
  readonly port: number;
  readonly transport: "udp" | "tcp" | "tls";
}

/** RFC 7064 and RFC 7065. */
function parsePlace(url: string): Place | undefined {
  const read = icePattern.exec(url)?.groups;
  const host = read?.["host"]?.replaceAll(/[[\]]/gu, "");
  if (read === undefined || host === undefined) return undefined;
  const { scheme = "", port, transport } = read;
  const isSecure = scheme.endsWith("s");
  return {
    isTurn: scheme.startsWith("turn"),
    host,
    port: Number(port ?? (isSecure ? 5349 : 3478)),
    transport: isSecure ? "tls" : transport === "tcp" ? "tcp" : "udp",
  };
}

async function bind(way: Way): Promise<IceAnswer> {
  const answer = await way.ask(writeMessage(types.bind, []));
  return answer.readUInt16BE(0) === types.bound ? { kind: "answers" } : unreadable;
}

/** Asked without words first: the refusal names the realm and the nonce that words go with. */
async function allocate(way: Way, { username, credential }: IceServer): Promise<IceAnswer> {
  const transport = writeAttribute(attributes.transport, Buffer.of(udpNumber, 0, 0, 0));
  const first = await way.ask(writeMessage(types.allocate, [transport]));
  if (first.readUInt16BE(0) === types.allocated) return { kind: "open" };
  const [realm, nonce] = [find(first, attributes.realm), find(first, attributes.nonce)];
  if (realm === undefined || nonce === undefined) return refusalIn(first);
  const words = [
    writeAttribute(attributes.username, Buffer.from(username)),
    writeAttribute(attributes.realm, realm),
    writeAttribute(attributes.nonce, nonce),
  ];
  const key = createHash("md5").update(`${username}:${realm.toString()}:${credential}`).digest();
  const answer = await way.ask(signMessage(types.allocate, [transport, ...words], key));
  if (answer.readUInt16BE(0) !== types.allocated) return refusalIn(answer);
  const address = readAddress(find(answer, attributes.relayed));
  const nothing = writeAttribute(attributes.lifetime, Buffer.alloc(4));
  await way.ask(signMessage(types.refresh, [nothing, ...words], key));
  return address === undefined ? unreadable : { kind: "allocated", address };
}

function refusalIn(answer: Buffer): IceAnswer {
  const code = find(answer, attributes.error);
  if (code === undefined || code.length < 4) return unreadable;
  return { kind: "refused", code: (code[2] ?? 0) * 100 + (code[3] ?? 0) };
}

/** XOR-RELAYED-ADDRESS; of IPv6 that there is one is enough. */
function readAddress(value: Buffer | undefined): string | undefined {
  if (value === undefined || value.length < 8) return undefined;
  if (value[1] !== 1) return "::";
  const bits = (value.readUInt32BE(4) ^ cookie) >>> 0;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join(".");
}

function writeMessage(type: number, parts: ReadonlyArray<Buffer>, more = 0): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(headBytes);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length + more, 2);
  head.writeUInt32BE(cookie, 4);
  randomBytes(12).copy(head, 8);
  return Buffer.concat([head, body]);
}

/** MESSAGE-INTEGRITY is over a message whose length already counts it. */
function signMessage(type: number, parts: ReadonlyArray<Buffer>, key: Buffer): Buffer {
  const unsigned = writeMessage(type, parts, 24);
  const integrity = createHmac("sha1", key).update(unsigned).digest();
  return Buffer.concat([unsigned, writeAttribute(attributes.integrity, integrity)]);
}

function writeAttribute(type: number, value: Buffer): Buffer {
  const padded = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  padded.writeUInt16BE(type, 0);
  padded.writeUInt16BE(value.length, 2);
  value.copy(padded, 4);
  return padded;
}

function find(message: Buffer, wanted: number): Buffer | undefined {
  for (let at = headBytes; at + 4 <= message.length;) {
    const length = message.readUInt16BE(at + 2);
    if (message.readUInt16BE(at) === wanted) return message.subarray(at + 4, at + 4 + length);
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return undefined;
}

/** One question at a time. */
interface Way {
  readonly ask: (request: Buffer) => Promise<Buffer>;
  readonly close: () => void;
}

function openWay(place: Place, terms: IceTerms): Way {
  return place.transport === "udp" ? openDatagrams(place, terms) : openStream(place, terms);
}

/** Said again every half second, since datagrams get lost. */
function openDatagrams({ host, port }: Place, { patienceMillis }: IceTerms): Way {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const heard = new EventEmitter();
  socket.on("message", (bytes) => heard.emit(idOf(bytes), bytes));
  socket.on("error", (error) => heard.emit("error", error));
  // Without a question under way nobody has to know.
  heard.on("error", () => undefined);
  return {
    ask: async (request) => {
      const send = (): void => socket.send(request, port, host);
      const timer = setInterval(send, fixedLimits.iceAgainMillis);
      send();
      try {
        return await answerTo(heard, request, patienceMillis);
      } finally {
        clearInterval(timer);
      }
    },
    close: () => socket.close(),
  };
}

function openStream({ host, port, transport }: Place, { patienceMillis, ca }: IceTerms): Way {
  const trusted = ca === undefined ? {} : { ca: [...ca] };
  const socket =
    transport === "tls"
      ? connectTls({ host, port, servername: host, ...trusted })
      : connect({ host, port });
  const heard = new EventEmitter();
  let waiting = Buffer.alloc(0);
  socket.on("data", (piece: Buffer) => {
    waiting = Buffer.concat([waiting, piece]);
    while (waiting.length >= headBytes && waiting.length >= headBytes + waiting.readUInt16BE(2)) {
      const end = headBytes + waiting.readUInt16BE(2);
      heard.emit(idOf(waiting), waiting.subarray(0, end));
      waiting = waiting.subarray(end);
    }
  });
  socket.on("error", (error) => heard.emit("error", error));
  // Without a question under way nobody has to know.
  heard.on("error", () => undefined);
  return {
    ask: (request) => {
      socket.write(request);
      return answerTo(heard, request, patienceMillis);
    },
    close: () => socket.destroy(),
  };
}

async function answerTo(heard: EventEmitter, request: Buffer, millisMax: number): Promise<Buffer> {
  const [answer]: unknown[] = await once(heard, idOf(request), {
    signal: AbortSignal.timeout(millisMax),
  });
  if (answer instanceof Buffer) return answer;
  throw new Error("There was no answer.");
}

/** What an answer has in common with its question. */
function idOf(message: Buffer): string {
  return message.length < headBytes ? "" : message.toString("hex", 8, headBytes);
}

const unreadable: IceAnswer = { kind: "unreadable" };
const cookie = 0x2112_a442;
const headBytes = 20;
const udpNumber = 17;
const types = {
  bind: 0x0001,
  bound: 0x0101,
  allocate: 0x0003,
  allocated: 0x0103,
  refresh: 0x0004,
};
const attributes = {
  username: 0x06,
  integrity: 0x08,
  error: 0x09,
  lifetime: 0x0d,
  realm: 0x14,
  nonce: 0x15,
  relayed: 0x16,
  transport: 0x19,
};
const icePattern =
  /^(?<scheme>stuns?|turns?):(?<host>\[[^\]]+\]|[^:?]+)(?::(?<port>\d+))?(?:\?transport=(?<transport>udp|tcp))?$/u;
