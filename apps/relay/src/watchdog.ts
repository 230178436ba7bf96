/** Whether the process has room for more: its memory, the engine's room for objects, and how late its event loop is. */

import { monitorEventLoopDelay, type Histogram } from "node:perf_hooks";

import { fixedLimits } from "./fixed-limits.ts";
import { heapShare } from "./heap-limit.ts";
import type { Limits } from "./limits.ts";
import { admitted, relieved } from "./memory-bound.ts";

export type Room = "free" | "crowded" | "bursting";

export interface Watchdog {
  /** `crowded`: nobody new. `bursting`: the slowest have to go as well. */
  readonly look: () => Room;
  /** Whether it is memory that was short at the last look: then nothing is taken that would stand. */
  readonly isShort: () => boolean;
  readonly memoryBytes: () => number;
  readonly lagMillis: () => number;
  readonly close: () => void;
}

export function openWatchdog(
  limits: Pick<Limits, "memoryBytesMax" | "lagMillisMax">,
  {
    readResidentBytes = () => process.memoryUsage.rss(),
    readHeapShare = heapShare,
    delays = measureDelays(),
  }: {
    readonly readResidentBytes?: () => number;
    readonly readHeapShare?: () => number;
    readonly delays?: Delays;
  } = {},
): Watchdog {
  let lagMillis = 0;
  let memoryBytes = 0;
  let isShort = false;

  /** Without a file left the system does not say; what it said last is true enough until one is free. */
  function residentBytes(): number {
    try {
      return readResidentBytes();
    } catch {
      return memoryBytes;
    }
  }

  /** Of what was taken, not of what a clock says that leaps: of a few samples one slow turn would be the 99th percentile. */
  function takenMillis(): number {
    return delays.count === 0 ? 0 : (delays.count * delays.mean) / 1e6;
  }

  function look(): Room {
    memoryBytes = residentBytes();
    if (takenMillis() >= fixedLimits.lagWindowMillis) {
      lagMillis = Math.max(0, delays.percentile(99) / 1e6 - resolutionMillis);
      delays.reset();
    }
    const share = Math.max(memoryBytes / limits.memoryBytesMax, readHeapShare());
    isShort = share > admitted;
    if (share > relieved) return "bursting";
    return isShort || lagMillis > limits.lagMillisMax ? "crowded" : "free";
  }

  memoryBytes = residentBytes();
  return {
    look,
    isShort: () => isShort,
    memoryBytes: () => memoryBytes,
    lagMillis: () => lagMillis,
    close: () => delays.disable?.(),
  };
}

/** Nanoseconds from one look at the event loop to the next: the resolution, and how late it was. */
type Delays = Pick<Histogram, "count" | "mean" | "percentile" | "reset"> & {
  readonly disable?: () => boolean;
};

function measureDelays(): Delays {
  const delays = monitorEventLoopDelay({ resolution: resolutionMillis });
  delays.enable();
  return delays;
}

const { lagResolutionMillis: resolutionMillis } = fixedLimits;
