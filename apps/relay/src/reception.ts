/**
 * Receives what comes over HTTP a few in each turn of the event loop, in the order in which it came.
 *
 * Thousands who ask at once are read at once. Letting one in, turning one away or giving it a page costs more than ten messages
 * do, so all but a few wait here, and who is connected already is served in between.
 */

import { fixedLimits } from "./fixed-limits.ts";

export class Reception {
  readonly #later: (run: () => void) => void;
  readonly #waiting: Array<() => void> = [];
  #received = 0;

  /** `later` is to call back when the event loop has read from everybody. */
  constructor(later: (run: () => void) => void) {
    this.#later = later;
  }

  /** Does it now or in a turn to come; answers whether it is done. */
  receive(run: () => void): boolean {
    if (this.#received === 0 && this.#waiting.length === 0) this.#later(() => this.#beginTurn());
    if (this.#received >= requestsPerTurn || this.#waiting.length > 0) {
      this.#waiting.push(run);
      return false;
    }
    this.#received += 1;
    run();
    return true;
  }

  #beginTurn(): void {
    const turn = this.#waiting.splice(0, requestsPerTurn);
    this.#received = turn.length;
    for (const run of turn) run();
    if (this.#received > 0) this.#later(() => this.#beginTurn());
  }
}

const { requestsPerTurn } = fixedLimits;
