/**
 * One node's link to one relay: dialled again when it breaks, with the same topics and announcements each time.
 *
 * Rule 1. What is wanted (topics, announcements) is kept; what is said (messages) waits shortly or is let go of.
 * Rule 2. The relay's hello states its limits, and they are kept: nobody needs to be refused.
 * Rule 3. A link that says nothing for a minute, or for three pings of a relay that pings less often, is dead, whatever the
 *         socket believes.
 *
 * Spec: docs/protocol/1-relay.md
 */

import { later, type Instant, type Tag } from "@skein/protocol/ids";
import { presenceBlobsMax, relayPingMillisMax } from "@skein/protocol/limits";
import type { Machine, Step } from "@skein/protocol/machine";
import { relayOps, type RelayFrame } from "@skein/protocol/relay-frame";
import type { RelayHello } from "@skein/protocol/relay-frames/hello";
import type { Refused } from "@skein/protocol/relay-frames/refused";
import { allow } from "./allowance.ts";
import {
  bulkBytes,
  nothingOutgoing,
  release,
  releaseAt,
  withBulk,
  withMessage,
  withoutBulk,
  type Outgoing,
  type Pace,
} from "./outgoing.ts";
import { connected, ended, forgiven, freshRedial, type Redial } from "./redial.ts";
import type { RelayLinkEffect, RelayLinkEvent } from "./relay-link-events.ts";
import { noSubscriptions, wish, wishAgain, type Subscriptions } from "./subscriptions.ts";

/** Whoever runs the machine needs its words too. */
export type { RelayLinkEffect, RelayLinkEvent } from "./relay-link-events.ts";

export type RelayLinkState = (
  | { readonly phase: "stopped" }
  | { readonly phase: "waiting" }
  | { readonly phase: "dialling" }
  | { readonly phase: "greeting" }
  | { readonly phase: "open" }
) &
  Body;

interface Body {
  readonly chance: number;
  readonly redial: Redial;
  readonly dialledAt: Instant | undefined;
  /** When waiting, dialling or greeting has lasted long enough. */
  readonly deadline: Instant | undefined;
  readonly tags: ReadonlyArray<Tag>;
  readonly announcements: ReadonlyMap<Tag, Announcement>;
  readonly outgoing: Outgoing;
  /** What we last said about room for bulk. */
  readonly saidRoom: boolean;
  readonly socketRoom: boolean;
  readonly open: Open | undefined;
  readonly wakeAt: Instant | undefined;
}

interface Announcement {
  readonly blob: Extract<RelayLinkEvent, { readonly type: "announced" }>["blob"];
  readonly want: number;
  readonly nextAt: Instant | undefined;
}

/** What holds while the relay is there. */
interface Open {
  readonly hello: RelayHello;
  readonly heardAt: Instant;
  /** Without a frame by then it is dead: somebody asked whether it still lives. */
  readonly proveBy: Instant | undefined;
  readonly pace: Pace;
  readonly subscriptions: Subscriptions;
  /** Topics beyond what the relay lets us have, as last reported. */
  readonly leftOut: number;
  /** The relay had no time or no room for our topics: they are said again. */
  readonly subscribeAt: Instant | undefined;
}

type Draft = { -readonly [K in keyof Body]: Body[K] } & {
  phase: RelayLinkState["phase"];
  readonly now: Instant;
  readonly effects: RelayLinkEffect[];
};

type Told<Type> = Extract<RelayLinkEvent, { readonly type: Type }>;

/** `seed` is any random number: it spreads this node's tries apart from those of others. */
export function relayLink({
  seed,
}: {
  readonly seed: number;
}): Machine<RelayLinkState, RelayLinkEvent, RelayLinkEffect> {
  return {
    initial: {
      phase: "stopped",
      chance: seed,
      redial: freshRedial,
      dialledAt: undefined,
      deadline: undefined,
      tags: [],
      announcements: new Map(),
      outgoing: nothingOutgoing,
      saidRoom: false,
      socketRoom: true,
      open: undefined,
      wakeAt: undefined,
    },
    table: {
      stopped: { ...wishes, started: answer(dial) },
      waiting: {
        ...wishes,
        stopped: answer(stop),
        "try-now": answer(tryNow),
        "time-passed": answer(dialIfDue),
      },
      dialling: {
        ...wishes,
        stopped: answer(stop),
        "socket-opened": answer(awaitHello),
        "socket-closed": answer(fall),
        "time-passed": answer(giveUpIfDue),
      },
      greeting: {
        ...wishes,
        stopped: answer(stop),
        "socket-closed": answer(fall),
        "frame-received": answer(greet),
        "time-passed": answer(giveUpIfDue),
      },
      open: {
        ...wishes,
        stopped: answer(stop),
        "try-now": answer(probe),
        "socket-closed": answer(fall),
        "frame-received": answer(readFrame),
        "garbage-received": answer(hear),
        "time-passed": answer(keepUp),
      },
    },
    // Late news of a socket that is gone, or a wish that is fulfilled already.
    otherwise: (state) => [state, []],
  };
}

function answer<E extends RelayLinkEvent>(
  act: (draft: Draft, event: E) => void,
): (state: RelayLinkState, event: E) => Step<RelayLinkState, RelayLinkEffect> {
  return (state, event) => {
    const draft: Draft = { ...state, now: event.now, effects: [] };
    act(draft, event);
    sendWhatMay(draft);
    reportRoom(draft);
    // A clock may ring a little early: what it was asked for is asked for again.
    const wakeAtBefore = event.type === "time-passed" ? undefined : state.wakeAt;
    draft.wakeAt = nextWaking(draft);
    if (draft.wakeAt !== undefined && draft.wakeAt !== wakeAtBefore)
      draft.effects.push({ type: "wake-at", at: draft.wakeAt });
    const { now: _now, effects, ...next } = draft;
    return [next, effects];
  };
}

function dial(draft: Draft): void {
  draft.phase = "dialling";
  draft.dialledAt = draft.now;
  draft.deadline = later(draft.now, dialMillisMax);
  draft.effects.push({ type: "dial" });
}

function dialIfDue(draft: Draft): void {
  if (draft.deadline === undefined || draft.now >= draft.deadline) dial(draft);
}

function tryNow(draft: Draft): void {
  draft.redial = forgiven(draft.redial);
  const soonest = later(
    draft.dialledAt ?? draft.now,
    draft.dialledAt === undefined ? 0 : dialGapMillis,
  );
  if (draft.now >= soonest) return dial(draft);
  if (draft.deadline === undefined || soonest < draft.deadline) draft.deadline = soonest;
}

function awaitHello(draft: Draft): void {
  draft.phase = "greeting";
  draft.deadline = later(draft.now, helloMillisMax);
}

function giveUpIfDue(draft: Draft): void {
  if (draft.deadline !== undefined && draft.now >= draft.deadline) hangUp(draft);
}

function greet(draft: Draft, { frame }: Told<"frame-received">): void {
  if (frame.type !== "hello") return;
  const { now } = draft;
  draft.phase = "open";
  draft.deadline = undefined;
  draft.redial = connected(draft.redial, now);
  draft.socketRoom = true;
  draft.open = {
    hello: frame,
    heardAt: now,
    proveBy: undefined,
    pace: {
      messages: allow(Math.max(1, frame.publishesPerSecond), 1, now),
      bulk: allow(Math.max(1, frame.bulkBytesPerSecond), 1, now),
      messagesFrom: now,
      bulkFrom: now,
    },
    subscriptions: noSubscriptions,
    leftOut: 0,
    subscribeAt: undefined,
  };
  draft.effects.push({ type: "greeted", hello: frame });
  // The relay lets go of whoever says nothing at first; without topics, a ping will do.
  if (draft.tags.length === 0) send(draft, { type: "ping", nonce: 0 });
  subscribe(draft, wish);
  for (const tag of draft.announcements.keys()) announce(draft, tag);
}

function readFrame(draft: Draft, { frame }: Told<"frame-received">): void {
  hear(draft);
  if (frame.type === "publish" || frame.type === "bulk")
    draft.effects.push({ type: "deliver", tag: frame.tag, payload: frame.payload });
  else if (frame.type === "found")
    draft.effects.push({ type: "found", tag: frame.tag, blobs: frame.blobs });
  else if (frame.type === "ping") send(draft, { type: "pong", nonce: frame.nonce });
  else if (frame.type === "refused") slowDown(draft, frame);
  else if (frame.type === "hello") greetAgain(draft, frame);
}

/** Words for TURN servers run out: the relay brings new ones. What is under way goes on. */
function greetAgain(draft: Draft, hello: RelayHello): void {
  if (draft.open !== undefined) draft.open = { ...draft.open, hello };
  draft.effects.push({ type: "greeted", hello });
  subscribe(draft, wish);
}

function hear(draft: Draft): void {
  if (draft.open !== undefined)
    draft.open = { ...draft.open, heardAt: draft.now, proveBy: undefined };
}

function slowDown(draft: Draft, refused: Refused): void {
  const { reason, retryAfterSeconds, op } = refused;
  draft.effects.push({ type: "refused", reason, retryAfterSeconds, op });
  if (draft.open === undefined || !passing.has(reason)) return;
  const at = later(draft.now, Math.min(Math.max(retryAfterSeconds, 1), retrySecondsMax) * 1_000);
  const { pace } = draft.open;
  // No room to keep is no reason to say less.
  const isMessage = op === relayOps.publish || (op === relayOps.keep && reason === "too-fast");
  if (isMessage) draft.open = { ...draft.open, pace: { ...pace, messagesFrom: at } };
  else if (op === relayOps.bulk) draft.open = { ...draft.open, pace: { ...pace, bulkFrom: at } };
  else if (op === relayOps.subscribe || op === relayOps.unsubscribe)
    draft.open = { ...draft.open, subscribeAt: at };
  else if (op === relayOps.announce)
    draft.announcements = new Map(
      [...draft.announcements].map(([tag, one]) => [tag, { ...one, nextAt: at }]),
    );
}

/** Somebody doubts that the link lives: the relay has a few seconds to show it. */
function probe(draft: Draft): void {
  if (draft.open === undefined || draft.open.proveBy !== undefined) return;
  draft.open = { ...draft.open, proveBy: later(draft.now, proofMillisMax) };
  send(draft, { type: "ping", nonce: 0 });
}

function keepUp(draft: Draft): void {
  const { open, now } = draft;
  if (open === undefined) return;
  if (now >= deadAt(open)) return hangUp(draft);
  if (open.proveBy !== undefined && now >= open.proveBy) return hangUp(draft);
  if (open.subscribeAt !== undefined && now >= open.subscribeAt) {
    draft.open = { ...open, subscribeAt: undefined };
    subscribe(draft, wishAgain);
  }
  for (const [tag, { nextAt }] of draft.announcements)
    if (nextAt !== undefined && now >= nextAt) announce(draft, tag);
}

/** Three pings that did not come (1.6), and no sooner than two lost ones of the usual pace. */
function deadAt({ hello, heardAt }: Open): Instant {
  const pingMillis = Math.min(hello.pingMillis, relayPingMillisMax);
  return later(heardAt, Math.max(silenceMillisMin, 3 * pingMillis));
}

function hangUp(draft: Draft): void {
  draft.effects.push({ type: "hang-up", code: 1000 });
  beAway(draft, abnormal);
}

function fall(draft: Draft, { code }: Told<"socket-closed">): void {
  beAway(draft, code);
}

function beAway(draft: Draft, code: number): void {
  draft.chance = (Math.imul(draft.chance, 1_664_525) + 1_013_904_223) >>> 0;
  const { redial, at } = ended(draft.redial, {
    now: draft.now,
    code,
    chance: draft.chance / 2 ** 32,
  });
  draft.phase = "waiting";
  draft.redial = redial;
  draft.deadline = at;
  draft.open = undefined;
  draft.outgoing = withoutBulk(draft.outgoing);
  draft.effects.push({ type: "away", at, code });
}

function stop(draft: Draft): void {
  if (draft.phase !== "waiting") draft.effects.push({ type: "hang-up", code: 1000 });
  draft.phase = "stopped";
  draft.redial = freshRedial;
  draft.deadline = undefined;
  draft.open = undefined;
  draft.outgoing = nothingOutgoing;
  draft.effects.push({ type: "away", at: undefined, code: 1000 });
}

function chooseTopics(draft: Draft, { tags }: Told<"topics-chosen">): void {
  draft.tags = [...new Set(tags)];
  subscribe(draft, wish);
}

/** Tells the relay what it has to know to have our topics, and whoever asked for more than fits. */
function subscribe(draft: Draft, choose: typeof wish): void {
  const { open } = draft;
  if (open === undefined) return;
  const chosen = choose(open.subscriptions, draft.tags, open.hello.tagsMax);
  const { next: subscriptions, unsubscribe, subscribe: fresh, leftOut } = chosen;
  draft.open = { ...open, subscriptions, leftOut };
  if (unsubscribe.length > 0) send(draft, { type: "unsubscribe", tags: unsubscribe });
  if (fresh.length > 0) send(draft, { type: "subscribe", tags: fresh });
  if (leftOut !== open.leftOut) draft.effects.push({ type: "left-out", count: leftOut });
}

function keepAnnouncing(draft: Draft, { tag, blob, want }: Told<"announced">): void {
  const announcements = new Map(draft.announcements);
  draft.announcements = announcements.set(tag, {
    blob,
    want: Math.min(want, presenceBlobsMax),
    nextAt: undefined,
  });
  announce(draft, tag);
}

function announce(draft: Draft, tag: Tag): void {
  const { open, now } = draft;
  const announcement = draft.announcements.get(tag);
  if (open === undefined || announcement === undefined) return;
  const seconds = Math.max(1, Math.min(announceSeconds, open.hello.announceSecondsMax));
  draft.chance = (Math.imul(draft.chance, 1_664_525) + 1_013_904_223) >>> 0;
  // Two thirds of its life, give or take a tenth.
  const again = seconds * 667 * (0.9 + (0.2 * draft.chance) / 2 ** 32);
  const next: Announcement = { ...announcement, nextAt: later(now, Math.round(again)) };
  draft.announcements = new Map(draft.announcements).set(tag, next);
  send(draft, { type: "announce", tag, seconds, want: next.want, blob: next.blob });
}

function withdraw(draft: Draft, { tag }: Told<"withdrawn">): void {
  const announcements = new Map(draft.announcements);
  if (!announcements.delete(tag)) return;
  draft.announcements = announcements;
  if (draft.open !== undefined) send(draft, { type: "withdraw", tag });
}

function lookUp(draft: Draft, { tag, want }: Told<"looked-up">): void {
  if (draft.open !== undefined)
    send(draft, { type: "lookup", tag, want: Math.min(want, presenceBlobsMax) });
}

function publish(draft: Draft, { tag, payload, now }: Told<"published">): void {
  draft.outgoing = withMessage(draft.outgoing, { tag, payload, at: now });
}

function leave(draft: Draft, { tag, payload, seconds, now }: Told<"left">): void {
  draft.outgoing = withMessage(draft.outgoing, { tag, payload, at: now, keepSeconds: seconds });
}

function publishBulk(draft: Draft, { tag, payload, now }: Told<"bulk-published">): void {
  draft.outgoing = withBulk(draft.outgoing, { tag, payload, at: now });
  if (draft.open === undefined) draft.outgoing = withoutBulk(draft.outgoing);
}

function sendWhatMay(draft: Draft): void {
  const { open, now, socketRoom } = draft;
  if (open !== undefined) {
    const { outgoing, pace, sendMessages, sendBulk } = release(draft.outgoing, open.pace, {
      now,
      socketRoom,
    });
    draft.outgoing = outgoing;
    draft.open = { ...open, pace };
    for (const { tag, payload, keepSeconds = 0 } of sendMessages) {
      const seconds = Math.min(keepSeconds, open.hello.keepSecondsMax);
      if (seconds > 0) send(draft, { type: "keep", tag, seconds, payload });
      else send(draft, { type: "publish", tag, payload });
    }
    for (const { tag, payload } of sendBulk) send(draft, { type: "bulk", tag, payload });
  }
  const { dropped } = draft.outgoing;
  if (dropped === 0) return;
  draft.effects.push({ type: "dropped", count: dropped });
  draft.outgoing = { ...draft.outgoing, dropped: 0 };
}

/** Says room when little waits, and no room when much does; between the two, what was said holds. */
function reportRoom(draft: Draft): void {
  const waiting = bulkBytes(draft.outgoing);
  const takes = draft.open !== undefined && draft.socketRoom;
  const room = takes && waiting <= (draft.saidRoom ? bulkHighBytes : bulkLowBytes);
  if (room === draft.saidRoom) return;
  draft.saidRoom = room;
  draft.effects.push({ type: room ? "room" : "no-room" });
}

function nextWaking(draft: Draft): Instant | undefined {
  const { deadline, open, now } = draft;
  const due: Array<Instant | undefined> = [deadline];
  if (open !== undefined) {
    due.push(deadAt(open), open.proveBy, open.subscribeAt);
    due.push(releaseAt(draft.outgoing, open.pace, draft.socketRoom));
    for (const { nextAt } of draft.announcements.values()) due.push(nextAt);
  }
  const known = due.filter((at) => at !== undefined);
  if (known.length === 0) return undefined;
  const least = known.reduce((a, b) => (b < a ? b : a));
  const soonest = later(now, 1);
  return least < soonest ? soonest : least;
}

function send(draft: Draft, frame: RelayFrame): void {
  draft.effects.push({ type: "send", frame });
}

/** What is wished for holds in every phase. */
const wishes = {
  "topics-chosen": answer(chooseTopics),
  announced: answer(keepAnnouncing),
  withdrawn: answer(withdraw),
  "looked-up": answer(lookUp),
  published: answer(publish),
  left: answer(leave),
  "bulk-published": answer(publishBulk),
  "socket-room": answer((draft) => void (draft.socketRoom = true)),
  "socket-no-room": answer((draft) => void (draft.socketRoom = false)),
};

/** RFC 6455 §7.1.5: ended without a word. */
const abnormal = 1006;
const dialMillisMax = 20_000;
/** A person who presses "try now" again and again is no storm. */
const dialGapMillis = 1_000;
const helloMillisMax = 10_000;
const proofMillisMax = 5_000;
/** The relay pings every 25 s: two were lost. */
const silenceMillisMin = 60_000;
/** What may be different when it is tried again. */
const passing = new Set<Refused["reason"]>([
  "too-fast",
  "full",
  "too-many-tags",
  "too-many-subscribers",
]);
const retrySecondsMax = 60;
/** The relay forgets a node that vanished within this. */
const announceSeconds = 180;
const bulkHighBytes = 128 * 1024;
const bulkLowBytes = 32 * 1024;
