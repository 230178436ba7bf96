/** The asker's side of an approval, with one node that could approve: ask, wait for its nonce, reveal, wait for the person. */

import { equal, type Bytes } from "@skein/protocol/bytes";
import { later, type Instant } from "@skein/protocol/ids";
import type { Machine, Step } from "@skein/protocol/machine";
import type { ApprovalStep } from "@skein/protocol/node-messages/approval-news";
import {
  approvalMillis,
  approvalRepeatMillis,
  wrongNumbersMax,
  type ApprovalMessage,
} from "./approval.ts";

// --- State ---

/** What was asked, and what only the asker knows until the approver has said its nonce. */
export interface Asked {
  readonly id: Bytes;
  readonly nonce: Bytes;
  readonly commitment: Bytes;
  readonly handshakeHash: Bytes;
  readonly name: string;
  readonly platform: string;
  readonly askedAt: Instant;
}

export type AskerEnd =
  | "approved"
  | "denied"
  /** Three wrong numbers were typed. */
  | "wrong-numbers"
  /** What was revealed did not belong to this session: no number could be compared. */
  | "void"
  | "expired"
  | "withdrawn";

export type AskerState =
  | { readonly phase: "idle" }
  | { readonly phase: "asking"; readonly asked: Asked; readonly repeatAt: Instant }
  /** The digits can be shown: `approvalDigits` of the handshake and both nonces. */
  | {
      readonly phase: "comparing";
      readonly asked: Asked;
      readonly approverNonce: Bytes;
      readonly triesLeft: number;
    }
  | { readonly phase: "closed"; readonly why: AskerEnd; readonly id: Bytes };

// --- Event ---

export type AskerEvent =
  | { readonly type: "approval-wanted"; readonly asked: Asked; readonly now: Instant }
  | {
      readonly type: "nonce-received";
      readonly id: Bytes;
      readonly nonce: Bytes;
      readonly now: Instant;
    }
  | {
      readonly type: "news-received";
      readonly id: Bytes;
      readonly step: ApprovalStep;
      readonly triesLeft: number;
      readonly now: Instant;
    }
  /** The membership log says so: no other word is needed. */
  | { readonly type: "admitted"; readonly now: Instant }
  | { readonly type: "approval-withdrawn"; readonly now: Instant }
  | { readonly type: "time-passed"; readonly now: Instant };

// --- Effect ---

export type AskerEffect =
  | { readonly type: "send-message"; readonly message: ApprovalMessage }
  | { readonly type: "wake-at"; readonly at: Instant };

// --- The table ---

export const approvalAsker: Machine<AskerState, AskerEvent, AskerEffect> = {
  initial: { phase: "idle" },
  table: {
    idle: { "approval-wanted": ask },
    asking: {
      "approval-wanted": ask,
      "nonce-received": reveal,
      "news-received": hearNews,
      admitted: (state) => close(state, "approved"),
      "approval-withdrawn": withdraw,
      "time-passed": askAgain,
    },
    comparing: {
      "approval-wanted": ask,
      "nonce-received": revealAgain,
      "news-received": hearNews,
      admitted: (state) => close(state, "approved"),
      "approval-withdrawn": withdraw,
      "time-passed": expire,
    },
    closed: { "approval-wanted": ask },
  },
  /** Late, or of another request. */
  otherwise: (state) => [state, []],
};

type Answer = Step<AskerState, AskerEffect>;
type Asking = Extract<AskerState, { readonly phase: "asking" }>;
type Comparing = Extract<AskerState, { readonly phase: "comparing" }>;

function ask(
  _: AskerState,
  { asked, now }: { readonly asked: Asked; readonly now: Instant },
): Answer {
  return request(asked, now);
}

function request(asked: Asked, now: Instant): Answer {
  const { id, commitment, name, platform, askedAt } = asked;
  const repeatAt = later(now, approvalRepeatMillis);
  return [
    { phase: "asking", asked, repeatAt },
    [
      {
        type: "send-message",
        message: { type: "approval-request", id, commitment, name, platform, askedAt },
      },
      { type: "wake-at", at: repeatAt },
    ],
  ];
}

/** The approver has committed itself by sending its nonce: now ours may be known. */
function reveal(
  state: Asking,
  { id, nonce }: { readonly id: Bytes; readonly nonce: Bytes },
): Answer {
  const { asked } = state;
  if (!equal(id, asked.id)) return [state, []];
  return [
    { phase: "comparing", asked, approverNonce: nonce, triesLeft: wrongNumbersMax },
    [revealed(asked), { type: "wake-at", at: later(asked.askedAt, approvalMillis) }],
  ];
}

/** Our word was lost. A second nonce, chosen after ours was known, is not answered. */
function revealAgain(
  state: Comparing,
  { id, nonce }: { readonly id: Bytes; readonly nonce: Bytes },
): Answer {
  const isTheSame = equal(id, state.asked.id) && equal(nonce, state.approverNonce);
  return [state, isTheSame ? [revealed(state.asked)] : []];
}

function revealed({ id, nonce }: Asked): AskerEffect {
  return { type: "send-message", message: { type: "approval-reveal", id, nonce } };
}

function hearNews(
  state: Asking | Comparing,
  news: { readonly id: Bytes; readonly step: ApprovalStep; readonly triesLeft: number },
): Answer {
  if (!equal(news.id, state.asked.id)) return [state, []];
  switch (news.step) {
    case "opened":
    case "withdrawn":
      return [state, []];
    case "wrong-number":
      return state.phase === "comparing"
        ? [{ ...state, triesLeft: Math.min(state.triesLeft, news.triesLeft) }, []]
        : [state, []];
    case "void":
      return close(state, news.triesLeft === 0 ? "wrong-numbers" : "void");
    case "denied":
    case "approved":
      return close(state, news.step);
  }
}

function withdraw(state: Asking | Comparing): Answer {
  const { id } = state.asked;
  const message: ApprovalMessage = { type: "approval-news", id, step: "withdrawn", triesLeft: 0 };
  return [{ phase: "closed", why: "withdrawn", id }, [{ type: "send-message", message }]];
}

function askAgain(state: Asking, { now }: { readonly now: Instant }): Answer {
  if (now >= later(state.asked.askedAt, approvalMillis)) return close(state, "expired");
  if (now < state.repeatAt) return [state, [{ type: "wake-at", at: state.repeatAt }]];
  return request(state.asked, now);
}

function expire(state: Comparing, { now }: { readonly now: Instant }): Answer {
  const expiresAt = later(state.asked.askedAt, approvalMillis);
  return now >= expiresAt ? close(state, "expired") : [state, [{ type: "wake-at", at: expiresAt }]];
}

function close(state: Asking | Comparing, why: AskerEnd): Answer {
  return [{ phase: "closed", why, id: state.asked.id }, []];
}
