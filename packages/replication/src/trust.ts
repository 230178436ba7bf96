/** How far the promises of other nodes are relied on: a failure makes one wait, a lie makes one wait long. */

import { later, type Instant } from "@skein/protocol/ids";

export interface Trust {
  /** In a row. */
  readonly failures: number;
  readonly restUntil: Instant;
}

/** It did not deliver, for whatever reason. `chance` is from 0 to 1. */
export function failed(trust: Trust | undefined, now: Instant, chance: number): Trust {
  const failures = Math.min((trust?.failures ?? 0) + 1, 30);
  const delay = Math.min(failureMillisMax, failureMillisMin * 2 ** (failures - 1));
  return { failures, restUntil: later(now, Math.round(delay * (0.5 + chance))) };
}

/** It lied: nothing is asked of it for a while. */
export function struck(trust: Trust | undefined, now: Instant): Trust {
  const failures = Math.min((trust?.failures ?? 0) + 1, 30);
  const delay = Math.min(strikeMillisMax, strikeMillisMin * 4 ** (failures - 1));
  return { failures, restUntil: later(now, delay) };
}

export function rests(trust: Trust | undefined, now: Instant): boolean {
  return trust !== undefined && now < trust.restUntil;
}

/** Promises broken in a row that are no accident any more. */
export const emptyPromisesMax = 6;
const failureMillisMin = 2_000;
const failureMillisMax = 5 * 60_000;
const strikeMillisMin = 60_000;
const strikeMillisMax = 60 * 60_000;
