/** One connection as the hub sees it, from the upgrade to its end: its way out, its tags and what it may still spend. */

import { Budget, type Rate } from "./budget.ts";
import type { Limits } from "./limits.ts";
import type { Framed } from "./outbox.ts";
import type { TagKey } from "./tag-table.ts";

/** The way to one connection. */
export interface Exit {
  readonly push: (framed: Framed) => void;
  readonly backlogBytes: () => number;
  readonly close: (code: CloseCode) => void;
}

/** 1003 text where only binary is spoken, 1008 against the rules, 1013 too slow: try again later. */
export type CloseCode = 1003 | 1008 | 1013;

export interface Member {
  readonly exit: Exit;
  readonly tags: Set<TagKey>;
  readonly budgets: Budgets;
  /** Until when a refusal for haste is not repeated, by op. */
  hushedUntil: Map<number, number> | undefined;
  heardMillis: number;
  hasSpoken: boolean;
  isClosing: boolean;
}

interface Budgets {
  readonly publishes: Budget;
  readonly publishBytes: Budget;
  readonly bulkBytes: Budget;
  readonly requests: Budget;
  readonly violations: Budget;
  readonly speedings: Budget;
}

/** The rates of all members: one object each, shared. */
export type Rates = Readonly<Record<keyof Budgets, Rate>>;

export function ratesOf(limits: Limits): Rates {
  const rate = (perSecond: number, burst: number): Rate => ({ perSecond, burst });
  return {
    publishes: rate(limits.publishesPerSecond, limits.publishesBurst),
    publishBytes: rate(limits.publishBytesPerSecond, limits.publishBytesBurst),
    bulkBytes: rate(limits.bulkBytesPerSecond, limits.bulkBytesBurst),
    requests: rate(limits.requestsPerSecond, limits.requestsBurst),
    violations: rate(1000 / limits.violationForgivenMillis, limits.violationsMax),
    speedings: rate(limits.speedingsForgivenPerSecond, limits.speedingsMax),
  };
}

export function openMember(exit: Exit, rates: Rates, nowMillis: number): Member {
  return {
    exit,
    tags: new Set(),
    budgets: {
      publishes: new Budget(rates.publishes, nowMillis),
      publishBytes: new Budget(rates.publishBytes, nowMillis),
      bulkBytes: new Budget(rates.bulkBytes, nowMillis),
      requests: new Budget(rates.requests, nowMillis),
      violations: new Budget(rates.violations, nowMillis),
      speedings: new Budget(rates.speedings, nowMillis),
    },
    hushedUntil: undefined,
    heardMillis: nowMillis,
    hasSpoken: false,
    isClosing: false,
  };
}
