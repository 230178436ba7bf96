/**
 * One stream that was opened here, from the asking to the last byte.
 *
 * Rule 1. The receiver drives: it asks for ranges and asks again for what did not come. The sender only answers.
 * Rule 2. Nothing is asked for that there is no room for: at most a window beyond what was consumed.
 * Rule 3. What came out of order is kept, up to that window; what is delivered is whole and in order.
 */

import type { Bytes } from "@skein/protocol/bytes";
import { later, type Instant, type StreamId } from "@skein/protocol/ids";
import { streamWindowBytes } from "@skein/protocol/limits";
import type { Step } from "@skein/protocol/machine";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import type { StreamResetReason } from "@skein/protocol/node-messages/stream-reset";
import { gapsIn, type ByteRange } from "./byte-ranges.ts";
import type { StreamFailure, StreamsEffect } from "./stream-events.ts";

export type Receiving =
  /** Too many streams are open: this one waits its turn. */
  | { readonly phase: "queued"; readonly request: StreamRequest; readonly bytesMax: number }
  | Asking
  | Flowing;

interface Asking {
  readonly phase: "asking";
  readonly request: StreamRequest;
  readonly bytesMax: number;
  readonly askedAt: Instant;
  readonly repeats: number;
  readonly repeatAt: Instant;
}

interface Flowing {
  readonly phase: "flowing";
  readonly total: number;
  /** Everything before it was delivered. */
  readonly have: number;
  readonly consumed: number;
  /** Everything before it was asked for. */
  readonly granted: number;
  /** What came beyond a gap: sorted, without overlap. */
  readonly pieces: ReadonlyArray<Piece>;
  readonly roundTripMillis: number;
  /** When what is missing was last asked for again, and how often since something was delivered. */
  readonly repairedAt: Instant;
  readonly repairs: number;
  /** When gaps that were seen will have been waited for long enough. */
  readonly repairAt: Instant | undefined;
  readonly repeats: number;
  readonly repeatAt: Instant;
  /** When something new last came, or nothing was owed. */
  readonly progressAt: Instant;
}

interface Piece {
  readonly offset: number;
  readonly bytes: Bytes;
}

/** Where a stream stands: its number, the time, and whether a session carries messages. */
export interface Place {
  readonly stream: StreamId;
  readonly now: Instant;
  readonly up: boolean;
}

/** `undefined`: the stream is over, and an effect said how. */
export type ReceivingStep = Step<Receiving | undefined, StreamsEffect>;

export function ask(
  state: { readonly request: StreamRequest; readonly bytesMax: number },
  place: Place,
): ReceivingStep {
  const { request, bytesMax } = state;
  return [
    {
      phase: "asking",
      request,
      bytesMax,
      askedAt: place.now,
      repeats: 0,
      repeatAt: later(place.now, silenceMillisMin),
    },
    open(request, place),
  ];
}

export function acceptOffer(
  state: Receiving,
  { bytes, objects }: { readonly bytes: number; readonly objects: number },
  place: Place,
): ReceivingStep {
  if (state.phase !== "asking") return [state, []];
  const { stream, now } = place;
  if (bytes > state.bytesMax) return giveUp("too-large", place);
  const offered: StreamsEffect = { type: "offered", stream, bytes, objects };
  if (bytes === 0) {
    const [, last] = finish(place);
    return [undefined, [offered, ...last]];
  }
  const granted = Math.min(bytes, streamWindowBytes);
  return [
    {
      phase: "flowing",
      total: bytes,
      have: 0,
      consumed: 0,
      granted,
      pieces: [],
      // A repeated question says nothing about the way: which one was answered?
      roundTripMillis:
        state.repeats === 0 ? boundRoundTrip(now - state.askedAt) : roundTripMillisFirst,
      repairedAt: now,
      repairs: 0,
      repairAt: undefined,
      repeats: 0,
      repeatAt: later(now, silenceMillisMin),
      progressAt: now,
    },
    [offered, grant(stream, { from: 0, until: granted })],
  ];
}

export function acceptChunk(
  state: Receiving,
  { offset, bytes }: Piece,
  place: Place,
): ReceivingStep {
  if (state.phase !== "flowing" || bytes.length === 0) return [state, []];
  const end = offset + bytes.length;
  if (end > state.total) return giveUp("misbehaved", place);
  if (end <= state.have || end > state.granted) return [state, []];
  const pieces = keep(state, { offset, bytes });
  if (pieces === undefined) return [state, []];
  return drain({ ...heard(state, offset, place), pieces }, place);
}

export function noteConsumed(state: Receiving, upto: number, place: Place): ReceivingStep {
  if (state.phase !== "flowing") return [state, []];
  const consumed = Math.max(state.consumed, Math.min(upto, state.have));
  const until = Math.min(state.total, consumed + streamWindowBytes);
  const room = until - state.granted;
  if (room <= 0 || (room < grantBytesMin && until < state.total))
    return [{ ...state, consumed }, []];
  const idle = state.have === state.granted;
  const next: Flowing = {
    ...state,
    consumed,
    granted: until,
    ...(idle ? rested(place.now) : {}),
  };
  // Without a session nobody hears it; the next repeat asks for the same bytes.
  const wanted: ByteRange = { from: state.granted, until };
  return [next, place.up ? [grant(place.stream, wanted)] : []];
}

/** Asks again when it is time, and gives up when it is. */
export function passTime(state: Receiving, place: Place): ReceivingStep {
  if (state.phase === "queued") return [state, []];
  const since = state.phase === "asking" ? state.askedAt : state.progressAt;
  if (owes(state) && place.now - since >= patienceMillis) return giveUp("silence", place);
  if (!place.up) return [state, []];
  if (place.now >= state.repeatAt) return repeat(state, place);
  return state.phase === "flowing" ? repair(state, place) : [state, []];
}

/** A session is there (again): says at once what is missing. */
export function resume(state: Receiving, place: Place): ReceivingStep {
  return state.phase === "queued" ? [state, []] : repeat({ ...state, repeats: 0 }, place);
}

/** When `passTime` should next be called. */
export function receivingDeadline(state: Receiving, up: boolean): Instant | undefined {
  if (state.phase === "queued") return undefined;
  const since = state.phase === "asking" ? state.askedAt : state.progressAt;
  const end = owes(state) ? later(since, patienceMillis) : undefined;
  const repairAt = state.phase === "flowing" ? state.repairAt : undefined;
  const due = [end, ...(up ? [state.repeatAt, repairAt] : [])];
  return due.reduce(
    (least, at) => (least === undefined || (at ?? least) < least ? at : least),
    undefined,
  );
}

export function giveUp(why: StreamFailure, place: Place): ReceivingStep {
  return [
    undefined,
    [...reset(resetReasons[why], place), { type: "failed", stream: place.stream, why }],
  ];
}

function finish(place: Place): ReceivingStep {
  return [undefined, [...reset("complete", place), { type: "finished", stream: place.stream }]];
}

/** Whether the other node owes something. Where the person's own disk is slow, nobody is let go of. */
function owes(state: Asking | Flowing): boolean {
  return state.phase === "asking" || state.have < state.granted;
}

function repeat(state: Asking | Flowing, place: Place): ReceivingStep {
  const { now, stream } = place;
  const repeats = Math.min(state.repeats + 1, 8);
  const delayMillis = Math.min(silenceMillisMax, silenceMillisMin * silenceGrowth ** repeats);
  const repeatAt = later(now, Math.round(delayMillis));
  if (state.phase === "asking")
    return [{ ...state, repeats, repeatAt }, open(state.request, place)];
  const missing = gapsIn({ from: state.have, until: state.granted }, covered(state.pieces));
  // With nothing missing this still says that the receiver lives.
  const asked =
    missing.length === 0
      ? [{ from: state.have, until: state.granted }]
      : missing.slice(0, gapsPerRepairMax);
  const progressAt = missing.length === 0 ? now : state.progressAt;
  return [
    {
      ...state,
      repeats,
      repeatAt,
      progressAt,
      repairedAt: now,
      repairs: state.repairs + 1,
      repairAt: undefined,
    },
    asked.map((range) => grant(stream, range)),
  ];
}

/** Something new came: measures the way when it closes the first gap, and starts the silence anew. */
function heard(state: Flowing, offset: number, { now }: Place): Flowing {
  // Asked for twice, it could be the answer to either time.
  const closes = offset <= state.have && state.repairs === 1;
  const sample = boundRoundTrip(now - state.repairedAt);
  const roundTripMillis = closes
    ? Math.round(0.75 * state.roundTripMillis + 0.25 * sample)
    : state.roundTripMillis;
  return { ...state, roundTripMillis, ...rested(now) };
}

function rested(now: Instant): Pick<Flowing, "repeats" | "repeatAt" | "progressAt"> {
  return { repeats: 0, repeatAt: later(now, silenceMillisMin), progressAt: now };
}

/** Delivers what has no gap before it, and asks for the gaps that are left. */
function drain(state: Flowing, place: Place): ReceivingStep {
  const { stream, up } = place;
  let { have } = state;
  const effects: StreamsEffect[] = [];
  const pieces = state.pieces.filter(({ offset, bytes }) => {
    if (offset !== have) return true;
    effects.push({ type: "deliver", stream, offset, bytes });
    have += bytes.length;
    return false;
  });
  if (have === state.total) {
    const [, last] = finish(place);
    return [undefined, [...effects, ...last]];
  }
  const repairs = have > state.have ? 0 : state.repairs;
  const next: Flowing = { ...state, have, pieces, repairs };
  const [last, orders] = up ? repair(next, place) : [next, []];
  return [last, [...effects, ...orders]];
}

/** Asks for the gaps before the last piece, at most once in a round trip: what is beyond may be under way. */
function repair(state: Flowing, { stream, now }: Place): Step<Flowing, StreamsEffect> {
  const end = state.pieces.at(-1);
  if (end === undefined) return [{ ...state, repairAt: undefined }, []];
  const repairAt = later(state.repairedAt, Math.round(state.roundTripMillis * roundTripMargin));
  if (now < repairAt) return [{ ...state, repairAt }, []];
  const gaps = gapsIn({ from: state.have, until: end.offset }, covered(state.pieces));
  // Asked for twice and not here: it is under way, and the way is longer than we thought.
  const roundTripMillis = boundRoundTrip(
    state.repairs > 0 ? state.roundTripMillis * 2 : state.roundTripMillis,
  );
  return [
    {
      ...state,
      roundTripMillis,
      repairedAt: now,
      repairs: state.repairs + 1,
      repairAt: later(now, Math.round(roundTripMillis * roundTripMargin)),
    },
    gaps.slice(0, gapsPerRepairMax).map((range) => grant(stream, range)),
  ];
}

/** The pieces with what is new of `piece`, or `undefined` if nothing is. */
function keep(state: Flowing, piece: Piece): ReadonlyArray<Piece> | undefined {
  const whole = {
    from: Math.max(piece.offset, state.have),
    until: piece.offset + piece.bytes.length,
  };
  const parts = gapsIn(whole, covered(state.pieces)).map(({ from, until }) => ({
    offset: from,
    bytes:
      until - from === piece.bytes.length
        ? piece.bytes
        : piece.bytes.slice(from - piece.offset, until - piece.offset),
  }));
  if (parts.length === 0) return undefined;
  const all = [...state.pieces, ...parts].toSorted((a, b) => a.offset - b.offset);
  // Crumbs cost more than their bytes: beyond this the farthest are let go of, and asked for again.
  return all.length > piecesMax ? all.slice(0, piecesMax) : all;
}

function covered(pieces: ReadonlyArray<Piece>): ReadonlyArray<ByteRange> {
  return pieces.map(({ offset, bytes }) => ({ from: offset, until: offset + bytes.length }));
}

function open(request: StreamRequest, { stream, up }: Place): ReadonlyArray<StreamsEffect> {
  return up ? [{ type: "send", message: { type: "stream-open", stream, request } }] : [];
}

function grant(stream: StreamId, { from, until }: ByteRange): StreamsEffect {
  return { type: "send", message: { type: "stream-grant", stream, from, until } };
}

function reset(reason: StreamResetReason, { stream, up }: Place): ReadonlyArray<StreamsEffect> {
  return up ? [{ type: "send", message: { type: "stream-reset", stream, reason } }] : [];
}

function boundRoundTrip(millis: number): number {
  return Math.min(roundTripMillisMax, Math.max(roundTripMillisMin, millis));
}

/** What the other node is told, which is less than what we know. */
const resetReasons: Readonly<Record<StreamFailure, StreamResetReason>> = {
  complete: "cancelled",
  cancelled: "cancelled",
  "not-here": "cancelled",
  "too-large": "too-large",
  "not-allowed": "cancelled",
  failed: "cancelled",
  silence: "cancelled",
  misbehaved: "failed",
  busy: "cancelled",
};

const silenceMillisMin = 1_000;
const silenceMillisMax = 8_000;
const silenceGrowth = 1.5;
/** Without anything new for so long, a stream is given up. A phone that sleeps shortly wakes up in time. */
const patienceMillis = 60_000;
/** What was asked for together comes over a while, not at once. */
const roundTripMargin = 1.5;
const roundTripMillisFirst = 500;
const roundTripMillisMin = 100;
const roundTripMillisMax = 2_000;
/** New room is worth a message from here on: four grants a window. */
const grantBytesMin = streamWindowBytes / 4;
/** Messages of one round of repair. */
const gapsPerRepairMax = 8;
/** Pieces kept beyond a gap: a window of whole chunks is 33. */
const piecesMax = 128;
