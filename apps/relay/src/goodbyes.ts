/** When each node is told goodbye, so that they do not all redial at once. */

import type { Limits } from "./limits.ts";

/** Milliseconds from now, one for each. */
export function spreadGoodbyes(
  count: number,
  limits: Pick<Limits, "drainMillisMax" | "drainMillisPerConnection">,
  chance: () => number,
): ReadonlyArray<number> {
  const { drainMillisMax, drainMillisPerConnection } = limits;
  const spreadMillis = Math.min(drainMillisMax, count * drainMillisPerConnection);
  return Array.from({ length: count }, () => spreadMillis * chance());
}
