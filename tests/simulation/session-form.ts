/** What a storm knows of the nodes in it, and of what they send: the same for machines alone and for whole sessions with keys. */

/** A node of a storm, from 0 up. */
export type Place = number;
export type Path = "relay" | "direct";
export type Kind = "hello" | "welcome" | "stale" | "data";

/** What a node finds again when its program starts anew. */
export interface Disk {
  /** Whom it remembers to have met. */
  known: Set<Place>;
  /** How often the read key changed, as far as it heard. */
  epoch: number;
}

export interface Surroundings {
  readonly me: Place;
  readonly disk: () => Disk;
  readonly random: () => number;
  /** What the clock on this node's wall says, in milliseconds: wrong by years, and it jumps. */
  readonly clock: () => number;
  /** `carries`: there is a message in it. */
  readonly send: (
    to: Place,
    packet: unknown,
    how: { readonly path: Path | undefined; readonly carries: boolean },
  ) => void;
  readonly heard: (from: Place, text: string) => void;
  readonly refused: (to: Place) => void;
  readonly up: (other: Place) => void;
  readonly down: (other: Place) => void;
}

/** One run of a node's program. */
export interface Run {
  /** Wants `text` to be heard by the other one. */
  readonly say: (to: Place, text: string) => void;
  readonly receive: (packet: unknown, path: Path) => void;
  readonly tick: () => void;
  /** In how many milliseconds it next wants to be woken. */
  readonly wakesIn: () => number | undefined;
  /** The relay is there again, or a person looks at the page again. */
  readonly hurry: () => void;
  /** All that it has in memory, as it is now. */
  readonly image: () => unknown;
}

export interface Form {
  /** Starts a program; with an image, as it was when the image was taken. */
  readonly open: (around: Surroundings, image?: unknown) => Run;
  readonly kindOf: (packet: unknown) => Kind | undefined;
  /** What Mallory makes of a packet. `isTrue`: what she changed is not what the other side's proof covers. */
  readonly bend: (
    packet: unknown,
    random: () => number,
  ) => { readonly packet: unknown; readonly isTrue: boolean };
  readonly makeUp: (random: () => number) => unknown;
}

export function pick<T>(random: () => number, from: ReadonlyArray<T>): T | undefined {
  return from[Math.floor(random() * from.length)];
}
