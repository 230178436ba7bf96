/**
 * Token buckets: so much at once, so much a second after that.
 *
 * Whoever has anything left may spend more than is left and is in debt until it has refilled. So a spending larger
 * than the bucket is slow instead of impossible.
 */

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface Budget {
  /** Spends `amount` and answers 0, or spends nothing and answers the milliseconds until something is left. */
  readonly spend: (amount: number, nowMillis: number) => number;
  /** Whether the bucket is full again, so that forgetting it changes nothing. */
  readonly isFull: (nowMillis: number) => boolean;
}

export function openBudget({ perSecond, burst }: Rate, openedMillis: number): Budget {
  let left = burst;
  let refilledMillis = openedMillis;
  const refill = (nowMillis: number): void => {
    const elapsed = Math.max(0, nowMillis - refilledMillis);
    left = Math.min(burst, left + (elapsed * perSecond) / 1000);
    refilledMillis = nowMillis;
  };
  return {
    spend: (amount, nowMillis) => {
      refill(nowMillis);
      if (left < 1 - roundingMax)
        return Math.max(1, Math.ceil(((1 - left) * 1000) / perSecond - roundingMax));
      left -= amount;
      return 0;
    },
    isFull: (nowMillis) => {
      refill(nowMillis);
      return left >= burst;
    },
  };
}

/** What adding fractions in steps may lose. */
const roundingMax = 1e-6;
