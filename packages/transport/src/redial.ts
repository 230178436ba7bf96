/** When to try again after a connection ended: full jitter from one second to a minute, forgotten after a connection that held. */

import { later, type Instant } from "@skein/protocol/ids";

export interface Redial {
  /** Tries that failed, or ended early, in a row. */
  readonly failures: number;
  /** When the connection that stands was made. */
  readonly connectedAt: Instant | undefined;
  /** The other side said that it restarts, and no connection has held since. */
  readonly hasRestarted: boolean;
}

export const freshRedial: Redial = { failures: 0, connectedAt: undefined, hasRestarted: false };

export function connected(redial: Redial, now: Instant): Redial {
  return { ...redial, connectedAt: now };
}

/** The person, the page or the network asks for a try at once: what failed before is forgotten. */
export function forgiven(redial: Redial): Redial {
  return { ...redial, failures: 0, hasRestarted: false };
}

/** A try failed or a connection ended. `chance` is from 0 to 1. */
export function ended(
  redial: Redial,
  { now, code, chance }: { readonly now: Instant; readonly code: number; readonly chance: number },
): { readonly redial: Redial; readonly at: Instant } {
  const stable = redial.connectedAt !== undefined && now - redial.connectedAt >= stableMillis;
  const before = stable ? freshRedial : redial;
  const isRestart = code === restarting;
  // One restart is no failure. One after the other, with nothing that held between, is.
  const failures = isRestart && !before.hasRestarted ? 0 : before.failures + 1;
  const base = isRestart ? restartSpreadMillis : delayMillisMin;
  const most = Math.min(delayMillisMax, base * 2 ** Math.min(Math.max(failures - 1, 0), 16));
  const least = code === overloaded ? overloadedMillisMin : 0;
  const hasRestarted = isRestart || before.hasRestarted;
  return {
    redial: { failures, connectedAt: undefined, hasRestarted },
    at: later(now, Math.round(least + chance * most)),
  };
}

/** RFC 6455 §7.4.1 and the IANA registry: the other side restarts, and will be back at once. */
const restarting = 1012;
/** "Try again later": it lives, but has too much to do. */
const overloaded = 1013;

const delayMillisMin = 1_000;
const delayMillisMax = 60_000;
/** Connections that held this long were good ones: a relay that is killed every half minute is there again at once each time. */
const stableMillis = 10_000;
/** Ten thousand nodes come back over this span, on top of the span over which they were let go. */
const restartSpreadMillis = 5_000;
const overloadedMillisMin = 5_000;
