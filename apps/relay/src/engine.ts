/** The port to whatever joins relays: bytes to everyone who listens to a bucket, at most once, never back to the sender. */

export interface Engine {
  readonly isUp: () => boolean;
  /** Sends bytes to a bucket, or to every relay; `false` when they were left out. */
  readonly publish: (bucket: Bucket, bytes: Uint8Array) => boolean;
  /** How much of the room for unconfirmed bytes is used, from 0 to 1 and above. */
  readonly pressure: () => number;
  readonly listen: (bucket: number) => void;
  readonly unlisten: (bucket: number) => void;
  /** Begins. `hear` may be called with anything at any time; `changed` when the engine came or went. */
  readonly open: (ears: EngineEars) => void;
  readonly close: () => Promise<void>;
}

export type Bucket = number | "everyone";

export interface EngineEars {
  readonly hear: (bytes: Uint8Array) => void;
  readonly changed: () => void;
}
