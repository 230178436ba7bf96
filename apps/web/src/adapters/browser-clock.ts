/** Time in a browser: the wall clock, timers, and a turn of the event loop. */

import { instant } from "@skein/protocol/ids";
import type { Clock } from "@skein/peer/ports";

export const browserClock: Clock = {
  now: () => instant(Date.now()),
  wake: (at, ring) => {
    const timer = setTimeout(ring, Math.min(Math.max(0, at - Date.now()), delayMillisMax));
    return () => clearTimeout(timer);
  },
};

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
