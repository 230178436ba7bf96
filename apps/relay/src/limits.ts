/** Every limit of the relay: its number, its unit and its reason. docs/self-hosting.md says which of them an operator sets. */

import { relayPayloadBytesMax, tagsPerConnectionMax } from "@skein/protocol/limits";

export interface Limits {
  /** One frame's payload behind its op and tag. Part of the specification; larger messages are cut off with 1009. */
  readonly payloadBytesMax: number;
  /** Fragments of one message. A browser sends one; at the library's default a connection pins 23 bytes for each it sends. */
  readonly fragmentsMax: number;
  /** Unread pieces of one message: 64 KiB in the smallest usual segments makes 122. */
  readonly chunksMax: number;

  /** Connections at once: 16 KiB of memory each, so 160 MB in all. */
  readonly connectionsMax: number;
  /** Connections of one address (IPv4 address or IPv6 /64). A household or a small office behind one address fits. */
  readonly connectionsPerAddressMax: number;
  /** Upgrades one address may ask for at once: a browser with several profiles that all redial. */
  readonly upgradesPerAddressBurst: number;
  /** Upgrades of one address after that, a second. */
  readonly upgradesPerAddressPerSecond: number;
  /** Addresses remembered for the two limits above. */
  readonly addressesMax: number;
  /** From the first byte of a request to the last of its headers. */
  readonly headersMillisMax: number;
  /** From the upgrade to the first sound frame. A connection that says nothing serves nobody. */
  readonly firstFrameMillisMax: number;

  /** Tags one connection subscribes to. Part of the specification. */
  readonly tagsPerConnectionMax: number;
  /** Tags in all: 73 bytes each. */
  readonly tagsMax: number;
  /** Subscribers of one tag: bounds what one publication costs. */
  readonly subscribersPerTagMax: number;

  /** Publications of one connection, a second: ICE candidates and gossip stay far below. */
  readonly publishesPerSecond: number;
  readonly publishesBurst: number;
  /** Bytes of publications, times their subscribers, a second and connection: far above what fifty usual ones take. */
  readonly publishBytesPerSecond: number;
  readonly publishBytesBurst: number;
  /** Bytes of bulk frames, times their subscribers, a second and connection: a clone at 64 Mbit/s. */
  readonly bulkBytesPerSecond: number;
  readonly bulkBytesBurst: number;
  /** Subscriptions, announcements, lookups and pings of one connection, a second. */
  readonly requestsPerSecond: number;
  readonly requestsBurst: number;

  /** Unsound frames a connection may send before it is closed with 1008; one is forgiven in `violationForgivenMillis`. */
  readonly violationsMax: number;
  readonly violationForgivenMillis: number;
  /** Frames beyond a budget before a connection is closed with 1008: a client that ignores what it is told. */
  readonly speedingsMax: number;
  readonly speedingsForgivenPerSecond: number;

  /** Bytes waiting for one reader at which bulk frames for it are left out. One stream's window, and then some. */
  readonly bulkBacklogBytesMax: number;
  /** Bytes waiting for one reader at which it is cut with 1013. Centrifugo's figure. */
  readonly backlogBytesMax: number;
  /** Bytes waiting for all readers; the slowest is cut until it fits. */
  readonly backlogTotalBytesMax: number;
  /** A reader that takes nothing for so long is cut. NATS's figure. */
  readonly stallMillisMax: number;

  /** Below the 30 s of mobile networks and the 60 s of most proxies. */
  readonly pingMillis: number;
  /** Pings in a row without any frame in answer, before a connection is taken for dead. */
  readonly pingsMissedMax: number;

  /** How long an announcement may ask to be kept without being renewed. */
  readonly announceSecondsMax: number;
  /** Tags one connection announces under: today's and tomorrow's of some accounts. */
  readonly announcementsPerConnectionMax: number;
  /** Announcements under one tag; the longest not renewed goes first. */
  readonly announcementsPerTagMax: number;

  /** On shutdown, the time between two closings, so that nodes do not all redial at once. */
  readonly drainMillisPerConnection: number;
  /** All closings together take no longer. */
  readonly drainMillisMax: number;
  /** From a closing to cutting whoever has not answered it. */
  readonly lingerMillisMax: number;
}

export const defaultLimits: Limits = {
  payloadBytesMax: relayPayloadBytesMax,
  fragmentsMax: 64,
  chunksMax: 512,
  connectionsMax: 10_000,
  connectionsPerAddressMax: 32,
  upgradesPerAddressBurst: 20,
  upgradesPerAddressPerSecond: 0.5,
  addressesMax: 20_000,
  headersMillisMax: 10_000,
  firstFrameMillisMax: 15_000,
  tagsPerConnectionMax,
  tagsMax: 1_000_000,
  subscribersPerTagMax: 512,
  publishesPerSecond: 50,
  publishesBurst: 200,
  publishBytesPerSecond: 1024 * 1024,
  publishBytesBurst: 4 * 1024 * 1024,
  bulkBytesPerSecond: 8 * 1024 * 1024,
  bulkBytesBurst: 16 * 1024 * 1024,
  requestsPerSecond: 20,
  requestsBurst: 100,
  violationsMax: 3,
  violationForgivenMillis: 20_000,
  speedingsMax: 4_096,
  speedingsForgivenPerSecond: 68,
  bulkBacklogBytesMax: 640 * 1024,
  backlogBytesMax: 1024 * 1024,
  backlogTotalBytesMax: 256 * 1024 * 1024,
  stallMillisMax: 10_000,
  pingMillis: 25_000,
  pingsMissedMax: 2,
  announceSecondsMax: 3_600,
  announcementsPerConnectionMax: 16,
  announcementsPerTagMax: 1_000,
  drainMillisPerConnection: 1.5,
  drainMillisMax: 15_000,
  lingerMillisMax: 2_000,
};
