/** When to try again after a connection ended: full jitter from one second to a minute, forgotten after a connection that held. */

import { later, type Instant } from "@skein/protocol/ids";

export interface Redial {
  /** Tries that failed, or ended early, in a row. */
  readonly failures: number;
  /** When the connection that stands was made. */
  readonly connectedAt: Instant | undefined;
}

export const freshRedial: Redial = { failures: 0, connectedAt: undefined };

export function connected(redial: Redial, now: Instant): Redial {
  return { ...redial, connectedAt: now };
}

/** The person, the page or the network asks for a try at once: what failed before is forgotten. */
export function forgiven(redial: Redial): Redial {
  return { ...redial, failures: 0 };
}

/** A try failed or a connection ended. `chance` is from 0 to 1. */
export function ended(
  redial: Redial,
  { now, code, chance }: { readonly now: Instant; readonly code: number; readonly chance: number },
): { readonly redial: Redial; readonly at: Instant } {
  const stable = redial.connectedAt !== undefined && now - redial.connectedAt >= stableMillis;
  const failures = (stable ? 0 : redial.failures) + 1;
  if (code === restarting) {
    return {
      redial: freshRedial,
      at: later(now, Math.round(chance * restartSpreadMillis)),
    };
  }
  const least = code === overloaded ? overloadedMillisMin : 0;
  const most = Math.min(delayMillisMax, delayMillisMin * 2 ** Math.min(failures - 1, 16));
  return {
    redial: { failures, connectedAt: undefined },
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
