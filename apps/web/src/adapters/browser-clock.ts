/** Time in a browser: a wall clock that never goes back, timers, and a turn of the event loop. */

import { instant } from "@skein/protocol/ids";
import type { Clock } from "@skein/peer/ports";

/** What the machine says: its wall clock, which a person may set, and how long it has run, which may leave out a sleep. */
export interface Hands {
  readonly wallMillis: () => number;
  readonly passedMillis: () => number;
}

/**
 * Set back, it goes on from where it was: whatever waits for a moment would otherwise wait for all the time that it was
 * set back by, to dial again as well. Set forward, it goes along: that looks like a sleep.
 */
export function openSteadyClock({ wallMillis, passedMillis }: Hands): Clock {
  let last = wallMillis();
  let passed = passedMillis();
  const now = (): number => {
    const since = passedMillis() - passed;
    passed += since;
    last = Math.max(wallMillis(), last + since);
    return last;
  };
  return {
    now: () => instant(Math.floor(now())),
    wake: (at, ring) => {
      const timer = setTimeout(ring, Math.min(Math.max(0, Math.ceil(at - now())), delayMillisMax));
      return () => clearTimeout(timer);
    },
  };
}

export const browserClock: Clock = openSteadyClock({
  wallMillis: () => Date.now(),
  passedMillis: () => performance.now(),
});

/** One turn of the event loop, without the four milliseconds that nested timers are held back. */
export function openBreath(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const waiting: Array<() => void> = [];
  port1.addEventListener("message", () => waiting.shift()?.());
  port1.start();
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      port2.postMessage(undefined);
    });
}

/** Minutes that this place is ahead of UTC. */
export function offsetMinutes(): number {
  return -new Date().getTimezoneOffset();
}

/** Timers count in 32 bits; whoever is woken early looks at the clock and sleeps on. */
const delayMillisMax = 2 ** 31 - 1;
