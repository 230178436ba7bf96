/** A node as its storm sees it: the program that runs, what it finds on its disk, and what may befall it. */

import type { Disk, Place, Run } from "./session-form.ts";
import type { Hearings } from "./session-judge.ts";

export type Fate =
  | "sleeps"
  | "restarts"
  | "forgets"
  | "restores a backup"
  | "goes back to an image";

export interface Snapshot {
  readonly disk: Disk;
  readonly image: unknown;
  readonly hearings: Hearings;
}

export interface Node {
  readonly place: Place;
  run: Run | undefined;
  /** Counts the runs of its program. */
  life: number;
  /** Counts how often its memory was set back. */
  line: number;
  isAwake: boolean;
  wakeAt: number;
  disk: Disk;
  skew: number;
  hearings: Hearings;
  readonly snapshots: Snapshot[];
}

export const fates: ReadonlyArray<Fate> = [
  "sleeps",
  "restarts",
  "forgets",
  "restores a backup",
  "goes back to an image",
];

export function copyOf({ known, epoch }: Disk): Disk {
  return { known: new Set(known), epoch };
}

export function nameOf(place: Place): string {
  return ["Alice", "Bob", "Carol", "Dave", "Erin", "Frank"][place] ?? "nobody";
}
