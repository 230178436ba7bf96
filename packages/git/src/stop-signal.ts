/** How long work is told to stop, and how it lets others have a turn. */

/** The part of the platform's `AbortSignal` that long work needs. */
export interface StopSignal {
  readonly aborted: boolean;
  throwIfAborted(): void;
}

/** Lets the event loop turn, so that a worker stays responsive and can be cancelled. */
export type Breathe = () => Promise<void>;

/** What long work has done so far. `total` is what is known of the end. */
export interface Progress {
  readonly phase:
    | "reading"
    | "resolving"
    | "checking"
    | "storing"
    | "collecting"
    | "writing"
    | "merging";
  readonly done: number;
  /** 0 where nobody can know. */
  readonly total: number;
}

export interface LongWork {
  readonly signal: StopSignal;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}
