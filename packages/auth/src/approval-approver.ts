/** The approver's side: every request that waits for a person here, at most one for each key, and few enough to be read. */

import { equal, type Bytes } from "@skein/protocol/bytes";
import { later, type Instant, type NodeId } from "@skein/protocol/ids";
import type { Machine, Step } from "@skein/protocol/machine";
import type { ApprovalStep } from "@skein/protocol/node-messages/approval-news";
import type { ApprovalRequest } from "@skein/protocol/node-messages/approval-request";
import {
  approvalMillis,
  approvalRepeatMillis,
  wrongNumbersMax,
  type ApprovalMessage,
} from "./approval.ts";

// --- State ---

interface RowCommon {
  readonly node: NodeId;
  readonly request: ApprovalRequest;
  readonly receivedAt: Instant;
  readonly triesLeft: number;
  /** The number typed last was wrong. */
  readonly wrong: boolean;
  /** Shown as a mark only: there were too many to call a person for each. */
  readonly silent: boolean;
}

export type ApprovalRow = RowCommon &
  (
    | { readonly stage: "waiting" }
    /** A person looks at it: our nonce is said, theirs is awaited. */
    | { readonly stage: "opened"; readonly nonce: Bytes; readonly repeatAt: Instant }
    /** Their nonce is known: a number can be judged. */
    | { readonly stage: "revealed"; readonly nonce: Bytes; readonly digits: string }
    /** The number was right: the entry is being written. */
    | { readonly stage: "admitting" }
  );

export interface ApproverState {
  readonly phase: "watching";
  /** Oldest first. */
  readonly rows: ReadonlyMap<NodeId, ApprovalRow>;
  /** When a person was called, within the last ten minutes. */
  readonly promptedAt: ReadonlyArray<Instant>;
  /** How each key's last request ended: said again to whoever did not hear it. A denied key is not shown again. */
  readonly ended: ReadonlyMap<NodeId, EndedRequest>;
}

export interface EndedRequest {
  readonly id: Bytes;
  readonly step: ApprovalStep;
  /** None are left after the third wrong number, and some when it ended otherwise. */
  readonly triesLeft: number;
}

// --- Event ---

export type ApproverEvent =
  | {
      readonly type: "request-received";
      readonly node: NodeId;
      readonly request: ApprovalRequest;
      readonly now: Instant;
    }
  /** By a person. `nonce` is fresh. */
  | {
      readonly type: "request-opened";
      readonly node: NodeId;
      readonly nonce: Bytes;
      readonly now: Instant;
    }
  /** `digits` as `judgeReveal` found them: `undefined` if this is not what was committed to. */
  | {
      readonly type: "reveal-received";
      readonly node: NodeId;
      readonly id: Bytes;
      readonly digits: string | undefined;
      readonly now: Instant;
    }
  | {
      readonly type: "number-typed";
      readonly node: NodeId;
      readonly digits: string;
      readonly now: Instant;
    }
  | { readonly type: "request-denied"; readonly node: NodeId; readonly now: Instant }
  /** By a person who thinks better of it: the key may ask again. */
  | { readonly type: "denial-lifted"; readonly node: NodeId; readonly now: Instant }
  /** The program began: keys that were denied before it ended are denied still. */
  | { readonly type: "denials-remembered"; readonly nodes: ReadonlyArray<NodeId> }
  | {
      readonly type: "request-withdrawn";
      readonly node: NodeId;
      readonly id: Bytes;
      readonly now: Instant;
    }
  /** The membership log says so: because of this approver, or of another one. */
  | { readonly type: "node-admitted"; readonly node: NodeId; readonly now: Instant }
  | { readonly type: "time-passed"; readonly now: Instant };

// --- Effect ---

export type ApproverEffect =
  /** Call a person's attention. */
  | { readonly type: "prompt"; readonly node: NodeId }
  | { readonly type: "send-message"; readonly node: NodeId; readonly message: ApprovalMessage }
  /** Write the entry that lets it in. */
  | { readonly type: "admit"; readonly node: NodeId; readonly request: ApprovalRequest }
  | { readonly type: "wake-at"; readonly at: Instant };

// --- The table ---

export const approvalApprover: Machine<ApproverState, ApproverEvent, ApproverEffect> = {
  initial: { phase: "watching", rows: new Map(), promptedAt: [], ended: new Map() },
  table: {
    watching: {
      "request-received": receive,
      "request-opened": open,
      "reveal-received": learn,
      "number-typed": judgeNumber,
      "request-denied": deny,
      "denial-lifted": lift,
      "denials-remembered": remember,
      "request-withdrawn": withdraw,
      "node-admitted": admitted,
      "time-passed": passTime,
    },
  },
  otherwise: (state) => [state, []],
};

type Answer = Step<ApproverState, ApproverEffect>;
type Told<Type extends ApproverEvent["type"]> = Extract<ApproverEvent, { readonly type: Type }>;

function receive(state: ApproverState, event: Told<"request-received">): Answer {
  const { node, request, now } = event;
  const before = state.ended.get(node);
  if (before !== undefined && (before.step === "denied" || equal(before.id, request.id))) {
    // Its newest request is the one it will know again when the denial is lifted.
    const ended = new Map(state.ended).set(node, { ...before, id: request.id });
    return [{ ...state, ended }, [news(node, request.id, before)]];
  }
  const known = state.rows.get(node);
  if (known !== undefined && equal(known.request.id, request.id)) return [state, repeat(known)];
  if (known !== undefined) {
    // Asking again calls nobody again, and does not buy more tries.
    const { triesLeft, silent } = known;
    return place(state, { ...event, triesLeft, silent });
  }
  if (state.rows.size >= rowsMax) return [state, []];
  const recent = state.promptedAt.filter((at) => now - at < promptMillis && at <= now);
  if (recent.length >= promptsMax)
    return place(state, { ...event, triesLeft: wrongNumbersMax, silent: true });
  const prompted = { ...state, promptedAt: [...recent, now] };
  const [placed, effects] = place(prompted, {
    ...event,
    triesLeft: wrongNumbersMax,
    silent: false,
  });
  return [placed, [{ type: "prompt", node }, ...effects]];
}

function place(
  state: ApproverState,
  row: Pick<ApprovalRow, "node" | "request" | "triesLeft" | "silent"> & { readonly now: Instant },
): Answer {
  const { node, request, triesLeft, silent, now } = row;
  return [
    withRow(state, {
      stage: "waiting",
      node,
      request,
      receivedAt: now,
      triesLeft,
      wrong: false,
      silent,
    }),
    [{ type: "wake-at", at: later(now, approvalMillis) }],
  ];
}

/** The asker repeats itself because it heard nothing: what we said last is said again. */
function repeat(row: ApprovalRow): ReadonlyArray<ApproverEffect> {
  return row.stage === "opened" || row.stage === "revealed" ? [ourNonce(row)] : [];
}

function open(state: ApproverState, { node, nonce, now }: Told<"request-opened">): Answer {
  const row = state.rows.get(node);
  if (row?.stage !== "waiting") return [state, []];
  const repeatAt = later(now, approvalRepeatMillis);
  const opened = { ...row, stage: "opened", nonce, repeatAt } as const;
  return [
    withRow(state, opened),
    [
      news(node, row.request.id, { step: "opened", triesLeft: row.triesLeft }),
      ourNonce(opened),
      { type: "wake-at", at: repeatAt },
    ],
  ];
}

function learn(state: ApproverState, { node, id, digits }: Told<"reveal-received">): Answer {
  const row = state.rows.get(node);
  if (row?.stage !== "opened" || !equal(row.request.id, id)) return [state, []];
  // Somebody changed the nonce after hearing ours: that is what the commitment is for.
  if (digits === undefined) return dismiss(state, row, "void");
  const { repeatAt: _, ...rest } = row;
  return [withRow(state, { ...rest, stage: "revealed", digits }), []];
}

function judgeNumber(state: ApproverState, { node, digits }: Told<"number-typed">): Answer {
  const row = state.rows.get(node);
  if (row?.stage !== "revealed") return [state, []];
  if (digits.replaceAll(/\s/gu, "") === row.digits) {
    const { digits: _, nonce: __, ...rest } = row;
    const admitting = { ...rest, stage: "admitting", wrong: false } as const;
    return [withRow(state, admitting), [{ type: "admit", node, request: row.request }]];
  }
  const triesLeft = row.triesLeft - 1;
  if (triesLeft === 0) return dismiss(state, { ...row, triesLeft }, "void");
  return [
    withRow(state, { ...row, triesLeft, wrong: true }),
    [news(node, row.request.id, { step: "wrong-number", triesLeft })],
  ];
}

function deny(state: ApproverState, { node }: Told<"request-denied">): Answer {
  const row = state.rows.get(node);
  return row === undefined ? [state, []] : dismiss(state, row, "denied");
}

/** Says so to the device, which asks again by itself if it is there to hear it. */
function lift(state: ApproverState, { node }: Told<"denial-lifted">): Answer {
  const before = state.ended.get(node);
  if (before?.step !== "denied") return [state, []];
  const ended = new Map(state.ended);
  ended.delete(node);
  return [{ ...state, ended }, [news(node, before.id, { step: "withdrawn" })]];
}

function remember(state: ApproverState, { nodes }: Told<"denials-remembered">): Answer {
  const ended = new Map(state.ended);
  for (const node of nodes.slice(0, endedMax))
    ended.set(node, { id: new Uint8Array(16), step: "denied", triesLeft: 0 });
  return [{ ...state, ended }, []];
}

/** Keys that a person denied and that may not ask again. */
export function deniedNodes({ ended }: ApproverState): ReadonlyArray<NodeId> {
  return [...ended].filter(([, { step }]) => step === "denied").map(([node]) => node);
}

function withdraw(state: ApproverState, { node, id }: Told<"request-withdrawn">): Answer {
  const row = state.rows.get(node);
  return row !== undefined && equal(row.request.id, id)
    ? [ending(state, row, "withdrawn"), []]
    : [state, []];
}

function admitted(state: ApproverState, { node }: Told<"node-admitted">): Answer {
  const row = state.rows.get(node);
  return row === undefined ? [state, []] : dismiss(state, row, "approved");
}

function passTime(state: ApproverState, { now }: Told<"time-passed">): Answer {
  let next = state;
  const effects: ApproverEffect[] = [];
  for (const row of state.rows.values()) {
    if (row.stage === "admitting") continue;
    if (now >= later(row.receivedAt, approvalMillis)) {
      const [without, told] = dismiss(next, row, "void");
      next = without;
      effects.push(...told);
    } else if (row.stage === "opened") {
      const isDue = now >= row.repeatAt;
      const repeatAt = isDue ? later(now, approvalRepeatMillis) : row.repeatAt;
      next = withRow(next, { ...row, repeatAt });
      if (isDue) effects.push(ourNonce(row));
      effects.push({ type: "wake-at", at: repeatAt });
    } else effects.push({ type: "wake-at", at: later(row.receivedAt, approvalMillis) });
  }
  return [next, effects];
}

function dismiss(state: ApproverState, row: ApprovalRow, step: ApprovalStep): Answer {
  const { triesLeft } = row;
  return [ending(state, row, step), [news(row.node, row.request.id, { step, triesLeft })]];
}

function ending(state: ApproverState, row: ApprovalRow, step: ApprovalStep): ApproverState {
  const rows = new Map(state.rows);
  rows.delete(row.node);
  const { request, triesLeft } = row;
  const ended = new Map(state.ended).set(row.node, { id: request.id, step, triesLeft });
  const oldest = ended.keys().next();
  if (ended.size > endedMax && oldest.done !== true) ended.delete(oldest.value);
  return { ...state, rows, ended };
}

function ourNonce(row: {
  readonly node: NodeId;
  readonly request: ApprovalRequest;
  readonly nonce: Bytes;
}): ApproverEffect {
  const message = { type: "approval-nonce", id: row.request.id, nonce: row.nonce } as const;
  return { type: "send-message", node: row.node, message };
}

function news(
  node: NodeId,
  id: Bytes,
  { step, triesLeft = 0 }: { readonly step: ApprovalStep; readonly triesLeft?: number },
): ApproverEffect {
  const message = { type: "approval-news", id, step, triesLeft } as const;
  return { type: "send-message", node, message };
}

function withRow(state: ApproverState, row: ApprovalRow): ApproverState {
  return { ...state, rows: new Map(state.rows).set(row.node, row) };
}

/** Times that a person is called for requests in ten minutes; further ones wait in silence. */
const promptsMax = 3;
const promptMillis = 10 * 60_000;
/** Requests that wait at once. */
const rowsMax = 32;
/** Ended requests that are remembered. */
export const endedMax = 1_024;
