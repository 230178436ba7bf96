/** How a recovery kit is written down: shown once, typed back, and only then forgotten here. Holds no secret. Spec: docs/protocol/5-membership.md */

import type { Instant } from "@skein/protocol/ids";
import type { Machine, Step } from "@skein/protocol/machine";

// --- State ---

export type State =
  /** Sealed to the door, on this node. `since` the account began. */
  | { readonly phase: "kept" }
  /** On the screen or in a file. */
  | { readonly phase: "shown" }
  /** Put away, and asked for: whoever cannot type it has not written it down. */
  | { readonly phase: "asked"; readonly tries: number }
  | { readonly phase: "exported" };

// --- Event ---

export type Event =
  /** The passphrase was typed, and opened the secret. */
  | { readonly type: "kit-opened" }
  | { readonly type: "kit-put-away" }
  /** Words or a file came back. */
  | { readonly type: "kit-returned"; readonly fits: boolean }
  | { readonly type: "left" };

// --- Effect ---

export type Effect =
  | { readonly type: "show-kit" }
  | { readonly type: "hide-kit" }
  | { readonly type: "ask-for-kit" }
  | { readonly type: "say-wrong"; readonly tries: number }
  /** Overwrite what is kept: from now on the kit is the only copy. */
  | { readonly type: "forget-kit" };

export const recoveryExport: Machine<State, Event, Effect> = {
  initial: { phase: "kept" },
  table: {
    kept: { "kit-opened": show },
    shown: { "kit-put-away": ask, left: putBack },
    asked: { "kit-returned": compare, "kit-opened": show, left: putBack },
    exported: {},
  },
  otherwise: (state) => [state, []],
};

type Answer = Step<State, Effect>;

function show(): Answer {
  return [{ phase: "shown" }, [{ type: "show-kit" }]];
}

function ask(): Answer {
  return [{ phase: "asked", tries: 0 }, [{ type: "hide-kit" }, { type: "ask-for-kit" }]];
}

function putBack(): Answer {
  return [{ phase: "kept" }, [{ type: "hide-kit" }]];
}

function compare(
  { tries }: Extract<State, { readonly phase: "asked" }>,
  { fits }: { readonly fits: boolean },
): Answer {
  if (fits) return [{ phase: "exported" }, [{ type: "forget-kit" }]];
  return [{ phase: "asked", tries: tries + 1 }, [{ type: "say-wrong", tries: tries + 1 }]];
}

/** Whether a person is reminded now, quietly: one node and no kit is one accident away from nothing. */
export function isReminderDue(known: {
  readonly nodes: number;
  readonly isExported: boolean;
  readonly began: Instant;
  readonly reminded: Instant | undefined;
  readonly now: Instant;
}): boolean {
  const { nodes, isExported, began, reminded, now } = known;
  if (isExported || nodes > 1) return false;
  return reminded === undefined ? now - began >= dayMillis : now - reminded >= 7 * dayMillis;
}

const dayMillis = 24 * 60 * 60_000;
