/** Topics: where nodes that share a secret meet on a relay that knows neither them nor what they say. Spec: docs/protocol/2-topics.md */

import { concat, formatHex, parseHex, type Bytes } from "@skein/protocol/bytes";
import { encode, tryDecode, u32, u48, u8 } from "@skein/protocol/codec";
import { assert } from "@skein/protocol/errors";
import { instant, parseTag, type Instant, type NodeId, type Tag } from "@skein/protocol/ids";
import { relayPayloadBytesMax } from "@skein/protocol/limits";
import { TopicMessage } from "@skein/protocol/topic-message";
import { protocolVersion } from "@skein/protocol/version";
import type { Random } from "./crypto/random.ts";
import type { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import { pad, unpad } from "./padding.ts";

export interface Topic extends Disposable {
  /** Today's tag first; near the edge of a day also that of the day beyond it, for clocks that disagree. */
  readonly tagsAt: (now: Instant) => ReadonlyArray<Tag>;
  readonly seal: (
    now: Instant,
    message: TopicMessage,
    random: Random,
  ) => { readonly tag: Tag; readonly payload: Bytes };
  /** Never throws: what is not ours, not of today or not whole is `undefined`. */
  readonly open: (now: Instant, tag: Tag, payload: Uint8Array) => TopicMessage | undefined;
  /** The next moment at which `tagsAt` answers otherwise. */
  readonly nextRotation: (now: Instant) => Instant;
}

/** On which new nodes knock and every member listens. */
export function doorTopic(crypto: Crypto, meeting: SecretKey): Topic {
  return openTopic(crypto, crypto.deriveKey(meeting, "door topic"));
}

/** On which one node listens for session packets from any node of its account. */
export function inboxTopic(crypto: Crypto, meeting: SecretKey, node: NodeId): Topic {
  const id = parseHex(node);
  assert(id !== undefined, "a node id is hex");
  return openTopic(crypto, crypto.deriveKey(meeting, "inbox topic", id));
}

/** Under which the nodes of an account leave word that they are here. */
export function presenceTopic(crypto: Crypto, meeting: SecretKey): Topic {
  return openTopic(crypto, crypto.deriveKey(meeting, "presence topic"));
}

/** Takes the secret over. */
export function openTopic(crypto: Crypto, secret: SecretKey): Topic {
  const offset = numberOf(crypto.keyedHash(secret, "topic offset")) % dayMillis;
  const periodAt = (now: Instant): number => Math.floor((now + offset) / dayMillis);
  const periodsAt = (now: Instant): ReadonlyArray<number> => [
    ...new Set([now, now - edgeMillis, now + edgeMillis].map((at) => periodAt(instant(at)))),
  ];
  const tags = new Map<number, Tag>();
  const tagOf = (period: number): Tag => {
    const tag = tags.get(period) ?? tagIn(crypto, secret, period);
    if (tags.size >= tagsKept) tags.clear();
    tags.set(period, tag);
    return tag;
  };
  return {
    tagsAt: (now) => periodsAt(now).map((period) => tagOf(period)),
    nextRotation: (now) => nextEdge(now, offset),
    seal: (now, message, random) => {
      const period = periodAt(now);
      const tag = tagOf(period);
      using key = crypto.deriveKey(secret, "topic message", encode(u48, period));
      const payload = crypto.seal(key, boundTo(tag), pad(encode(TopicMessage, message)), random);
      assert(payload.length <= relayPayloadBytesMax, "a topic message fits in a relay frame");
      return { tag, payload };
    },
    open: (now, tag, payload) => {
      const period = periodsAt(now).find((candidate) => tagOf(candidate) === tag);
      if (period === undefined || payload.length > relayPayloadBytesMax) return undefined;
      using key = crypto.deriveKey(secret, "topic message", encode(u48, period));
      const padded = crypto.open(key, boundTo(tag), payload);
      const message = padded && unpad(padded);
      return message && tryDecode(TopicMessage, message);
    },
    [Symbol.dispose]: () => secret[Symbol.dispose](),
  };
}

function tagIn(crypto: Crypto, secret: SecretKey, period: number): Tag {
  const digest = crypto.keyedHash(secret, "topic tag", encode(u48, period));
  const tag = parseTag(formatHex(digest.subarray(0, 16)));
  assert(tag !== undefined, "sixteen bytes are a tag");
  return tag;
}

/** A message says under which version and tag it was sealed, so that a relay cannot move it. */
function boundTo(tag: Tag): Bytes {
  return concat(encode(u8, protocolVersion), parseHex(tag) ?? new Uint8Array(0));
}

/** Days turn over at another moment for each topic. Half an hour before and after, both tags are listened to. */
function nextEdge(now: Instant, offset: number): Instant {
  const sinceTurn = (now + offset) % dayMillis;
  const edge = [edgeMillis, dayMillis - edgeMillis, dayMillis].find((at) => at > sinceTurn);
  return instant(now - sinceTurn + (edge ?? dayMillis));
}

function numberOf(digest: Bytes): number {
  return tryDecode(u32, digest.subarray(0, 4)) ?? 0;
}

const dayMillis = 24 * 60 * 60_000;
const edgeMillis = 30 * 60_000;
const tagsKept = 8;
