/** When a node locks itself, and what it takes to be let in again. Holds no secret. */

import type { Machine, Step } from "@skein/protocol/machine";

// --- State ---

export type State =
  /** Keys are in memory. `patience`: locks after so many milliseconds without a person; `undefined`: only when asked to. */
  | { readonly phase: "open"; readonly touched: number; readonly patience: number | undefined }
  | { readonly phase: "locked"; readonly patience: number | undefined }
  /** The browser's dialogue is up. */
  | { readonly phase: "asking"; readonly patience: number | undefined };

// --- Event ---

export type Event =
  /** A key, a pointer, a screen that came back. */
  | { readonly type: "person-acted"; readonly at: number }
  | { readonly type: "patience-set"; readonly patience: number | undefined; readonly at: number }
  | { readonly type: "lock-asked" }
  | { readonly type: "unlock-asked" }
  | { readonly type: "passkey-answered"; readonly fits: boolean; readonly at: number }
  | { readonly type: "time-passed"; readonly at: number };

// --- Effect ---

export type Effect =
  | { readonly type: "wake-at"; readonly at: number }
  /** Sessions end, keys are overwritten, screens are emptied. */
  | { readonly type: "wipe-keys" }
  | { readonly type: "ask-passkey" }
  | { readonly type: "open-vault" }
  | { readonly type: "say-declined" };

export const lockMachine: Machine<State, Event, Effect> = {
  initial: { phase: "open", touched: 0, patience: undefined },
  table: {
    open: {
      "person-acted": touch,
      "patience-set": setPatience,
      "lock-asked": lock,
      "time-passed": lockIfDue,
    },
    locked: { "unlock-asked": ask },
    asking: { "passkey-answered": answer, "lock-asked": lock },
  },
  otherwise: (state) => [state, []],
};

type Answer = Step<State, Effect>;
type Open = Extract<State, { readonly phase: "open" }>;

function touch(state: Open, { at }: { readonly at: number }): Answer {
  return [{ ...state, touched: at }, []];
}

function setPatience(
  state: Open,
  { patience, at }: { readonly patience: number | undefined; readonly at: number },
): Answer {
  const set: Open = { ...state, patience, touched: at };
  return [set, patience === undefined ? [] : [{ type: "wake-at", at: at + patience }]];
}

function lock({ patience }: State): Answer {
  return [{ phase: "locked", patience }, [{ type: "wipe-keys" }]];
}

/** A timer that was throttled comes late, and locks all the same. */
function lockIfDue(state: Open, { at }: { readonly at: number }): Answer {
  if (state.patience === undefined) return [state, []];
  const due = state.touched + state.patience;
  return at >= due ? lock(state) : [state, [{ type: "wake-at", at: due }]];
}

function ask({ patience }: State): Answer {
  return [{ phase: "asking", patience }, [{ type: "ask-passkey" }]];
}

function answer(
  { patience }: State,
  { fits, at }: { readonly fits: boolean; readonly at: number },
): Answer {
  if (!fits) return [{ phase: "locked", patience }, [{ type: "say-declined" }]];
  const open: Open = { phase: "open", touched: at, patience };
  const wake: ReadonlyArray<Effect> =
    patience === undefined ? [] : [{ type: "wake-at", at: at + patience }];
  return [open, [{ type: "open-vault" }, ...wake]];
}
