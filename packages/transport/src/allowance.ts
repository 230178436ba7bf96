/** What a relay allows in a second: a bucket that fills with time and is emptied by what is sent. */

import { later, type Instant } from "@skein/protocol/ids";

export interface Allowance {
  readonly perSecond: number;
  readonly most: number;
  readonly left: number;
  readonly at: Instant;
}

/** Full, with room for `burstSeconds` at once. */
export function allow(perSecond: number, burstSeconds: number, now: Instant): Allowance {
  const most = perSecond * burstSeconds;
  return { perSecond, most, left: most, at: now };
}

export function refill(allowance: Allowance, now: Instant): Allowance {
  const grown = (Math.max(0, now - allowance.at) / 1_000) * allowance.perSecond;
  return { ...allowance, left: Math.min(allowance.most, allowance.left + grown), at: now };
}

/** What costs more than a full bucket is let through by a full bucket, and paid for afterwards. */
export function affords(allowance: Allowance, cost: number): boolean {
  return allowance.left >= Math.min(cost, allowance.most);
}

export function spend(allowance: Allowance, cost: number): Allowance {
  return { ...allowance, left: allowance.left - cost };
}

/** When it will afford `cost`. */
export function affordsAt(allowance: Allowance, cost: number): Instant {
  const lacking = Math.min(cost, allowance.most) - allowance.left;
  return later(allowance.at, Math.max(0, Math.ceil((lacking / allowance.perSecond) * 1_000)));
}
