/**
 * The few platform names a pure package may use: present in every browser and in Node, and free of I/O.
 * Anything not declared here does not exist for `packages/*`; ask for a port instead.
 */

declare class AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(
    type: "abort",
    listener: () => void,
    options?: { readonly once?: boolean },
  ): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

/** A file a person chose: bytes that are read when they are asked for. */
declare class Blob {
  constructor(parts: ReadonlyArray<Uint8Array<ArrayBuffer>>, options?: { readonly type?: string });
  readonly size: number;
  readonly type: string;
  arrayBuffer(): Promise<ArrayBuffer>;
  slice(start: number, end: number): Blob;
}
