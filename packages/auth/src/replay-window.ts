/** Which of the last counters of a session were heard already: each packet counts once, in whatever order they come. */

/** How far a packet may lag behind the newest: a relay and a data channel used at once reorder by hundreds. */
export const replayWindow = 2_048;

export class ReplayWindow {
  readonly #heard = new Uint8Array(replayWindow);
  #highest = -1;

  /** Whether this counter was not heard, as far as can be told. */
  isNew(counter: number): boolean {
    if (counter > this.#highest) return true;
    return this.#highest - counter < replayWindow && this.#heard[counter % replayWindow] === 0;
  }

  /** Call only for a packet that proved authentic: a forger must not move the window. */
  remember(counter: number): void {
    const first = Math.max(this.#highest + 1, counter - replayWindow + 1);
    for (let skipped = first; skipped < counter; skipped++) this.#heard[skipped % replayWindow] = 0;
    this.#highest = Math.max(this.#highest, counter);
    this.#heard[counter % replayWindow] = 1;
  }
}
