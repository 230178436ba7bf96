/** The journal as lines of JSON on the standard output. A full disk or a closed pipe loses lines, never the relay. */

import { pino } from "pino";

import type { Journal } from "./journal.ts";
import { renewPool } from "./pool.ts";

export function openPinoJournal(descriptor = 1): Journal {
  const destination = pino.destination({ dest: descriptor, sync: true });
  destination.on("error", () => undefined);
  const logger = pino(
    { base: null, formatters: { level: (label) => ({ level: label }) } },
    destination,
  );
  const guarded = (write: () => void): void => {
    // The logger keeps its last line until the next one, and nothing of others may lie beside it.
    renewPool();
    try {
      write();
    } catch {
      // Nowhere to write to: there is nobody to tell.
    }
    renewPool();
  };
  return {
    write: (entry) => guarded(() => logger.info(entry)),
    warn: (entry) => guarded(() => logger.warn(entry)),
  };
}
