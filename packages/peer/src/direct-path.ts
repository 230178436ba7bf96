/**
 * The direct path to one node: when to try WebRTC, when to try again, and whether it can be used now.
 *
 * Rule 1. The node with the smaller id opens attempts; the other answers them. Neither does both, so they never cross.
 * Rule 2. Everything works without a direct path. A failure here is a reason to wait, never an error.
 */

import { later, type Instant } from "@skein/protocol/ids";
import type { Machine, Step } from "@skein/protocol/machine";

export type DirectPathState =
  | { readonly phase: "off" }
  | { readonly phase: "answering" }
  | { readonly phase: "waiting"; readonly until: Instant; readonly failures: number }
  | {
      readonly phase: "connecting";
      readonly attempt: string;
      readonly ours: boolean;
      readonly failures: number;
    }
  | {
      readonly phase: "open";
      readonly attempt: string;
      readonly ours: boolean;
      readonly stalled: boolean;
      readonly since: Instant;
    };

export type DirectPathEvent = { readonly now: Instant } &
  /** `fresh` names an attempt that was never used. */
  (
    | { readonly type: "session-up"; readonly opens: boolean; readonly fresh: string }
    | { readonly type: "session-down" }
    /** The other node signals an attempt that is not the one we know. */
    | { readonly type: "attempt-heard"; readonly attempt: string }
    | { readonly type: "connected"; readonly attempt: string }
    | { readonly type: "stalled"; readonly attempt: string }
    /** `chance` from 0 to 1 spreads tries apart. */
    | { readonly type: "closed"; readonly attempt: string; readonly chance: number }
    | { readonly type: "try-now"; readonly fresh: string }
    | { readonly type: "time-passed"; readonly fresh: string }
  );

export type DirectPathEffect =
  | { readonly type: "open-attempt"; readonly attempt: string; readonly initiator: boolean }
  | { readonly type: "close-attempt"; readonly attempt: string }
  | { readonly type: "wake-at"; readonly at: Instant };

type In<P extends DirectPathState["phase"]> = Extract<DirectPathState, { readonly phase: P }>;
type On<T extends DirectPathEvent["type"]> = Extract<DirectPathEvent, { readonly type: T }>;
type Next = Step<DirectPathState, DirectPathEffect>;

export const directPath: Machine<DirectPathState, DirectPathEvent, DirectPathEffect> = {
  initial: { phase: "off" },
  table: {
    off: { "session-up": begin },
    answering: { "attempt-heard": answer, "session-down": rest },
    waiting: {
      "session-down": rest,
      "time-passed": tryWhenDue,
      "try-now": tryAgain,
      "attempt-heard": answer,
    },
    connecting: {
      connected: use,
      closed: fail,
      "attempt-heard": answerInstead,
      "session-down": giveUp,
    },
    open: {
      connected: recover,
      stalled: stall,
      closed: lose,
      "attempt-heard": answerInstead,
      "session-down": giveUp,
    },
  },
  otherwise: (state) => [state, []],
};

function begin(_state: In<"off">, event: On<"session-up">): Next {
  return event.opens ? attempt(event.fresh, 0) : [{ phase: "answering" }, []];
}

function attempt(fresh: string, failures: number): Next {
  return [
    { phase: "connecting", attempt: fresh, ours: true, failures },
    [{ type: "open-attempt", attempt: fresh, initiator: true }],
  ];
}

function answer(_state: In<"answering" | "waiting">, event: On<"attempt-heard">): Next {
  return [
    { phase: "connecting", attempt: event.attempt, ours: false, failures: 0 },
    [{ type: "open-attempt", attempt: event.attempt, initiator: false }],
  ];
}

/** The opener gave the old attempt up; so do we. An attempt of our own stands: the other side answers it. */
function answerInstead(state: In<"connecting" | "open">, event: On<"attempt-heard">): Next {
  if (state.ours || state.attempt === event.attempt) return [state, []];
  return [
    { phase: "connecting", attempt: event.attempt, ours: false, failures: 0 },
    [
      { type: "close-attempt", attempt: state.attempt },
      { type: "open-attempt", attempt: event.attempt, initiator: false },
    ],
  ];
}

function use(state: In<"connecting">, event: On<"connected">): Next {
  if (state.attempt !== event.attempt) return [state, []];
  return [
    { phase: "open", attempt: state.attempt, ours: state.ours, stalled: false, since: event.now },
    [],
  ];
}

function recover(state: In<"open">, event: On<"connected">): Next {
  return [state.attempt === event.attempt ? { ...state, stalled: false } : state, []];
}

function stall(state: In<"open">, event: On<"stalled">): Next {
  return [state.attempt === event.attempt ? { ...state, stalled: true } : state, []];
}

function fail(state: In<"connecting">, event: On<"closed">): Next {
  if (state.attempt !== event.attempt) return [state, []];
  return state.ours ? wait(event, state.failures + 1) : [{ phase: "answering" }, []];
}

function lose(state: In<"open">, event: On<"closed">): Next {
  if (state.attempt !== event.attempt) return [state, []];
  return state.ours ? wait(event, 0) : [{ phase: "answering" }, []];
}

function wait(event: On<"closed">, failures: number): Next {
  const most = Math.min(delayMillisMax, delayMillisMin * 2 ** Math.min(failures, 16));
  const until = later(event.now, Math.round(delayMillisMin / 2 + event.chance * most));
  return [{ phase: "waiting", until, failures }, [{ type: "wake-at", at: until }]];
}

function tryWhenDue(state: In<"waiting">, event: On<"time-passed">): Next {
  return event.now < state.until
    ? [state, [{ type: "wake-at", at: state.until }]]
    : attempt(event.fresh, state.failures);
}

function tryAgain(_state: In<"waiting">, event: On<"try-now">): Next {
  return attempt(event.fresh, 0);
}

function rest(): Next {
  return [{ phase: "off" }, []];
}

/** A node that fell silent, started again or was let go of is not at the other end any more. */
function giveUp(state: In<"connecting" | "open">): Next {
  return [{ phase: "off" }, [{ type: "close-attempt", attempt: state.attempt }]];
}

/** Opening costs both sides a second of ICE; a network that refuses it today is asked every two minutes. */
const delayMillisMin = 2_000;
const delayMillisMax = 120_000;
