/** The port to time, for what runs a machine by itself. */

import type { Instant } from "@skein/protocol/ids";

export interface Alarm {
  readonly now: () => Instant;
  /** Rings once, at or soon after `at`, never before this returns. What comes back takes it away. */
  readonly wake: (at: Instant, ring: () => void) => () => void;
}
