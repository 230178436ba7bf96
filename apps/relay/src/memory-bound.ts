/** What the relay's memory is made of, and the most that its limits let it become. docs/self-hosting.md has the same table. */

import { slots } from "./interest.ts";
import { defaultLimits, type Limits } from "./limits.ts";

/** What a relay holds now, as /transparency tells it. */
export interface Held {
  readonly connections: number;
  readonly tags: number;
  readonly readers: number;
  readonly announcements: number;
  readonly addresses: number;
  readonly relays: number;
  readonly neighbourOwners: number;
  readonly neighbourQuestions: number;
  readonly backlogBytes: number;
  readonly halfReceivedBytes: number;
  readonly waitingSenders: number;
  readonly keptBytes: number;
}

/** What is switched on, and costs nothing otherwise. */
export interface Switched {
  readonly tls: boolean;
  readonly engine: boolean;
  readonly git: boolean;
}

export interface Term {
  readonly name: string;
  /** Bytes of one. */
  readonly each: number;
  /** How many the limits allow. */
  readonly count: number;
  /** What stands is there to stay; what passes is cut when memory is short. */
  readonly kind: "stands" | "passes";
}

export interface Bound {
  readonly terms: ReadonlyArray<Term>;
  /** With every limit reached at once. */
  readonly mostBytes: number;
  /** Of that, what cannot be cut. */
  readonly standingBytes: number;
}

export const everythingOff: Switched = { tls: false, engine: false, git: false };

export function memoryBound(limits: Limits, on: Switched = everythingOff): Bound {
  const terms = [...standing(limits, on), ...passing(limits, on)];
  return { terms, mostBytes: sum(terms), standingBytes: sum(standing(limits, on)) };
}

/** For what is held now, an empty relay included. */
export function boundOf(
  held: Held,
  { tls, engine }: Switched = everythingOff,
  { spareSocketsMax }: Pick<Limits, "spareSocketsMax"> = defaultLimits,
): number {
  const { connections, tags, readers, announcements } = held;
  return (
    emptyBytes +
    garbageBytes +
    spareSocketsMax * (requestBytes + (tls ? tlsBytes : 0)) +
    connections * (connectionBytes + (tls ? tlsBytes : 0)) +
    tags * tagBytes +
    readersBytes(tags, readers) +
    announcements * announcementBytes +
    held.addresses * addressBytes +
    (engine ? slots * slotBytes : 0) +
    held.relays * relayBytes +
    held.neighbourOwners * ownerBytes +
    held.neighbourQuestions * questionBytes +
    held.backlogBytes +
    held.halfReceivedBytes +
    held.waitingSenders * readAheadBytes +
    held.keptBytes
  );
}

/** How many connections, or topics beside none, so much memory is enough for before nobody new comes in. */
export function roomIn(
  memoryBytes: number,
  { tls }: Switched = everythingOff,
): {
  readonly connections: number;
  readonly tags: number;
} {
  const bytes = memoryBytes * admitted - emptyBytes;
  return {
    connections: Math.floor(bytes / (connectionBytes + (tls ? tlsBytes : 0))),
    tags: Math.floor(bytes / tagBytes),
  };
}

function standing(limits: Limits, { tls, engine }: Switched): ReadonlyArray<Term> {
  const { connectionsMax, tagsMax, tagsPerConnectionMax, announcementsPerConnectionMax } = limits;
  const further = Math.max(0, connectionsMax * tagsPerConnectionMax - tagsMax);
  const second = Math.min(tagsMax, further);
  const kind = "stands";
  return [
    { kind, name: "an empty relay", each: emptyBytes, count: 1 },
    { kind, name: "connections", each: connectionBytes, count: connectionsMax },
    { kind, name: "handshakes and requests", each: requestBytes, count: limits.spareSocketsMax },
    {
      kind,
      name: "TLS of each of both, where the relay ends it",
      each: tlsBytes,
      count: tls ? connectionsMax + limits.spareSocketsMax : 0,
    },
    { kind, name: "topics with their first reader", each: tagBytes, count: tagsMax },
    { kind, name: "their second readers", each: secondReaderBytes, count: second },
    { kind, name: "readers after these", each: laterReaderBytes, count: further - second },
    {
      kind,
      name: "announcements",
      each: announcementBytes,
      count: connectionsMax * announcementsPerConnectionMax,
    },
    ...aboutNeighbours(limits, engine),
    { kind, name: "addresses", each: addressBytes, count: limits.addressesMax },
    { kind, name: "bytes kept for readers who are away", each: 1, count: keptBytes(limits) },
  ];
}

/** What other relays told, and what is told to them. */
function aboutNeighbours(limits: Limits, engine: boolean): ReadonlyArray<Term> {
  const told = [
    { name: "neighbours", each: relayBytes, count: limits.neighboursMax },
    {
      name: "their connections that announce",
      each: ownerBytes,
      count: limits.neighbourOwnersMax,
    },
    {
      name: "announcements of neighbours",
      each: announcementBytes,
      count: limits.neighbourAnnouncementsMax,
    },
    {
      name: "questions to neighbours",
      each: questionBytes,
      count: limits.neighbourQuestionsMax,
    },
    { name: "slots of tags that are wanted", each: slotBytes, count: slots },
    { name: "subjects listened to", each: subjectBytes, count: limits.backplaneBuckets },
  ];
  return told.map(({ name, each, count }) => ({
    kind: "stands",
    name,
    each,
    count: engine ? count : 0,
  }));
}

function passing(limits: Limits, { engine, git }: Switched): ReadonlyArray<Term> {
  const gitBytes = 2 * limits.gitQuestionBytesMax + gitPathBytes;
  const kind = "passes";
  return [
    { kind, name: "bytes waiting for readers", each: 1, count: limits.backlogTotalBytesMax },
    {
      kind,
      name: "bytes of messages that have not come whole",
      each: 1,
      count: limits.halfReceivedTotalBytesMax,
    },
    {
      kind,
      name: "senders whose message waits for its turn",
      each: readAheadBytes,
      count: limits.turnWaitingMax,
    },
    {
      kind,
      name: "bytes the engine has not confirmed",
      each: 1,
      count: engine ? limits.backplaneBytesMax : 0,
    },
    {
      kind,
      name: "bytes on their way to the engine",
      each: batchedBytes,
      count: engine ? limits.backplaneBytesMax : 0,
    },
    {
      kind,
      name: "questions to git hosts",
      each: gitBytes,
      count: git ? limits.gitQuestionsMax : 0,
    },
    { kind, name: "bytes passed on and not yet collected", each: 1, count: garbageBytes },
  ];
}

/** Beyond the first of each topic. */
function readersBytes(tags: number, readers: number): number {
  const second = Math.min(tags, readers - tags);
  return second * secondReaderBytes + (readers - tags - second) * laterReaderBytes;
}

function keptBytes({ keepSecondsMax, keptBytesMax }: Limits): number {
  return keepSecondsMax === 0 ? 0 : keptBytesMax;
}

function sum(terms: ReadonlyArray<Term>): number {
  return terms.reduce((total, { each, count }) => total + each * count, 0);
}

/** Of `memory-bytes-max`, what may be used before nobody new comes in. */
export const admitted = 0.8;
/** Of the same, what may be used before what passes is cut. */
export const relieved = 0.9;

const emptyBytes = 65e6;
/** 8 KiB when idle, and as much again for what it has just read. */
const connectionBytes = 16 * 1024;
/** The headers of a request as they come, and what Node makes of them. */
export const requestBytes = 24 * 1024;
/** Buffers and state of a TLS session, measured at 33 to 43 KiB with the connection in it. */
export const tlsBytes = 32 * 1024;
const tagBytes = 100;
/** The second reader of a topic makes a set of both. */
const secondReaderBytes = 300;
const laterReaderBytes = 100;
const addressBytes = 400;
/** One of 255 bytes under a topic of its own, measured at 790. */
const announcementBytes = 800;
const questionBytes = 200;
/** A map of what it wants, and where it stands. */
const relayBytes = 9 * 1024;
/** With the list of what it announces. */
const ownerBytes = 400;
const slotBytes = 100;
/** A subscription of the client, and where it stands. */
const subjectBytes = 2 * 1024;
/** A batch grows by doubling. */
const batchedBytes = 2;
/** What Node has read of a socket before it stops: one read, and what it had before that. */
const readAheadBytes = 128 * 1024;
/** Two sockets, one of them with TLS, and what is between them; the question itself is held in parts and whole. */
const gitPathBytes = 256 * 1024;
/** What the collector has not swept yet. */
const garbageBytes = 60e6;
