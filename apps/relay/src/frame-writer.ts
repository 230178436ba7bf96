/** Writes what the relay says itself. What it forwards is never written anew. */

import { encode } from "@skein/protocol/codec";
import { RelayFrame, relayOps } from "@skein/protocol/relay-frame";
import type { IceServer } from "@skein/protocol/relay-frames/hello";
import type { RefusedReason } from "@skein/protocol/relay-frames/refused";
import { protocolVersion } from "@skein/protocol/version";

import { payloadOffset, tagBytes, tagOffset } from "./frame-reader.ts";
import type { Limits } from "./limits.ts";
import type { TagKey } from "./tag-table.ts";

export interface HelloFacts {
  readonly limits: Limits;
  readonly iceServers: ReadonlyArray<IceServer>;
  /** Milliseconds since the epoch. */
  readonly wallMillis: number;
}

export function writeHello({ limits, iceServers, wallMillis }: HelloFacts): Uint8Array {
  return encode(RelayFrame, {
    type: "hello",
    version: protocolVersion,
    now: Math.max(0, Math.floor(wallMillis)),
    payloadBytesMax: limits.payloadBytesMax,
    tagsMax: limits.tagsPerConnectionMax,
    publishesPerSecond: Math.ceil(limits.publishesPerSecond),
    bulkBytesPerSecond: Math.ceil(limits.bulkBytesPerSecond),
    pingMillis: Math.ceil(limits.pingMillis),
    announceSecondsMax: limits.announceSecondsMax,
    keepSecondsMax: limits.keepSecondsMax,
    iceServers,
  });
}

export function writeRefused(
  reason: RefusedReason,
  { retryMillis, op }: { readonly retryMillis: number; readonly op: number },
): Uint8Array {
  const retryAfterSeconds = Math.min(0xffff, Math.ceil(retryMillis / 1000));
  return encode(RelayFrame, { type: "refused", reason, retryAfterSeconds, op });
}

/** What is found under a tag. */
export function writeFound(tag: TagKey, blobs: ReadonlyArray<Uint8Array>): Uint8Array {
  const bytes = blobs.reduce((sum, blob) => sum + 4 + blob.length, payloadOffset + 4);
  const frame = Buffer.allocUnsafe(bytes);
  frame.write(tag, tagOffset, tagBytes, "latin1");
  frame[0] = relayOps.found;
  let offset = frame.writeUInt32BE(blobs.length, payloadOffset);
  for (const blob of blobs) {
    offset = frame.writeUInt32BE(blob.length, offset);
    frame.set(blob, offset);
    offset += blob.length;
  }
  return frame;
}

export function writePing(nonce: number): Uint8Array {
  return encode(RelayFrame, { type: "ping", nonce });
}

export function writePong(nonce: number): Uint8Array {
  return encode(RelayFrame, { type: "pong", nonce });
}
