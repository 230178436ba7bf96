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

/** A class, because each connection holds several: a closure would cost six times as much memory. */
export class Budget {
  readonly #rate: Rate;
  #left: number;
  #refilledMillis: number;

  constructor(rate: Rate, openedMillis: number) {
    this.#rate = rate;
    this.#left = rate.burst;
    this.#refilledMillis = openedMillis;
  }

  /** Spends `amount` and answers 0, or spends nothing and answers the milliseconds until something is left. */
  spend(amount: number, nowMillis: number): number {
    this.#refill(nowMillis);
    if (this.#left < 1 - roundingMax) {
      const waitMillis = ((1 - this.#left) * 1000) / this.#rate.perSecond;
      return Math.max(1, Math.ceil(waitMillis - roundingMax));
    }
    this.#left -= amount;
    return 0;
  }

  /** Spends whatever is left of it and more: what is not refused counts all the same. */
  take(amount: number, nowMillis: number): void {
    this.#refill(nowMillis);
    this.#left -= amount;
  }

  /** Whether the bucket is full again, so that forgetting it changes nothing. */
  isFull(nowMillis: number): boolean {
    this.#refill(nowMillis);
    return this.#left >= this.#rate.burst;
  }

  #refill(nowMillis: number): void {
    const elapsed = Math.max(0, nowMillis - this.#refilledMillis);
    const { perSecond, burst } = this.#rate;
    this.#left = Math.min(burst, this.#left + (elapsed * perSecond) / 1000);
    this.#refilledMillis = nowMillis;
  }
}

/** What adding fractions in steps may lose. */
const roundingMax = 1e-6;
