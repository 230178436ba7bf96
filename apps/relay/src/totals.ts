/** What the relay has done since it started: counts and bytes, never for whom or about what. */

import type { RefusedReason } from "@skein/protocol/relay-frames/refused";

/** Plain numbers, because several are counted for each frame. */
export class Totals {
  connections = 0;
  upgradesRefused = 0;
  publishes = 0;
  publishBytes = 0;
  bulks = 0;
  bulkBytes = 0;
  delivered = 0;
  deliveredBytes = 0;
  bulkLeftOut = 0;
  /** Publications that had to wait for a turn of the event loop with room. */
  waited = 0;
  announces = 0;
  lookups = 0;
  subscribes = 0;
  kept = 0;
  keptDelivered = 0;
  keptExpired = 0;
  gitAnswers = 0;
  gitBytes = 0;
  httpAnswers = 0;
  httpBytes = 0;
  httpRefused = 0;
  httpCut = 0;
  readonly refused = new Map<RefusedReason, number>();
  readonly closed = new Map<number, number>();

  countRefused(reason: RefusedReason): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }

  countClosed(code: number): void {
    this.closed.set(code, (this.closed.get(code) ?? 0) + 1);
  }
}
