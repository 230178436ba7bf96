/** What relays say to each other: batches of records, each with its kind and its length in front. Read as if from anybody. */

import { fixedLimits } from "./fixed-limits.ts";
import { isInterest } from "./interest.ts";
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
  interest: 8,
  wants: 9,
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
  | { readonly kind: "taken"; readonly name: string }
  | { readonly kind: "interest" | "wants"; readonly slots: Buffer };

export interface HeardBatch {
  readonly relay: string;
  readonly records: ReadonlyArray<Heard>;
}

/** Records for one place, written one behind the other. It begins with a version and the sender's name. */
export class Batch {
  #bytes: Buffer = Buffer.allocUnsafe(startBytes);
  #length = headBytes;

  constructor(name: Uint8Array) {
    this.#bytes[0] = version;
    this.#bytes.set(name.subarray(0, nameBytes), 1);
  }

  get length(): number {
    return this.#length;
  }

  add(kind: number, ...body: ReadonlyArray<Uint8Array>): void {
    let bodyBytes = 0;
    for (const part of body) bodyBytes += part.length;
    this.#makeRoom(recordHeadBytes + bodyBytes);
    this.#bytes[this.#length] = kind;
    let at = this.#bytes.writeUInt32BE(bodyBytes, this.#length + 1);
    for (const part of body) {
      this.#bytes.set(part, at);
      at += part.length;
    }
    this.#length = at;
  }

  /** The batch as it goes out. Nothing may be added afterwards. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #makeRoom(more: number): void {
    const wanted = this.#length + more;
    if (wanted <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(wanted, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** `undefined` for anything that is not a batch from its first byte to its last. Unknown kinds are passed over. */
export function readBatch(bytes: Buffer): HeardBatch | undefined {
  if (bytes.length < headBytes || bytes[0] !== version) return undefined;
  const records: Heard[] = [];
  for (let at = headBytes; at < bytes.length;) {
    if (bytes.length - at < recordHeadBytes) return undefined;
    const length = bytes.readUInt32BE(at + 1);
    const body = bytes.subarray(at + recordHeadBytes, at + recordHeadBytes + length);
    if (body.length !== length) return undefined;
    const heard = readRecord(bytes[at] ?? 0, body);
    if (heard === undefined) return undefined;
    if (heard !== "unknown") records.push(heard);
    at += recordHeadBytes + length;
  }
  return { relay: bytes.toString("latin1", 1, headBytes), records };
}

function readRecord(kind: number, body: Buffer): Heard | "unknown" | undefined {
  const reader = readers.get(kind);
  return reader === undefined ? "unknown" : reader(body);
}

const readers: ReadonlyMap<number, (body: Buffer) => Heard | undefined> = new Map([
  [recordKinds.frame, (body) => (isForwardable(body) ? { kind: "frame", frame: body } : undefined)],
  [recordKinds.announce, readAnnounce],
  [recordKinds.withdraw, readWithdraw],
  [recordKinds.question, (body) => readTag("question", body)],
  [recordKinds.came, (body) => readTag("came", body)],
  [recordKinds.offer, readOffer],
  [recordKinds.taken, readTaken],
  [recordKinds.interest, (body) => readSlots("interest", body)],
  [recordKinds.wants, (body) => readSlots("wants", body)],
]);

function readTag(kind: "question" | "came", body: Buffer): Heard | undefined {
  return body.length === tagBytes ? { kind, tag: text(body) } : undefined;
}

function readTaken(body: Buffer): Heard | undefined {
  return body.length === ownerBytes ? { kind: "taken", name: text(body) } : undefined;
}

function readSlots(kind: "interest" | "wants", body: Buffer): Heard | undefined {
  return isInterest(body) ? { kind, slots: body } : undefined;
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
/** A kind and a length. */
const recordHeadBytes = 5;
const ownerBytes = 12;
const { batchStartBytes: startBytes } = fixedLimits;
