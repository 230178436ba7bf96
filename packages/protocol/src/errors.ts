/** What went wrong, whose doing it was, and what to do about it. Every code stands in docs/errors.md. */

/** Decides who is told: the caller is thrown at, the peer is disconnected, the environment is retried. */
export type Blame = "caller" | "peer" | "environment";

/** The base of every error that Skein throws on purpose. */
export abstract class SkeinError extends Error {
  /** Stable: on the wire, in logs and in docs/errors.md. Never reworded. */
  abstract readonly code: string;
  abstract readonly blame: Blame;
  /** One sentence a person can act on. */
  abstract readonly hint: string;
}

/** Bytes that are not what the protocol says they should be. */
export class MalformedMessageError extends SkeinError {
  override readonly name = "MalformedMessageError";
  readonly code = "malformed_message";
  readonly blame = "peer";
  readonly hint = "The other side may run a newer version. Update, then connect again.";
  readonly offset: number;

  constructor(
    what: string,
    { offset, cause }: { readonly offset: number; readonly cause?: unknown },
  ) {
    super(`${what} at byte ${offset}`, { cause });
    this.offset = offset;
  }
}

/** A size or count above a limit of `limits.ts`. */
export class LimitExceededError extends SkeinError {
  override readonly name = "LimitExceededError";
  readonly code = "limit_exceeded";
  readonly blame = "peer";
  readonly hint = "Send less at once.";
  readonly limit: string;

  constructor(limit: string, { actual, most }: { readonly actual: number; readonly most: number }) {
    super(`${limit}: ${actual} is more than ${most}`);
    this.limit = limit;
  }
}

/** A broken assumption of our own. Never caught, except at the very top, to be reported. */
export class Bug extends Error {
  override readonly name = "Bug";
}

export function assert(condition: boolean, assumption: string): asserts condition {
  if (!condition) throw new Bug(assumption);
}
