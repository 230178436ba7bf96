/** Heartbeats of a ref stream: signed word of where it ends, by which silence is told from news that somebody keeps back. */

import { concat, formatHex, parseHex, type Bytes } from "@skein/protocol/bytes";
import { encode, fixed, struct, tryDecode, u48, u8 } from "@skein/protocol/codec";
import { assert } from "@skein/protocol/errors";
import { nodeId, repoId } from "@skein/protocol/fields";
import { instant, type Instant, type NodeId, type RepoId } from "@skein/protocol/ids";
import type { Crypto } from "./crypto/sodium.ts";
import type { NodeKeys } from "./identity.ts";
import type { StreamPosition } from "./repo.ts";

/** Made at most this often while its node is online. */
export const heartbeatMillis = 10 * 60_000;

export type HeartbeatVerdict =
  /** Its stream ends where we think it does. */
  | { readonly verdict: "fresh"; readonly at: Instant }
  /** There are records that nobody gave us: they are late, or kept back. */
  | { readonly verdict: "behind"; readonly at: Instant; readonly seq: number }
  /** Another record has the number of the last one that we know. */
  | { readonly verdict: "equivocation"; readonly at: Instant; readonly seq: number }
  /** Not newer than the one before, or from before a record that we know. */
  | { readonly verdict: "outdated" | "graft" | "forged" | "malformed" };

export function makeHeartbeat({
  keys,
  repo,
  tip,
  at,
}: {
  readonly keys: NodeKeys;
  readonly repo: RepoId;
  readonly tip: StreamPosition;
  readonly at: Instant;
}): Bytes {
  const body = encode(Heartbeat, {
    version: 1,
    repo,
    node: keys.id,
    seq: tip.seq,
    hash: bytesOf(tip.hash),
    at,
  });
  return concat(body, keys.sign("ref heartbeat", bytesOf(repo), body));
}

/** What it says, without judging who signed. Never throws. */
export function readHeartbeat(
  bytes: Uint8Array,
): { readonly node: NodeId; readonly seq: number; readonly at: Instant } | undefined {
  const body = bytes.slice(0, Math.max(0, bytes.length - signatureBytes));
  const said = tryDecode(Heartbeat, body);
  return said && { node: said.node, seq: said.seq, at: instant(said.at) };
}

/** Never throws. `before` is the moment of the last one that was taken in. */
export function judgeHeartbeat(given: {
  readonly crypto: Crypto;
  readonly bytes: Uint8Array;
  readonly signPublic: Uint8Array;
  readonly repo: RepoId;
  readonly node: NodeId;
  readonly last: StreamPosition | undefined;
  readonly before: Instant | undefined;
}): HeartbeatVerdict {
  const { crypto, bytes, signPublic, repo, node, last, before } = given;
  const end = Math.max(0, bytes.length - signatureBytes);
  const body = bytes.slice(0, end);
  const said = tryDecode(Heartbeat, body);
  if (said?.version !== 1) return { verdict: "malformed" };
  if (said.repo !== repo || said.node !== node) return { verdict: "graft" };
  const digest = crypto.hash("ref heartbeat", bytesOf(repo), body);
  if (!crypto.verify(signPublic, digest, bytes.subarray(end))) return { verdict: "forged" };
  const [at, seq] = [instant(said.at), said.seq];
  if (at <= (before ?? -1)) return { verdict: "outdated" };
  return placeOf({ at, seq, hash: formatHex(said.hash) }, last);
}

function placeOf(
  { at, seq, hash }: { readonly at: Instant; readonly seq: number; readonly hash: string },
  last: StreamPosition | undefined,
): HeartbeatVerdict {
  const known = last?.seq ?? 0;
  if (seq < known) return { verdict: "outdated" };
  if (seq > known) return { verdict: "behind", at, seq };
  if (hash !== last?.hash) return { verdict: "equivocation", at, seq };
  return { verdict: "fresh", at };
}

/** `frozen`: it is online by all signs, and for three heartbeats nobody brought word of where its stream ends. */
export function freshness(known: {
  /** When the last heartbeat was taken in, by our clock. */
  readonly heard: Instant | undefined;
  /** Since when there has been a session with it, or word of one. */
  readonly onlineSince: Instant | undefined;
  readonly now: Instant;
}): "fresh" | "away" | "frozen" {
  const { heard, onlineSince, now } = known;
  const patience = 3 * heartbeatMillis;
  if (heard !== undefined && now - heard < patience) return "fresh";
  return onlineSince !== undefined && now - onlineSince >= patience ? "frozen" : "away";
}

function bytesOf(hex: string): Bytes {
  const bytes = parseHex(hex);
  assert(bytes !== undefined, "an id is hex");
  return bytes;
}

const signatureBytes = 64;
const Heartbeat = struct({
  version: u8,
  repo: repoId,
  node: nodeId,
  seq: u48,
  hash: fixed(32),
  at: u48,
});
