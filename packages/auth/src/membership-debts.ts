/** What an account owes itself: a read key that exactly its members have, sealed to the door in force. And who pays, and when. */

import type { NodeId } from "@skein/protocol/ids";
import type { Machine, Step } from "@skein/protocol/machine";
import type { AccountState } from "./membership-state.ts";

export type Debt =
  /** Somebody who is no member any more was given the key in force. */
  | { readonly kind: "held-by-others"; readonly nodes: ReadonlyArray<NodeId> }
  /** Members were not given it: they were let in while it was made. */
  | { readonly kind: "not-given"; readonly nodes: ReadonlyArray<NodeId> }
  /** It is sealed to a door that was replaced: the new words do not open it. */
  | { readonly kind: "door-replaced" };

/** One rotation pays all of them. */
export function debts(state: AccountState): ReadonlyArray<Debt> {
  const owed: Debt[] = [];
  const others = [...state.keyHolders].filter((node) => !state.nodes.has(node));
  if (others.length > 0) owed.push({ kind: "held-by-others", nodes: others });
  const without = [...state.nodes.keys()].filter((node) => !state.keyHolders.has(node));
  if (without.length > 0) owed.push({ kind: "not-given", nodes: without });
  if (state.keys[0]?.sealedTo !== state.doorEntry) owed.push({ kind: "door-replaced" });
  return owed;
}

/** How many members pay before this one does. Those who do not know the key rank last: with theirs, the one before is lost. */
export function rankOf(state: AccountState, self: NodeId): number {
  const members = [...state.nodes.keys()];
  const able = members.filter((node) => state.keyHolders.has(node));
  const unable = members.filter((node) => !state.keyHolders.has(node));
  return [...able, ...unable].indexOf(self);
}

// --- State ---

export type State =
  | { readonly phase: "clear" }
  /** It will be paid by somebody: by us at `due`, if nobody was quicker. */
  | { readonly phase: "owed"; readonly due: number };

// --- Event ---

export type Event =
  /** The log changed, or was opened. `chance` is from 0 to 1. */
  | {
      readonly type: "account-changed";
      readonly owes: boolean;
      readonly rank: number;
      readonly at: number;
      readonly chance: number;
    }
  | { readonly type: "time-passed"; readonly at: number };

// --- Effect ---

export type Effect =
  | { readonly type: "wake-at"; readonly at: number }
  | { readonly type: "rotate-key" };

export const keyDebtMachine: Machine<State, Event, Effect> = {
  initial: { phase: "clear" },
  table: {
    clear: { "account-changed": incur },
    owed: { "account-changed": reconsider, "time-passed": payIfDue },
  },
  otherwise: (state) => [state, []],
};

type Answer = Step<State, Effect>;
type Changed = Extract<Event, { readonly type: "account-changed" }>;

function incur(state: State, { owes, rank, at, chance }: Changed): Answer {
  if (!owes || rank < 0) return [state, []];
  const due = at + rank * perRankMillis + (rank === 0 ? 0 : chance * jitterMillis);
  return [{ phase: "owed", due }, [{ type: "wake-at", at: due }]];
}

function reconsider(
  state: Extract<State, { readonly phase: "owed" }>,
  { owes, rank }: Changed,
): Answer {
  return owes && rank >= 0 ? [state, []] : [{ phase: "clear" }, []];
}

/** It stays owed until the log says otherwise. */
function payIfDue(
  state: Extract<State, { readonly phase: "owed" }>,
  { at }: { readonly at: number },
): Answer {
  if (at < state.due) return [state, [{ type: "wake-at", at: state.due }]];
  const due = at + againMillis;
  return [{ phase: "owed", due }, [{ type: "rotate-key" }, { type: "wake-at", at: due }]];
}

/** Time for the one before to be heard of. */
const perRankMillis = 10_000;
const jitterMillis = 5_000;
const againMillis = 60_000;
