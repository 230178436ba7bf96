/** What relays say to each other: batches of records, each with its kind and its length in front. Read as if from anybody. */

import { judgeFrame, tagBytes } from "./frame-reader.ts";
import { relayPayloadBytesMax } from "@skein/protocol/limits";
import { relayOps } from "@skein/protocol/relay-frame";

import type { TagKey } from "./tag-table.ts";

export const recordKinds = {
  frame: 1,
  announce: 2,
  withdraw: 3,
  question: 4,
  offer: 5,
  taken: 6,
  came: 7,
} as const;

export type Heard =
  | { readonly kind: "frame"; readonly frame: Buffer }
  | {
      readonly kind: "announce";
      readonly owner: string;
      readonly tag: TagKey;
      readonly seconds: number;
      readonly blob: Uint8Array;
    }
  | { readonly kind: "withdraw"; readonly owner: string; readonly tag: TagKey }
  | { readonly kind: "question" | "came"; readonly tag: TagKey }
  | { readonly kind: "offer"; readonly name: string; readonly frame: Buffer }
  | { readonly kind: "taken"; readonly name: string };

export interface HeardBatch {
  readonly relay: string;
  readonly records: ReadonlyArray<Heard>;
}

/** A version and the sender's name; alone it says "I am here". */
export function batchHead(name: Uint8Array): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  head[0] = version;
  head.set(name.subarray(0, nameBytes), 1);
  return head;
}

export function record(kind: number, body: ReadonlyArray<Uint8Array>): ReadonlyArray<Buffer> {
  const head = Buffer.allocUnsafe(5);
  head[0] = kind;
  head.writeUInt32BE(
    body.reduce((sum, part) => sum + part.length, 0),
    1,
  );
  return [head, ...body.map((part) => Buffer.from(part.buffer, part.byteOffset, part.length))];
}

/** `undefined` for anything that is not a batch from its first byte to its last. Unknown kinds are passed over. */
export function readBatch(bytes: Buffer): HeardBatch | undefined {
  if (bytes.length < headBytes || bytes[0] !== version) return undefined;
  const records: Heard[] = [];
  for (let at = headBytes; at < bytes.length;) {
    if (bytes.length - at < 5) return undefined;
    const length = bytes.readUInt32BE(at + 1);
    const body = bytes.subarray(at + 5, at + 5 + length);
    if (body.length !== length) return undefined;
    const heard = readRecord(bytes[at] ?? 0, body);
    if (heard === undefined) return undefined;
    if (heard !== "unknown") records.push(heard);
    at += 5 + length;
  }
  return { relay: bytes.toString("latin1", 1, headBytes), records };
}

function readRecord(kind: number, body: Buffer): Heard | "unknown" | undefined {
  switch (kind) {
    case recordKinds.frame:
      return isForwardable(body) ? { kind: "frame", frame: body } : undefined;
    case recordKinds.announce:
      return readAnnounce(body);
    case recordKinds.withdraw:
      return readWithdraw(body);
    case recordKinds.question:
      return body.length === tagBytes ? { kind: "question", tag: text(body) } : undefined;
    case recordKinds.came:
      return body.length === tagBytes ? { kind: "came", tag: text(body) } : undefined;
    case recordKinds.offer:
      return readOffer(body);
    case recordKinds.taken:
      return body.length === ownerBytes ? { kind: "taken", name: text(body) } : undefined;
    default:
      return "unknown";
  }
}

function readWithdraw(body: Buffer): Heard | undefined {
  if (body.length !== ownerBytes + tagBytes) return undefined;
  const owner = text(body.subarray(0, ownerBytes));
  return { kind: "withdraw", owner, tag: text(body.subarray(ownerBytes)) };
}

function readOffer(body: Buffer): Heard | undefined {
  const frame = body.subarray(ownerBytes);
  if (frame[0] !== relayOps.publish || !isForwardable(frame)) return undefined;
  return { kind: "offer", name: text(body.subarray(0, ownerBytes)), frame };
}

function text(bytes: Buffer): string {
  return bytes.toString("latin1");
}

function readAnnounce(body: Buffer): Heard | undefined {
  const fixed = ownerBytes + tagBytes + 2;
  if (body.length < fixed) return undefined;
  return {
    kind: "announce",
    owner: body.toString("latin1", 0, ownerBytes),
    tag: body.toString("latin1", ownerBytes, ownerBytes + tagBytes),
    seconds: body.readUInt16BE(ownerBytes + tagBytes),
    blob: new Uint8Array(body.subarray(fixed)),
  };
}

function isForwardable(frame: Buffer): boolean {
  const isKind = frame[0] === relayOps.publish || frame[0] === relayOps.bulk;
  return isKind && judgeFrame(frame, relayPayloadBytesMax) === undefined;
}

const version = 1;
const nameBytes = 8;
const headBytes = 1 + nameBytes;
const ownerBytes = 12;
