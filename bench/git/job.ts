/** What a place is told to do, and what it answers: plain values, for they cross to another process. */

export type OurJob =
  | "receive"
  | "receive-streamed"
  | "enumerate"
  | "pack"
  | "increment"
  | "push"
  | "reads-cold"
  | "reads-warm"
  | "log";

export type PeerJob = "peer-receive" | "peer-pack" | "peer-reads" | "peer-log";

export type Job = OurJob | PeerJob;

/** One repository to work on, as a place finds it. */
export interface Given {
  /** Tells one from the other. */
  readonly key: string;
  /** Where its files are: a folder, or an address. */
  readonly home: string;
  /** The names of its pack and its index, below `home`. */
  readonly pack: string;
  readonly idx: string;
  readonly tips: ReadonlyArray<string>;
  readonly head: string;
  /** A hundred commits before, and one. */
  readonly hundredBack: string;
  readonly oneBack: string;
  /** Drawn by chance. */
  readonly someOids: ReadonlyArray<string>;
  readonly allOids: ReadonlyArray<string>;
}

export type Told =
  /** Everything that is not to be measured. */
  | {
      readonly id: number;
      readonly kind: "prepare";
      readonly job: Job;
      readonly given: Given;
    }
  /** What is measured. It answers a size, or 0. */
  | { readonly id: number; readonly kind: "run" };

export type Answer =
  | { readonly id: number; readonly ok: true; readonly value: number }
  | { readonly id: number; readonly ok: false; readonly why: string };
