/** What the relay's memory is made of, and the most that its limits let it become. docs/self-hosting.md has the same table. */

import type { Limits } from "./limits.ts";

export interface Held {
  readonly connections: number;
  readonly tags: number;
  readonly announcements: number;
  readonly backlogBytes: number;
}

export interface Term {
  readonly name: string;
  /** Bytes of one. */
  readonly each: number;
  /** How many the limits allow. */
  readonly count: number;
}

export interface Bound {
  readonly terms: ReadonlyArray<Term>;
  /** With every limit reached at once. */
  readonly mostBytes: number;
  /** For what is held now, beyond an empty relay. */
  readonly nowBytes: number;
}

export function memoryBound(limits: Limits, held: Held): Bound {
  const terms: ReadonlyArray<Term> = [
    { name: "an empty relay", each: emptyBytes, count: 1 },
    { name: "connections", each: connectionBytes, count: limits.connectionsMax },
    { name: "handshakes under way", each: handshakeBytes, count: spareSockets },
    { name: "topics", each: tagBytes, count: limits.tagsMax },
    {
      name: "announcements",
      each: announcementBytes,
      count: limits.connectionsMax * limits.announcementsPerConnectionMax,
    },
    { name: "addresses", each: addressBytes, count: limits.addressesMax },
    { name: "bytes waiting for readers", each: 1, count: limits.backlogTotalBytesMax },
    { name: "bytes kept for readers who are away", each: 1, count: keptBytes(limits) },
    { name: "bytes the engine has not confirmed", each: 1, count: limits.backplaneBytesMax },
  ];
  return {
    terms,
    mostBytes: terms.reduce((sum, { each, count }) => sum + each * count, 0),
    nowBytes:
      slackBytes +
      held.connections * connectionBytes +
      spareSockets * handshakeBytes +
      held.tags * tagBytes +
      held.announcements * announcementBytes +
      held.backlogBytes,
  };
}

function keptBytes({ keepSecondsMax, keptBytesMax }: Limits): number {
  return keepSecondsMax === 0 ? 0 : keptBytesMax;
}

/** Measured; the last column of the table says so. */
const emptyBytes = 65e6;
/** 8 KiB when idle, and as much again for what it has just read. */
const connectionBytes = 16 * 1024;
const handshakeBytes = 12 * 1024;
const tagBytes = 100;
const addressBytes = 400;
const announcementBytes = 600;
/** The sockets beyond the connections. */
const spareSockets = 500;
/** What the collector has not swept yet. */
const slackBytes = 60e6;
