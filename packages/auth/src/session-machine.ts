/**
 * When to greet, whom to believe, what to send and when to give up: the session with one other node, without its keys.
 *
 * The ten rules of docs/protocol/3-sessions.md. Both sides may greet at once, restart at any moment, have clocks that
 * are wrong by years, and lose, repeat or reorder every packet. A HELLO with a higher stamp wins; a side that hears a
 * stamp that is not higher says so (STALE), and the other counts on from there; a new session is used only when the
 * other side has proven that it has the key; silence and unknown indexes lead to an ordinary, authenticated HELLO.
 */

import type { Machine, Step } from "@skein/protocol/machine";
import {
  initialState,
  type Effect,
  type Elapsed,
  type Event,
  type Greets,
  type Happening,
  type Link,
  type Queued,
  type Quiet,
  type State,
} from "./session-state.ts";

// --- The table ---

export const sessionMachine: Machine<State, Event, Effect> = {
  initial: initialState({ outranks: false }),
  table: {
    quiet: {
      "session-wanted": want,
      "message-offered": offer,
      "hello-received": judgeHello,
      "data-received": hear,
      "stray-received": greetStray,
      "path-restored": hurry,
      "time-passed": wake,
    },
    greeting: {
      "session-wanted": want,
      "message-offered": offer,
      "hello-received": judgeHello,
      "welcome-received": beginOurs,
      "stale-received": catchUp,
      "data-received": hear,
      "path-restored": hurry,
      "time-passed": wake,
    },
  },
  /** An answer to a greeting we gave up, or given twice. */
  otherwise: (state) => [state, []],
};

type Answer = Step<State, Effect>;

function want(state: State, event: Happening): Answer {
  if (isUsable(state.current, event.at)) return [state, []];
  const wanting: State = { ...state, wanted: true };
  return wanting.phase === "greeting" || isPending(wanting, event.at)
    ? [wanting, []]
    : greet(wanting, event);
}

function offer(state: State, event: Happening & { readonly queued: Queued }): Answer {
  const { at, queued } = event;
  if (isUsable(state.current, at)) return say(state, [queued], at);
  const bytes = state.queue.reduce((sum, { message }) => sum + message.length, 0);
  if (state.queue.length >= queueMessagesMax || bytes + queued.message.length > queueBytesMax)
    return [state, [{ type: "refuse-message", message: queued.message }]];
  const waiting: State = { ...state, queue: [...state.queue, queued] };
  return waiting.phase === "greeting" || isPending(waiting, at)
    ? [waiting, []]
    : greet(waiting, event);
}

/** Rules 2 to 4. */
function judgeHello(
  state: State,
  event: Happening & { readonly stamp: number; readonly hello: string; readonly run: string },
): Answer {
  const { at, stamp, hello, run } = event;
  if (stamp <= state.seen) {
    const isRepeated = hello === state.seenHello;
    if (isRepeated || at - state.staleAt < staleEveryMillis) return [state, []];
    return [{ ...state, staleAt: at }, [{ type: "send-stale", seen: state.seen }]];
  }
  if (state.phase === "greeting" && oursWins(state, stamp)) return [state, []];
  const [quiet, abandoned] = abandonGreeting(state);
  const link: Link = { id: quiet.links + 1, weGreeted: false, run, born: at, heard: at, sent: 0 };
  return [
    { ...quiet, seen: stamp, seenHello: hello, next: link, links: link.id },
    [...abandoned, ...forget(quiet.next), { type: "send-welcome", link: link.id }],
  ];
}

function oursWins({ greeting, outranks }: Greets, stamp: number): boolean {
  return greeting.stamp > stamp || (greeting.stamp === stamp && outranks);
}

/** Rule 5: the other side is proven by its WELCOME; ours is, by what we now say on the new session. */
function beginOurs(
  state: Greets,
  event: Happening & { readonly link: number; readonly run: string },
): Answer {
  const { at, link, run } = event;
  if (link !== state.greeting.link) return [state, []];
  const { greeting: _, ...rest } = state;
  const born: Link = { id: link, weGreeted: true, run, born: at, heard: at, sent: 0 };
  const [begun, effects] = replaceCurrent({ ...rest, phase: "quiet" }, born, at);
  const [settled, sent] = say(
    { ...begun, next: undefined, unansweredSince: undefined },
    state.queue,
    at,
  );
  return [
    { ...settled, queue: [], unansweredSince: at },
    [...effects, ...forget(state.next), ...sent],
  ];
}

/** Rule 7: our clock is behind what it once was, or we forgot how far we had counted. */
function catchUp(
  state: Greets,
  event: Happening & { readonly link: number; readonly seen: number },
): Answer {
  if (event.link !== state.greeting.link) return [state, []];
  const [quiet, abandoned] = abandonGreeting(state);
  const [greeting, effects] = greet({ ...quiet, stamp: Math.max(quiet.stamp, event.seen) }, event);
  return [greeting, [...abandoned, ...effects]];
}

/** Rule 6, and all that hearing anything settles. */
function hear(
  state: State,
  event: Happening & { readonly link: number; readonly isEmpty: boolean },
): Answer {
  const { at, link, isEmpty } = event;
  const deliver: ReadonlyArray<Effect> = isEmpty ? [] : [{ type: "deliver-message" }];
  const heard: State = {
    ...state,
    tries: 0,
    tryingSince: state.phase === "greeting" ? at : undefined,
    unansweredSince: undefined,
    owedSince: isEmpty ? state.owedSince : (state.owedSince ?? at),
  };
  if (link === state.next?.id) {
    const [begun, effects] = replaceCurrent(heard, { ...state.next, heard: at }, at);
    const [settled, sent] = say({ ...begun, next: undefined, queue: [] }, state.queue, at);
    return [settled, [...effects, ...deliver, ...sent]];
  }
  if (link === state.current?.id) {
    const alive: State = { ...heard, current: { ...state.current, heard: at } };
    if (state.queue.length === 0) return [alive, deliver];
    const [settled, sent] = say({ ...alive, queue: [] }, state.queue, at);
    return [settled, [...deliver, ...sent]];
  }
  return link === state.previous?.id ? [heard, deliver] : [state, []];
}

/** Rule 8: what others would do with a forged reset is here an ordinary greeting, and not often. */
function greetStray(state: Quiet, event: Happening): Answer {
  const { at } = event;
  const isAlive = state.current !== undefined && at - state.current.heard < aliveMillis;
  if (isAlive || at - state.nudgedAt < nudgeEveryMillis) return [state, []];
  return greet({ ...state, nudgedAt: at }, event);
}

/** The network or the page came back: pauses that were grown while it was away are cut short. */
function hurry(state: State, event: Happening): Answer {
  const fresh: State = { ...state, tries: 0 };
  if (state.phase === "quiet") {
    const isAlive = state.current !== undefined && event.at - state.current.heard < aliveMillis;
    return (state.current === undefined && !isWaiting(state)) || isAlive
      ? [fresh, []]
      : greet(fresh, event);
  }
  if (event.at - state.nudgedAt < staleEveryMillis) return [fresh, []];
  const [quiet, abandoned] = abandonGreeting({ ...fresh, nudgedAt: event.at });
  const [greeting, effects] = greet(quiet, event);
  return [greeting, [...abandoned, ...effects]];
}

// --- Rule 9: what is due without anybody saying anything ---

interface Alarm {
  /** When it rings, if it does. */
  readonly when: (state: State) => Elapsed | undefined;
  readonly answer: (state: State, event: Happening) => Answer;
}

/** When the machine next wants to be told that time has passed. */
export function deadline(state: State): Elapsed | undefined {
  const due = alarms.map(({ when }) => when(state)).filter((at) => at !== undefined);
  return due.length === 0 ? undefined : Math.min(...due);
}

function wake(state: State, event: Happening): Answer {
  let now = state;
  const effects: Effect[] = [];
  for (const { when, answer } of alarms) {
    const due = when(now);
    if (due === undefined || due > event.at) continue;
    const [after, more] = answer(now, event);
    now = after;
    effects.push(...more);
  }
  return [now, effects];
}

function giveUpOrRetry(state: State, event: Happening): Answer {
  const [quiet, abandoned] = abandonGreeting(state);
  if (event.at - (state.tryingSince ?? event.at) >= giveUpMillis) {
    const [down, effects] = fallSilent(quiet);
    return [down, [...abandoned, ...effects]];
  }
  if (!isWaiting(quiet) && quiet.current === undefined) return [quiet, abandoned];
  const [greeting, effects] = greet(quiet, event);
  return [greeting, [...abandoned, ...effects]];
}

function fallSilent(state: State): Answer {
  const [quiet, abandoned] = abandonGreeting(state);
  const wasKnown = quiet.isUp || isWaiting(quiet);
  const down: State = {
    ...initialState(quiet),
    stamp: quiet.stamp,
    seen: quiet.seen,
    seenHello: quiet.seenHello,
    nudgedAt: quiet.nudgedAt,
    staleAt: quiet.staleAt,
    links: quiet.links,
  };
  const links = [...forget(quiet.current), ...forget(quiet.previous), ...forget(quiet.next)];
  return [
    down,
    [...abandoned, ...links, ...(wasKnown ? [{ type: "tell-down", why: "silent" } as const] : [])],
  ];
}

// --- Moves that several answers share ---

/** Sends a HELLO with a stamp above every one before. */
function greet(state: State, event: Happening): Answer {
  const stamp = Math.min(stampMax, Math.max(Math.floor(event.clock), state.stamp + 1, 1));
  const link = state.links + 1;
  const pause = retryMillis * Math.min(retryGrowthMax, 2 ** state.tries);
  const retryAt = event.at + pause * (0.8 + 0.4 * event.chance);
  return [
    {
      ...state,
      phase: "greeting",
      greeting: { link, stamp, retryAt },
      stamp,
      links: link,
      tries: state.tries + 1,
      tryingSince: state.tryingSince ?? event.at,
      unansweredSince: undefined,
    },
    [{ type: "send-hello", link, stamp }],
  ];
}

function abandonGreeting(state: State): readonly [Quiet, ReadonlyArray<Effect>] {
  if (state.phase === "quiet") return [state, []];
  const { greeting, ...rest } = state;
  return [{ ...rest, phase: "quiet" }, [{ type: "forget-link", link: greeting.link }]];
}

function replaceCurrent(state: State, born: Link, at: Elapsed): Answer {
  const isRestarted = state.isUp && state.current?.run !== born.run;
  const effects: Effect[] = [...forget(state.previous)];
  if (isRestarted) effects.push({ type: "tell-down", why: "restarted" });
  if (isRestarted || !state.isUp) effects.push({ type: "tell-up", link: born.id });
  return [
    {
      ...state,
      current: born,
      previous: state.current && { ...state.current, replaced: at },
      isUp: true,
      wanted: false,
      tries: 0,
      tryingSince: state.phase === "greeting" ? at : undefined,
    },
    effects,
  ];
}

/** Says all of it on the current session, or, if there is nothing to say, an empty packet. */
function say(state: State, queue: ReadonlyArray<Queued>, at: Elapsed): Answer {
  const { current } = state;
  if (current === undefined) return [state, []];
  const said: ReadonlyArray<Queued | undefined> = queue.length === 0 ? [undefined] : queue;
  return [
    {
      ...state,
      current: { ...current, sent: current.sent + said.length },
      owedSince: undefined,
      unansweredSince: queue.length === 0 ? state.unansweredSince : (state.unansweredSince ?? at),
    },
    said.map((queued) => ({ type: "send-data", link: current.id, queued })),
  ];
}

function forget(link: Link | undefined): ReadonlyArray<Effect> {
  return link === undefined ? [] : [{ type: "forget-link", link: link.id }];
}

function isWaiting({ wanted, queue }: State): boolean {
  return wanted || queue.length > 0;
}

/** We answered a greeting a moment ago: its sender is about to confirm it. */
function isPending({ next }: State, at: Elapsed): boolean {
  return next !== undefined && at - next.born < retryMillis;
}

function isUsable(link: Link | undefined, at: Elapsed): boolean {
  return link !== undefined && at - link.heard < silentMillis && link.sent < linkMessagesMax;
}

const alarms: ReadonlyArray<Alarm> = [
  {
    when: (state) => (state.phase === "greeting" ? state.greeting.retryAt : undefined),
    answer: giveUpOrRetry,
  },
  // Sent, and heard nothing since.
  {
    when: ({ phase, unansweredSince }) =>
      phase === "greeting" || unansweredSince === undefined
        ? undefined
        : unansweredSince + unansweredMillis,
    answer: greet,
  },
  // Keys wear out. The side that greeted renews them; the other one does if that side does not.
  {
    when: ({ phase, current }) => {
      if (phase === "greeting" || current === undefined) return undefined;
      if (current.sent >= rekeyMessages) return current.born;
      return current.born + (current.weGreeted ? rekeyMillis : rekeyLateMillis);
    },
    answer: greet,
  },
  // Somebody waits, and the greeting we answered was not confirmed.
  {
    when: (state) => {
      if (state.phase === "greeting" || !isWaiting(state)) return undefined;
      return state.next === undefined ? 0 : state.next.born + retryMillis;
    },
    answer: greet,
  },
  {
    when: ({ current, owedSince }) =>
      current === undefined || owedSince === undefined ? undefined : owedSince + keepAliveMillis,
    answer: (state, { at }) => say(state, [], at),
  },
  {
    when: ({ current }) => current && current.heard + idleMillis,
    answer: fallSilent,
  },
  {
    when: ({ previous }) => previous && previous.replaced + previousMillis,
    answer: (state) => [{ ...state, previous: undefined }, forget(state.previous)],
  },
  {
    when: ({ next }) => next && next.born + silentMillis,
    answer: (state) => [{ ...state, next: undefined }, forget(state.next)],
  },
];

/** First pause before a HELLO is repeated; doubled each time, at most fourfold, give or take a fifth. */
const retryMillis = 5_000;
const retryGrowthMax = 4;
/** One minute of greeting into the void is enough. */
const giveUpMillis = 60_000;
const unansweredMillis = 15_000;
/** After this long without a word from them, ours wait until they answer a greeting. */
const silentMillis = 60_000;
const idleMillis = 180_000;
const rekeyMillis = 120_000;
const rekeyLateMillis = 180_000;
const rekeyMessages = 2 ** 20;
const linkMessagesMax = 2 ** 32;
const previousMillis = 30_000;
const keepAliveMillis = 10_000;
/** Somebody who spoke this lately is there, whatever strays in. */
const aliveMillis = 12_000;
const nudgeEveryMillis = 5_000;
const staleEveryMillis = 1_000;
const queueMessagesMax = 64;
const queueBytesMax = 256 * 1024;
/** What fits in the 48 bits of a stamp. */
const stampMax = 2 ** 48 - 1;
