/** The port to whatever joins relays: bytes to everyone who listens to a bucket, at most once, never back to the sender. */

export interface Engine {
  readonly isUp: () => boolean;
  /** Sends bytes to whoever listens there; `false` when they were left out. */
  readonly publish: (bucket: Bucket, bytes: Uint8Array) => boolean;
  /** How much of the room for unconfirmed bytes is used, from 0 to 1 and above. */
  readonly pressure: () => number;
  readonly listen: (bucket: Bucket) => void;
  readonly unlisten: (bucket: Bucket) => void;
  /** Begins. `hear` may be called with anything at any time; `changed` when the engine came or went. */
  readonly open: (ears: EngineEars) => void;
  readonly close: () => Promise<void>;
}

/** Tags with the same beginning, every relay, or one relay by its name. */
export type Bucket = number | "everyone" | `to-${string}`;

export interface EngineEars {
  readonly hear: (bytes: Uint8Array) => void;
  readonly changed: () => void;
}
