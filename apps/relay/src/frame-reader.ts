/**
 * Reads what a node sends, in place: one look at the length decides whether a frame is sound, and nothing is copied.
 *
 * Agrees with the codec `RelayFrame` of the protocol on every input; a test holds the two together.
 * Spec: docs/protocol/1-relay.md
 */

import { presenceBlobBytesMax, tagsPerConnectionMax } from "@skein/protocol/limits";
import { relayOps } from "@skein/protocol/relay-frame";
import type { RefusedReason } from "@skein/protocol/relay-frames/refused";

import type { TagKey } from "./tag-table.ts";

/** Where the tag begins in every frame that has one. */
export const tagOffset = 1;
export const tagBytes = 16;
/** Where the payload begins in publish and bulk frames. */
export const payloadOffset = tagOffset + tagBytes;
/** Where the first of several tags begins: behind the op and a u32 count. */
const tagListOffset = 5;
/** Where the payload of a keep frame begins: behind the tag and a u32 of seconds. */
const keptPayloadOffset = payloadOffset + 4;
const announceBlobOffset = payloadOffset + 2 + 1 + 4;

/** Why a frame is not sound, or `undefined` for a sound one. */
export function judgeFrame(frame: Buffer, payloadBytesMax: number): RefusedReason | undefined {
  const op = frame[0];
  if (op === relayOps.publish || op === relayOps.bulk) {
    if (frame.length > payloadOffset + payloadBytesMax) return "too-large";
    return frame.length >= payloadOffset ? undefined : "malformed";
  }
  if (op === relayOps.subscribe || op === relayOps.unsubscribe) return judgeTagList(frame);
  if (op === relayOps.announce) return judgeAnnounce(frame);
  if (op === relayOps.keep) {
    if (frame.length > keptPayloadOffset + payloadBytesMax) return "too-large";
    return frame.length >= keptPayloadOffset ? undefined : "malformed";
  }
  const length = fixedLengths.get(op);
  return length === undefined ? "malformed" : exactly(frame, length);
}

function judgeTagList(frame: Buffer): RefusedReason | undefined {
  if (frame.length < tagListOffset) return "malformed";
  const count = frame.readUInt32BE(1);
  if (count > tagsPerConnectionMax) return "too-many-tags";
  return exactly(frame, tagListOffset + count * tagBytes);
}

function judgeAnnounce(frame: Buffer): RefusedReason | undefined {
  if (frame.length < announceBlobOffset) return "malformed";
  const length = frame.readUInt32BE(announceBlobOffset - 4);
  if (length > presenceBlobBytesMax) return "too-large";
  return exactly(frame, announceBlobOffset + length);
}

function exactly(frame: Buffer, length: number): RefusedReason | undefined {
  return frame.length === length ? undefined : "malformed";
}

/** The tag of a sound frame that has one. */
export function tagOf(frame: Buffer): TagKey {
  return frame.toString("latin1", tagOffset, tagOffset + tagBytes);
}

/** How many tags a sound subscribe or unsubscribe frame lists. */
export function tagCountOf(frame: Buffer): number {
  return frame.readUInt32BE(1);
}

/** The tag at `index` of a sound subscribe or unsubscribe frame. */
export function tagAt(frame: Buffer, index: number): TagKey {
  const offset = tagListOffset + index * tagBytes;
  return frame.toString("latin1", offset, offset + tagBytes);
}

/** The fields of a sound announce frame. The blob is copied: the frame's memory is a piece of a larger read. */
export function announceOf(frame: Buffer): {
  readonly seconds: number;
  readonly want: number;
  readonly blob: Uint8Array;
} {
  return {
    seconds: frame.readUInt16BE(payloadOffset),
    want: frame[payloadOffset + 2] ?? 0,
    blob: new Uint8Array(frame.subarray(announceBlobOffset)),
  };
}

/** A sound keep frame as the publish frame it becomes, in memory of its own, and how long it may wait. */
export function keptOf(frame: Buffer): { readonly seconds: number; readonly publish: Buffer } {
  const publish = Buffer.allocUnsafe(frame.length - 4);
  frame.copy(publish, 0, 0, payloadOffset);
  frame.copy(publish, payloadOffset, keptPayloadOffset);
  publish[0] = relayOps.publish;
  return { seconds: frame.readUInt32BE(payloadOffset), publish };
}

/** How many blobs a sound lookup frame asks for. */
export function wantOf(frame: Buffer): number {
  return frame[payloadOffset] ?? 0;
}

/** What a request costs of the request budget: long tag lists count for several. */
export function costOf(frame: Buffer): number {
  return 1 + Math.floor(frame.length / 512);
}

/** The nonce of a sound ping or pong frame. */
export function nonceOf(frame: Buffer): number {
  return frame.readUInt32BE(1);
}

/** The frames of one length only. */
const fixedLengths: ReadonlyMap<number | undefined, number> = new Map([
  [relayOps.lookup, payloadOffset + 1],
  [relayOps.withdraw, payloadOffset],
  [relayOps.ping, 5],
  [relayOps.pong, 5],
]);
