/**
 * One stream that the other node opened: what it wants of the source, and what is being read for it.
 *
 * Rule 1. It sends what was asked for, as often as it is asked, and nothing else.
 * Rule 2. It holds no bytes: whatever is read goes out at once, and is read again if it was lost.
 */

import { later, type Instant } from "@skein/protocol/ids";
import { chunkBytesMax } from "@skein/protocol/limits";
import { takeFirst, withRange, type ByteRange, type ByteRanges } from "./byte-ranges.ts";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";

export type Sending =
  /** The source is looked for. */
  { readonly phase: "finding"; readonly request: StreamRequest; readonly heardAt: Instant } | Ready;

export interface Ready {
  readonly phase: "ready";
  readonly request: StreamRequest;
  readonly total: number;
  readonly objects: number;
  readonly wanted: ByteRanges;
  readonly reading: ReadonlyArray<ByteRange>;
  /** The farthest byte that was ever asked for. */
  readonly reach: number;
  readonly heardAt: Instant;
  readonly progressAt: Instant;
}

export function found(
  state: Sending,
  {
    bytes,
    objects,
    now,
  }: { readonly bytes: number; readonly objects: number; readonly now: Instant },
): Ready {
  const { request, heardAt } = state;
  return {
    phase: "ready",
    request,
    total: bytes,
    objects,
    wanted: [],
    reading: [],
    reach: 0,
    heardAt,
    progressAt: now,
  };
}

export function noteGrant(state: Ready, { from, until }: ByteRange, now: Instant): Ready {
  const end = Math.min(until, state.total);
  const wanted = withRange(state.wanted, { from, until: end });
  const farther = from < end && end > state.reach;
  return {
    ...state,
    // Scattered wishes are a whim of the other side: what they span is sent instead.
    wanted: wanted.length > rangesMax ? spanOf(wanted) : wanted,
    reach: farther ? end : state.reach,
    heardAt: now,
    progressAt: farther ? now : state.progressAt,
  };
}

/** The next piece to read, if one is wanted. */
export function startReading(
  state: Ready,
): { readonly next: Ready; readonly piece: ByteRange } | undefined {
  const first = takeFirst(state.wanted, chunkBytesMax);
  if (first === undefined) return undefined;
  const { taken, rest } = first;
  return {
    next: { ...state, wanted: rest, reading: [...state.reading, taken] },
    piece: taken,
  };
}

/** The piece at `offset` was read. `undefined`: nobody waited for it. */
export function endReading(
  state: Ready,
  offset: number,
): { readonly next: Ready; readonly piece: ByteRange } | undefined {
  const index = state.reading.findIndex((range) => range.from === offset);
  const piece = state.reading[index];
  if (piece === undefined) return undefined;
  return { next: { ...state, reading: state.reading.toSpliced(index, 1) }, piece };
}

/** Without a session nothing is wanted; the opener says again what it lacks when there is one. */
export function pause(state: Sending): Sending {
  return state.phase === "ready" ? { ...state, wanted: [] } : state;
}

/** When a stream is let go of that nobody speaks about, or whose reader never comes further. */
export function sendingDeadline(state: Sending): Instant {
  const silent = later(state.heardAt, patienceMillis);
  if (state.phase === "finding") return silent;
  const stuck = later(state.progressAt, holdMillis);
  return silent < stuck ? silent : stuck;
}

function spanOf(ranges: ByteRanges): ByteRanges {
  const first = ranges[0];
  const last = ranges.at(-1);
  return first === undefined || last === undefined ? [] : [{ from: first.from, until: last.until }];
}

/** An opener repeats itself every 8 s: this many silences in a row are no accident. */
const patienceMillis = 60_000;
/** A reader that takes nothing for so long keeps a source open for nothing. */
const holdMillis = 5 * 60_000;
const rangesMax = 64;
