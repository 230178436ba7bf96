/** When a node locks itself, and what it takes to be let in again. Holds no secret. */

import type { Machine, Step } from "@skein/protocol/machine";

// --- State ---

/** `patience`: locks after so many milliseconds without a person; `undefined`: only when asked to. */
interface Patient {
  readonly patience: number | undefined;
}

export type State =
  /** Nobody asked for a lock: it opens by itself. */
  | { readonly phase: "off" }
  /** Keys are in memory. */
  | (Patient & { readonly phase: "open"; readonly touched: number })
  | (Patient & { readonly phase: "locked" })
  /** A passkey or words were given, and the vault is tried with them. */
  | (Patient & { readonly phase: "trying" });

// --- Event ---

export type Event =
  /** A person wants a lock, or the program began with one and the vault is open. */
  | { readonly type: "lock-set"; readonly patience: number | undefined; readonly at: number }
  | { readonly type: "lock-removed" }
  /** The program began, and the vault is locked. */
  | { readonly type: "found-locked"; readonly patience: number | undefined }
  /** A key, a pointer, a screen that came back. */
  | { readonly type: "person-acted"; readonly at: number }
  /** Something that a person began is still under way. */
  | { readonly type: "work-went-on"; readonly at: number }
  | { readonly type: "patience-set"; readonly patience: number | undefined; readonly at: number }
  | { readonly type: "lock-asked" }
  | { readonly type: "unlock-tried" }
  | { readonly type: "vault-answered"; readonly fits: boolean; readonly at: number }
  | { readonly type: "time-passed"; readonly at: number };

// --- Effect ---

export type Effect =
  | { readonly type: "wake-at"; readonly at: number }
  /** Sessions end, keys are overwritten, screens are emptied. */
  | { readonly type: "wipe-keys" };

export const lockMachine: Machine<State, Event, Effect> = {
  initial: { phase: "off" },
  table: {
    off: { "lock-set": set, "found-locked": find },
    open: {
      "lock-set": setAnew,
      "lock-removed": remove,
      "person-acted": touch,
      "work-went-on": work,
      "patience-set": setAnew,
      "lock-asked": lock,
      "time-passed": lockIfDue,
    },
    locked: { "unlock-tried": tryVault },
    trying: { "vault-answered": answer },
  },
  otherwise: (state) => [state, []],
};

type Answer = Step<State, Effect>;
type Open = Extract<State, { readonly phase: "open" }>;

function set(
  _: State,
  { patience, at }: { readonly patience: number | undefined; readonly at: number },
): Answer {
  return [{ phase: "open", patience, touched: at }, wake(patience, at)];
}

function remove(): Answer {
  return [{ phase: "off" }, []];
}

function find(_: State, { patience }: Patient): Answer {
  return [{ phase: "locked", patience }, []];
}

/** A machine that slept hears of the person before its late timer: what they may do is judged by the time that passed. */
function touch(state: Open, { at }: { readonly at: number }): Answer {
  return isAway(state, at, 1) ? lock(state) : [{ ...state, touched: at }, []];
}

/** Work tells of itself whenever patience is over. Where it was silent for as long again, the machine slept. */
function work(state: Open, { at }: { readonly at: number }): Answer {
  return isAway(state, at, 2) ? lock(state) : [{ ...state, touched: at }, []];
}

function setAnew(
  state: Open,
  change: { readonly patience: number | undefined; readonly at: number },
): Answer {
  return isAway(state, change.at, 1) ? lock(state) : set(state, change);
}

function lock({ patience }: Open): Answer {
  return [{ phase: "locked", patience }, [{ type: "wipe-keys" }]];
}

/** A timer that was throttled comes late, and locks all the same. A clock that was set back a little begins the wait anew. */
function lockIfDue(state: Open, { at }: { readonly at: number }): Answer {
  const { patience, touched } = state;
  if (patience === undefined) return [state, []];
  if (isAway(state, at, 1)) return lock(state);
  return at < touched
    ? set(state, { patience, at })
    : [state, [{ type: "wake-at", at: touched + patience }]];
}

/** Whether so many patiences passed. A clock that was set back by as much says no more how long it was: then it counts as that. */
function isAway({ patience, touched }: Open, at: number, patiences: number): boolean {
  return patience !== undefined && Math.abs(at - touched) >= patience * patiences;
}

function tryVault({ patience }: Patient): Answer {
  return [{ phase: "trying", patience }, []];
}

function answer(
  { patience }: Patient,
  { fits, at }: { readonly fits: boolean; readonly at: number },
): Answer {
  return fits
    ? [{ phase: "open", touched: at, patience }, wake(patience, at)]
    : [{ phase: "locked", patience }, []];
}

function wake(patience: number | undefined, at: number): ReadonlyArray<Effect> {
  return patience === undefined ? [] : [{ type: "wake-at", at: at + patience }];
}
