/** Channels inside one process: a fabric that joins two attempts of one name once signals went both ways. */

import { Bug } from "@skein/protocol/errors";
import type { Alarm } from "./alarm.ts";
import type { Channels } from "./channels.ts";

export interface MemoryFabric {
  /** The channels of one node. `name` is for `refuse`, `stall` and `cut`. */
  readonly channelsOf: (name: string) => Channels;
  /** From now on these two never get connected (as behind two symmetric NATs), or may again. */
  readonly refuse: (a: string, b: string, refused: boolean) => void;
  /** What is connected between these two stops passing packets, or passes them again. */
  readonly stall: (a: string, b: string, stalled: boolean) => void;
  /** Ends what is connected between these two. */
  readonly cut: (a: string, b: string) => void;
}

export function memoryFabric(_options: {
  readonly alarm: Alarm;
  /** From 0 to 1; seeded in a simulation. */
  readonly random: () => number;
  readonly latencyMillisMax: number;
}): MemoryFabric {
  throw new Bug("not yet");
}
