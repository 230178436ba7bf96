/** Whether the process has room for more: its memory, and how late its event loop is. */

import { monitorEventLoopDelay } from "node:perf_hooks";

import { fixedLimits } from "./fixed-limits.ts";
import type { Limits } from "./limits.ts";
import { admitted } from "./memory-bound.ts";

export type Room = "free" | "crowded" | "bursting";

export interface Watchdog {
  /** `crowded`: nobody new. `bursting`: the slowest have to go as well. */
  readonly look: (nowMillis: number) => Room;
  readonly memoryBytes: () => number;
  readonly lagMillis: () => number;
  readonly close: () => void;
}

export function openWatchdog(
  limits: Pick<Limits, "memoryBytesMax" | "lagMillisMax">,
  readResidentBytes: () => number = () => process.memoryUsage.rss(),
): Watchdog {
  const delay = monitorEventLoopDelay({ resolution: resolutionMillis });
  delay.enable();
  let lagMillis = 0;
  let windowMillis = 0;
  let memoryBytes = 0;

  /** Without a file left the system does not say; what it said last is true enough until one is free. */
  function residentBytes(): number {
    try {
      return readResidentBytes();
    } catch {
      return memoryBytes;
    }
  }

  function look(nowMillis: number): Room {
    memoryBytes = residentBytes();
    if (nowMillis - windowMillis >= fixedLimits.lagWindowMillis) {
      lagMillis = Math.max(0, delay.percentile(99) / 1e6 - resolutionMillis);
      delay.reset();
      windowMillis = nowMillis;
    }
    if (memoryBytes > limits.memoryBytesMax * 0.9) return "bursting";
    const isCrowded =
      memoryBytes > limits.memoryBytesMax * admitted || lagMillis > limits.lagMillisMax;
    return isCrowded ? "crowded" : "free";
  }

  memoryBytes = residentBytes();
  return {
    look,
    memoryBytes: () => memoryBytes,
    lagMillis: () => lagMillis,
    close: () => delay.disable(),
  };
}

const { lagResolutionMillis: resolutionMillis } = fixedLimits;
