/**
 * The streams of one session, both ways: asked for, answered, granted, repaired after loss, and ended with a reason.
 *
 * Rule 1. Every `opened-here` ends with one `finished` or `failed`; every `start-source` with a `drop-source`.
 * Rule 2. No message throws, and none makes this machine keep more than its limits say.
 * Rule 3. A session may go and come back, and packets may change their path: streams carry on where they were.
 *
 * Spec: docs/protocol/4-messages.md
 */

import { assert } from "@skein/protocol/errors";
import { later, parseStreamId, type Instant, type StreamId } from "@skein/protocol/ids";
import { streamsPerSessionMax } from "@skein/protocol/limits";
import type { Machine, Step } from "@skein/protocol/machine";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import type { StreamResetReason } from "@skein/protocol/node-messages/stream-reset";
import type { StreamMessage, StreamsEffect, StreamsEvent } from "./stream-events.ts";
import {
  acceptChunk,
  acceptOffer,
  ask,
  giveUp,
  noteConsumed,
  passTime,
  receivingDeadline,
  resume,
  type Place,
  type Receiving,
  type ReceivingStep,
} from "./stream-receiving.ts";
import {
  endReading,
  found,
  noteGrant,
  pause,
  sendingDeadline,
  startReading,
  type Sending,
} from "./stream-sending.ts";

/** Whoever runs the machine needs its words too. */
export type { StreamFailure, StreamMessage, StreamsEffect, StreamsEvent } from "./stream-events.ts";

export type StreamsState = ({ readonly phase: "up" } | { readonly phase: "down" }) & Body;

interface Body {
  readonly opens: "odd" | "even";
  readonly nextNumber: number;
  readonly hasRoom: boolean;
  readonly receiving: ReadonlyMap<StreamId, Receiving>;
  /** In the order of their turns. */
  readonly sending: ReadonlyMap<StreamId, Sending>;
  /** The last that were answered here and are over: a late question for one finds nothing. */
  readonly over: ReadonlyArray<StreamId>;
  /** When we last told the other node that a stream of ours is over. */
  readonly strayAt: Instant | undefined;
  readonly wakeAt: Instant | undefined;
}

/** `opens` is "odd" at the node with the smaller id; `start` is a random u32, so that a program started again reuses no number. */
export function streamsBetween({
  opens,
  start,
}: {
  readonly opens: "odd" | "even";
  readonly start: number;
}): Machine<StreamsState, StreamsEvent, StreamsEffect> {
  return {
    initial: {
      phase: "down",
      opens,
      nextNumber: (start % 2 ** 30) * 2 + (opens === "odd" ? 1 : 2),
      hasRoom: true,
      receiving: new Map(),
      sending: new Map(),
      over: [],
      strayAt: undefined,
      wakeAt: undefined,
    },
    table: {
      up: {
        ...anyPhase,
        "session-up": answer(comeUp),
        "session-lost": answer(goDown),
        "message-received": answer(readMessage),
        room: answer((draft) => void (draft.hasRoom = true)),
        "no-room": answer((draft) => void (draft.hasRoom = false)),
      },
      down: {
        ...anyPhase,
        "session-up": answer(comeUp),
        room: answer((draft) => void (draft.hasRoom = true)),
        "no-room": answer((draft) => void (draft.hasRoom = false)),
      },
    },
    // A message without a session, or a second loss: nothing to do.
    otherwise: (state) => [state, []],
  };
}

/** The number that the next `opened-here` takes. */
export function nextStream(state: StreamsState): StreamId {
  const stream = parseStreamId(state.nextNumber);
  assert(stream !== undefined, "a billion streams are enough for one program");
  return stream;
}

/** One step under way: copies of what may change, and the orders so far. */
interface Draft {
  readonly now: Instant;
  readonly opens: "odd" | "even";
  readonly receiving: Map<StreamId, Receiving>;
  readonly sending: Map<StreamId, Sending>;
  readonly effects: StreamsEffect[];
  up: boolean;
  nextNumber: number;
  hasRoom: boolean;
  over: ReadonlyArray<StreamId>;
  strayAt: Instant | undefined;
}

interface Told {
  readonly type: string;
  readonly now: Instant;
}

/** Runs `act` on a draft, then what any event may have made possible: the next in the queue, the next reads, the next waking. */
function answer<E>(
  act: (draft: Draft, event: E & Told) => void,
): (state: StreamsState, event: E & Told) => Step<StreamsState, StreamsEffect> {
  return (state, event) => {
    const draft: Draft = {
      now: event.now,
      opens: state.opens,
      receiving: new Map(state.receiving),
      sending: new Map(state.sending),
      effects: [],
      up: state.phase === "up",
      nextNumber: state.nextNumber,
      hasRoom: state.hasRoom,
      over: state.over,
      strayAt: state.strayAt,
    };
    act(draft, event);
    askNext(draft);
    readNext(draft);
    // A clock may ring a little early: what it was asked for is asked for again.
    return conclude(draft, event.type === "time-passed" ? undefined : state.wakeAt);
  };
}

function conclude(
  draft: Draft,
  wakeAtBefore: Instant | undefined,
): Step<StreamsState, StreamsEffect> {
  const { now, effects, up, ...body } = draft;
  const earliest = earliestDeadline(draft);
  const soonest = later(now, 1);
  const wakeAt = earliest !== undefined && earliest < soonest ? soonest : earliest;
  if (wakeAt !== undefined && wakeAt !== wakeAtBefore)
    effects.push({ type: "wake-at", at: wakeAt });
  return [{ phase: up ? "up" : "down", ...body, wakeAt }, effects];
}

function earliestDeadline({ receiving, sending, up }: Draft): Instant | undefined {
  let earliest: Instant | undefined;
  const note = (at: Instant | undefined): void => {
    if (at !== undefined && (earliest === undefined || at < earliest)) earliest = at;
  };
  for (const state of receiving.values()) note(receivingDeadline(state, up));
  for (const state of sending.values()) note(sendingDeadline(state));
  return earliest;
}

function openHere(
  draft: Draft,
  event: Extract<StreamsEvent, { readonly type: "opened-here" }>,
): void {
  const { stream, request, bytesMax } = event;
  assert(stream === draft.nextNumber, "a stream takes the next number");
  draft.nextNumber += 2;
  if (draft.receiving.size >= queuedStreamsMax) {
    draft.effects.push({ type: "failed", stream, why: "busy" });
    return;
  }
  draft.receiving.set(stream, { phase: "queued", request, bytesMax });
}

function readMessage(draft: Draft, { message }: { readonly message: StreamMessage }): void {
  const { stream } = message;
  const ours = (stream % 2 === 1) === (draft.opens === "odd");
  switch (message.type) {
    case "stream-offer":
      return ours
        ? receive(draft, stream, (state, place) => acceptOffer(state, message, place))
        : undefined;
    case "stream-chunk":
      return ours
        ? receive(draft, stream, (state, place) => acceptChunk(state, message, place))
        : undefined;
    case "stream-open":
      return ours ? undefined : answerOpen(draft, stream, message.request);
    case "stream-grant":
      return ours ? undefined : takeGrant(draft, stream, message);
    case "stream-reset":
      return ours ? endReceiving(draft, stream, message.reason) : endSending(draft, stream);
  }
}

/** Moves one stream that was opened here, or tells the other node that it is over. */
function receive(
  draft: Draft,
  stream: StreamId,
  move: (state: Receiving, place: Place) => ReceivingStep,
): void {
  const state = draft.receiving.get(stream);
  if (state !== undefined) return settle(draft, stream, move(state, placeOf(draft, stream)));
  if (draft.strayAt !== undefined && draft.now - draft.strayAt < strayMillisMin) return;
  draft.strayAt = draft.now;
  draft.effects.push({
    type: "send",
    message: { type: "stream-reset", stream, reason: "cancelled" },
  });
}

function settle(draft: Draft, stream: StreamId, [next, effects]: ReceivingStep): void {
  if (next === undefined) draft.receiving.delete(stream);
  else draft.receiving.set(stream, next);
  draft.effects.push(...effects);
}

function placeOf({ now, up }: Draft, stream: StreamId): Place {
  return { stream, now, up };
}

function endReceiving(draft: Draft, stream: StreamId, why: StreamResetReason): void {
  const state = draft.receiving.get(stream);
  if (state === undefined || state.phase === "queued") return;
  draft.receiving.delete(stream);
  // "Complete" is for the opener to say; from the other side it is just an end.
  draft.effects.push({ type: "failed", stream, why: why === "complete" ? "failed" : why });
}

function consume(
  draft: Draft,
  { stream, upto }: { readonly stream: StreamId; readonly upto: number },
): void {
  const state = draft.receiving.get(stream);
  if (state !== undefined) settle(draft, stream, noteConsumed(state, upto, placeOf(draft, stream)));
}

function answerOpen(draft: Draft, stream: StreamId, request: StreamRequest): void {
  const known = draft.sending.get(stream);
  if (known !== undefined) {
    draft.sending.set(stream, { ...known, heardAt: draft.now });
    if (known.phase === "ready") offer(draft, stream, known.total, known.objects);
    return;
  }
  if (draft.over.includes(stream)) return sendReset(draft, stream, "not-here");
  if (draft.sending.size >= streamsPerSessionMax) endSending(draft, mostSilent(draft.sending));
  draft.sending.set(stream, { phase: "finding", request, heardAt: draft.now });
  draft.effects.push({ type: "start-source", stream, request });
}

function takeGrant(
  draft: Draft,
  stream: StreamId,
  range: { readonly from: number; readonly until: number },
): void {
  const state = draft.sending.get(stream);
  if (state === undefined) return sendReset(draft, stream, "not-here");
  if (state.phase === "ready") draft.sending.set(stream, noteGrant(state, range, draft.now));
}

function supply(
  draft: Draft,
  event: Extract<StreamsEvent, { readonly type: "source-ready" }>,
): void {
  const { stream, bytes, objects, now } = event;
  const state = draft.sending.get(stream);
  // Found too late: nobody waits for it any more.
  if (state === undefined) draft.effects.push({ type: "drop-source", stream });
  if (state?.phase !== "finding") return;
  draft.sending.set(stream, found(state, { bytes, objects, now }));
  offer(draft, stream, bytes, objects);
}

function pass(draft: Draft, event: Extract<StreamsEvent, { readonly type: "source-bytes" }>): void {
  const { stream, offset, bytes } = event;
  const state = draft.sending.get(stream);
  if (state?.phase !== "ready") return;
  const read = endReading(state, offset);
  if (read === undefined) return;
  const { piece, next } = read;
  assert(
    bytes.length === piece.until - piece.from,
    "a source gives as many bytes as it is asked for",
  );
  draft.sending.set(stream, next);
  if (draft.up)
    draft.effects.push({ type: "send", message: { type: "stream-chunk", stream, offset, bytes } });
}

function refuse(
  draft: Draft,
  { stream, why }: { readonly stream: StreamId; readonly why: StreamResetReason },
): void {
  if (!draft.sending.has(stream)) return;
  sendReset(draft, stream, why);
  endSending(draft, stream);
}

function cancel(draft: Draft, { stream }: { readonly stream: StreamId }): void {
  const state = draft.receiving.get(stream);
  if (state !== undefined)
    settle(
      draft,
      stream,
      giveUp("cancelled", { ...placeOf(draft, stream), up: draft.up && state.phase !== "queued" }),
    );
  refuse(draft, { stream, why: "cancelled" });
}

function endSending(draft: Draft, stream: StreamId | undefined): void {
  if (stream === undefined || !draft.sending.delete(stream)) return;
  draft.over = [...draft.over.slice(1 - overMax), stream];
  draft.effects.push({ type: "drop-source", stream });
}

function moveAll(draft: Draft, move: (state: Receiving, place: Place) => ReceivingStep): void {
  for (const [stream, state] of draft.receiving)
    settle(draft, stream, move(state, placeOf(draft, stream)));
}

function comeUp(draft: Draft): void {
  draft.up = true;
  draft.hasRoom = true;
  for (const [stream, state] of draft.sending)
    draft.sending.set(stream, { ...state, heardAt: draft.now });
  moveAll(draft, resume);
}

function goDown(draft: Draft): void {
  draft.up = false;
  for (const [stream, state] of draft.sending) draft.sending.set(stream, pause(state));
}

function letTimePass(draft: Draft): void {
  moveAll(draft, passTime);
  for (const [stream, state] of draft.sending)
    if (draft.now >= sendingDeadline(state)) refuse(draft, { stream, why: "cancelled" });
}

/** Asks for streams that waited, while fewer than the other node answers at once are under way. */
function askNext(draft: Draft): void {
  if (!draft.up) return;
  const waiting = [...draft.receiving].filter(([, state]) => state.phase === "queued");
  const under = draft.receiving.size - waiting.length;
  for (const [stream, state] of waiting.slice(0, Math.max(0, streamsPerSessionMax - under)))
    if (state.phase === "queued") settle(draft, stream, ask(state, placeOf(draft, stream)));
}

/** Reads ahead by a few chunks, each stream in its turn, while the path has room. */
function readNext(draft: Draft): void {
  if (!draft.up || !draft.hasRoom) return;
  let reads = 0;
  for (const state of draft.sending.values())
    reads += state.phase === "ready" ? state.reading.length : 0;
  for (let turn = nextTurn(draft); turn !== undefined && reads < readsMax; turn = nextTurn(draft)) {
    const { stream, next, piece } = turn;
    draft.sending.delete(stream);
    draft.sending.set(stream, next);
    draft.effects.push({
      type: "read-source",
      stream,
      offset: piece.from,
      length: piece.until - piece.from,
    });
    reads += 1;
  }
}

function nextTurn(
  draft: Draft,
): ({ readonly stream: StreamId } & NonNullable<ReturnType<typeof startReading>>) | undefined {
  for (const [stream, state] of draft.sending) {
    const started = state.phase === "ready" ? startReading(state) : undefined;
    if (started !== undefined) return { stream, ...started };
  }
  return undefined;
}

function mostSilent(sending: ReadonlyMap<StreamId, Sending>): StreamId | undefined {
  return [...sending].toSorted(([, a], [, b]) => a.heardAt - b.heardAt)[0]?.[0];
}

function offer(draft: Draft, stream: StreamId, bytes: number, objects: number): void {
  if (draft.up)
    draft.effects.push({ type: "send", message: { type: "stream-offer", stream, bytes, objects } });
}

function sendReset(draft: Draft, stream: StreamId, reason: StreamResetReason): void {
  if (draft.up)
    draft.effects.push({ type: "send", message: { type: "stream-reset", stream, reason } });
}

/** What both phases answer alike. */
const anyPhase = {
  "opened-here": answer(openHere),
  "source-ready": answer(supply),
  "source-bytes": answer(pass),
  "source-refused": answer(refuse),
  consumed: answer(consume),
  cancelled: answer(cancel),
  "time-passed": answer(letTimePass),
};

/** Chunks being read at once: enough to hide a disk, too few to fill a memory. */
const readsMax = 4;
/** Streams under way and waiting. */
const queuedStreamsMax = 256;
const overMax = 64;
/** A stray stream is answered, but a flood of strays is not. */
const strayMillisMin = 100;
