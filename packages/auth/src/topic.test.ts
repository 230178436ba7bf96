import { expect, test } from "vitest";
import { equal, formatHex } from "@skein/protocol/bytes";
import { instant, later, type Instant } from "@skein/protocol/ids";
import { presenceBlobBytesMax } from "@skein/protocol/limits";
import type { TopicMessage } from "@skein/protocol/topic-message";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import { openCrypto, sealOverheadBytes } from "./crypto/sodium.ts";
import { mintNodeKeys } from "./identity.ts";
import { pad, unpad } from "./padding.ts";
import { openPresence, sealPresence } from "./presence.ts";
import { doorTopic, inboxTopic, presenceTopic } from "./topic.ts";

const crypto = await openCrypto();
const meeting = new SecretKey(new Uint8Array(32).fill(3));
const bob = mintNodeKeys(crypto, counting(0)).id;
const inbox = inboxTopic(crypto, meeting, bob);
const noon = instant(1_795_222_800_000);
const hour = 3_600_000;
const day = 24 * hour;

test("what Alice seals for Bob's inbox, Bob opens, and another topic does not", () => {
  const { tag, payload } = inbox.seal(noon, packet(100), counting(0));
  expect(inbox.open(noon, tag, payload)).toEqual(packet(100));
  expect(inbox.tagsAt(noon)).toContain(tag);
  for (const other of [doorTopic(crypto, meeting), presenceTopic(crypto, meeting)])
    expect(other.open(noon, tag, payload)).toBeUndefined();
});

test("A11: tags differ from topic to topic and from day to day", () => {
  const carol = mintNodeKeys(crypto, counting(99)).id;
  const topics = [
    inbox,
    inboxTopic(crypto, meeting, carol),
    doorTopic(crypto, meeting),
    presenceTopic(crypto, meeting),
  ];
  const days = Array.from({ length: 30 }, (_, index) => later(noon, index * day));
  const tags = topics.flatMap((topic) => days.map((now) => topic.tagsAt(now)[0]));
  expect(new Set(tags).size).toBe(topics.length * days.length);
});

test("a topic's tag changes once a day, at its own moment, and both tags are listened to for an hour around it", () => {
  const edge = edgeAfter(noon);
  const before = inbox.tagsAt(later(edge, -hour));
  const after = inbox.tagsAt(later(edge, hour));
  expect([before.length, after.length]).toEqual([1, 1]);
  expect(inbox.tagsAt(later(edge, -1))).toEqual([before[0], after[0]]);
  expect(inbox.tagsAt(edge)).toEqual([after[0], before[0]]);
  expect(edge % day).not.toBe(edgeOf(doorTopic(crypto, meeting)) % day);
});

test("two clocks half an hour apart still hear each other at the turn of the day", () => {
  const edge = edgeAfter(noon);
  const early = later(edge, -29 * 60_000);
  const { tag, payload } = inbox.seal(edge, packet(1), counting(0));
  expect(inbox.open(early, tag, payload)).toEqual(packet(1));
  const old = inbox.seal(early, packet(2), counting(0));
  expect(inbox.open(edge, old.tag, old.payload)).toEqual(packet(2));
});

test("the next rotation is always ahead, and nothing changes until then", () => {
  let now = noon;
  for (let turn = 0; turn < 9; turn++) {
    const next = inbox.nextRotation(now);
    expect(next).toBeGreaterThan(now);
    expect(inbox.tagsAt(later(next, -1))).toEqual(inbox.tagsAt(now));
    expect(inbox.tagsAt(next)).not.toEqual(inbox.tagsAt(now));
    now = next;
  }
  expect(now - noon).toBeGreaterThan(2 * day);
  expect(now - noon).toBeLessThanOrEqual(3 * day + hour);
});

test("A17: a message moved to another tag, day or reader does not open", () => {
  const { tag, payload } = inbox.seal(noon, packet(10), counting(0));
  const tomorrow = later(noon, day);
  const [other = tag] = inbox.tagsAt(tomorrow);
  expect(inbox.open(tomorrow, tag, payload)).toBeUndefined();
  expect(inbox.open(tomorrow, other, payload)).toBeUndefined();
  expect(inbox.open(noon, other, payload)).toBeUndefined();
});

test("A16: no bytes make a topic throw", () => {
  const { tag, payload } = inbox.seal(noon, packet(3), counting(0));
  for (let index = 0; index < payload.length; index++) {
    const changed = payload.slice();
    changed[index] = (changed[index] ?? 0) ^ 0x01;
    expect(inbox.open(noon, tag, changed)).toBeUndefined();
    expect(inbox.open(noon, tag, payload.subarray(0, index))).toBeUndefined();
  }
  expect(inbox.open(noon, tag, new Uint8Array(100_000))).toBeUndefined();
});

test("A11: a payload's size is one of few", () => {
  const sizes = new Set<number>();
  for (let length = 0; length <= 32_000; length += 37)
    sizes.add(inbox.seal(noon, packet(length), counting(0)).payload.length - sealOverheadBytes);
  for (const size of sizes) expect(size % 512).toBe(0);
  expect(Math.max(...sizes)).toBe(32 * 1024);
  expect(sizes.size).toBeLessThanOrEqual(48);
});

test("padding comes off as it went on, and costs at most an eighth above 4 KiB", () => {
  for (let length = 0; length < 20_000; length += 61) {
    const message = new Uint8Array(length).fill(0x80);
    const padded = pad(message);
    expect(equal(unpad(padded) ?? padded, message)).toBe(true);
    expect(padded.length % 512).toBe(0);
    const added = padded.length - length - 1;
    expect(added).toBeLessThanOrEqual(Math.max(511, (length + 1) / 8));
  }
  expect(unpad(new Uint8Array(512))).toBeUndefined();
  expect(unpad(new Uint8Array(0))).toBeUndefined();
  expect(unpad(Uint8Array.of(0x80, 1, 0))).toBeUndefined();
});

test("presence is read by those with the read key, and looks different each time", () => {
  const readKey = new SecretKey(new Uint8Array(32).fill(8));
  const presence = { sign: new Uint8Array(32).fill(1), box: new Uint8Array(32).fill(2), at: noon };
  const random = counting(0);
  const blob = sealPresence(crypto, readKey, presence, random);
  expect(openPresence(crypto, readKey, blob)).toEqual(presence);
  expect(openPresence(crypto, meeting, blob)).toBeUndefined();
  expect(openPresence(crypto, readKey, blob.subarray(1))).toBeUndefined();
  expect(blob.length).toBeLessThanOrEqual(presenceBlobBytesMax);
  expect(formatHex(sealPresence(crypto, readKey, presence, random))).not.toBe(formatHex(blob));
});

function packet(length: number): TopicMessage {
  return { type: "packet", packet: new Uint8Array(length).fill(7) };
}

function edgeAfter(now: Instant): Instant {
  return edgeOf(inbox, now);
}

/** The moment at which the first tag changes. */
function edgeOf(topic: typeof inbox, now: Instant = noon): Instant {
  const today = topic.tagsAt(now)[0];
  let next = topic.nextRotation(now);
  while (topic.tagsAt(next)[0] === today) next = topic.nextRotation(next);
  return next;
}

function counting(from: number): Random {
  let next = from;
  return { bytes: (length) => Uint8Array.from({ length }, () => next++) };
}
