/** What everybody together may have passed on: a second, and thirty days. What a provider's bill says. */

import { Budget } from "./budget.ts";
import type { Limits } from "./limits.ts";

export interface Purse {
  /** Answers the milliseconds to wait. Signalling is what a relay is for: it counts, and is not refused. */
  readonly spend: (bytes: number, isBulk: boolean, nowMillis: number) => number;
}

export function openPurse({
  bytesPerSecond,
  bytesPerMonth,
}: Pick<Limits, "bytesPerSecond" | "bytesPerMonth">): Purse {
  const perSecond = { perSecond: bytesPerSecond, burst: bytesPerSecond * 2 };
  const perMonth = { perSecond: bytesPerMonth / monthSeconds, burst: bytesPerMonth };
  const budgets = [perSecond, perMonth]
    .filter(({ burst }) => burst > 0)
    .map((rate) => new Budget(rate, 0));

  return {
    spend: (bytes, isBulk, nowMillis) => {
      let waitMillis = 0;
      for (const budget of budgets)
        if (isBulk) waitMillis ||= budget.spend(bytes, nowMillis);
        else budget.take(bytes, nowMillis);
      return waitMillis;
    },
  };
}

const monthSeconds = 30 * 86_400;
