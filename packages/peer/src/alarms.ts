/** One alarm a name: machines order `wake-at`, and are told when it is time. Setting it again moves it. */

import type { Instant } from "@skein/protocol/ids";
import type { Inbox } from "./inbox.ts";
import type { Clock } from "./ports.ts";

export interface Alarms {
  readonly set: (name: string, at: Instant, ring: (now: Instant) => void) => void;
  readonly cancel: (name: string) => void;
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

  const cancel = (name: string): void => {
    running.get(name)?.();
    running.delete(name);
  };

  return {
    set: (name, at, ring) => {
      cancel(name);
      const stop = clock.wake(at, () => {
        if (running.get(name) !== stop) return;
        running.delete(name);
        inbox.post(() => ring(clock.now()));
      });
      running.set(name, stop);
    },
    cancel,
    close: () => {
      for (const stop of running.values()) stop();
      running.clear();
    },
  };
}
