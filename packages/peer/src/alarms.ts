/** One alarm a name: machines order `wake-at`, and are told when it is time. Setting it again moves it. */

import type { Instant } from "@skein/protocol/ids";
import type { Inbox } from "./inbox.ts";
import type { Clock } from "./ports.ts";

export interface Alarms {
  readonly set: (name: string, at: Instant, ring: (now: Instant) => void) => void;
  readonly cancel: (name: string) => void;
  /** From now on nothing rings any more, whatever is set. */
  readonly close: () => void;
}

export function openAlarms({
  clock,
  inbox,
}: {
  readonly clock: Clock;
  readonly inbox: Inbox;
}): Alarms {
  const running = new Map<string, () => void>();
  let closed = false;

  const cancel = (name: string): void => {
    running.get(name)?.();
    running.delete(name);
  };

  return {
    set: (name, at, ring) => {
      cancel(name);
      if (closed) return;
      const stop = clock.wake(at, () =>
        // What was told before it may have moved or cancelled it.
        inbox.post(() => {
          if (running.get(name) !== stop) return;
          running.delete(name);
          ring(clock.now());
        }),
      );
      running.set(name, stop);
    },
    cancel,
    close: () => {
      closed = true;
      for (const stop of running.values()) stop();
      running.clear();
    },
  };
}
