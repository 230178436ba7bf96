/** One connection as the hub sees it, from the upgrade to its end: its way out, its tags and what it may still spend. */

import { openBudget, type Budget } from "./budget.ts";
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
  readonly hushedUntil: Map<number, number>;
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

export function openMember(exit: Exit, limits: Limits, nowMillis: number): Member {
  const budget = (perSecond: number, burst: number): Budget =>
    openBudget({ perSecond, burst }, nowMillis);
  return {
    exit,
    tags: new Set(),
    budgets: {
      publishes: budget(limits.publishesPerSecond, limits.publishesBurst),
      publishBytes: budget(limits.publishBytesPerSecond, limits.publishBytesBurst),
      bulkBytes: budget(limits.bulkBytesPerSecond, limits.bulkBytesBurst),
      requests: budget(limits.requestsPerSecond, limits.requestsBurst),
      violations: budget(1000 / limits.violationForgivenMillis, limits.violationsMax),
      speedings: budget(limits.speedingsForgivenPerSecond, limits.speedingsMax),
    },
    hushedUntil: new Map(),
    heardMillis: nowMillis,
    hasSpoken: false,
    isClosing: false,
  };
}
