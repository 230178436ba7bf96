/** Asks the throw-away unlock worker one thing and ends it, so that nothing of a passphrase outlives the answer. */

import { SecretKey } from "@skein/auth/crypto/secret";
import type { DoorSeeds } from "@skein/auth/door";
import { allowOwnScripts } from "./trusted-types.ts";
import { openEstimate } from "./unlock-estimate.ts";

export type UnlockAsk =
  | { readonly kind: "mint" }
  | { readonly kind: "check"; readonly words: ReadonlyArray<string> }
  | { readonly kind: "derive"; readonly words: ReadonlyArray<string> };

export type UnlockAnswer =
  /** How long a derivation will take here, measured on a small one. */
  | { readonly kind: "expects"; readonly millis: number }
  | { readonly kind: "done"; readonly result: unknown }
  | { readonly kind: "failed"; readonly what: string };

/** What the peer needs of a passphrase. Each call is its own worker. */
export interface UnlockPort {
  readonly mint: () => Promise<ReadonlyArray<string>>;
  readonly checksumFits: (words: ReadonlyArray<string>) => Promise<boolean>;
  /** About a second, in one step: what `onShare` hears is an estimate by time. */
  readonly derive: (
    words: ReadonlyArray<string>,
    onShare: (share: number) => void,
  ) => Promise<DoorSeeds>;
}

/** Works in a page and, as a worker inside it, in the peer's worker. */
export function unlockPort(): UnlockPort {
  allowOwnScripts();
  return {
    mint: async () => expect(await ask({ kind: "mint" }), isWords),
    checksumFits: async (words) => expect(await ask({ kind: "check", words }), isBoolean),
    derive: async (words, onShare) => {
      using estimate = openEstimate(onShare);
      const answer = await ask({ kind: "derive", words }, estimate.expect);
      const { sign, box, meeting } = expect(answer, isSeedBytes);
      return {
        sign: new SecretKey(sign),
        box: new SecretKey(box),
        meeting: new SecretKey(meeting),
      };
    },
  };
}

function ask(
  question: UnlockAsk,
  expects: (millis: number) => void = () => undefined,
): Promise<unknown> {
  const worker = new Worker(new URL("./unlock.worker.ts", import.meta.url), {
    type: "module",
    name: "skein-unlock",
  });
  return new Promise<unknown>((resolve, reject) => {
    worker.addEventListener("error", () => reject(new UnlockFailedError("it could not start")));
    worker.addEventListener("message", ({ data }: MessageEvent<UnlockAnswer>) => {
      if (data.kind === "expects") expects(data.millis);
      else if (data.kind === "done") resolve(data.result);
      else reject(new UnlockFailedError(data.what));
    });
    worker.postMessage(question);
  }).finally(() => worker.terminate());
}

/** The worker that reads passphrases did not do its work: too little memory, or its script was blocked. */
class UnlockFailedError extends Error {
  override readonly name = "UnlockFailedError";

  constructor(why: string) {
    super(`The unlock worker failed: ${why}.`);
  }
}

function expect<Kind>(value: unknown, is: (value: unknown) => value is Kind): Kind {
  if (is(value)) return value;
  throw new UnlockFailedError("it answered something else");
}

function isWords(value: unknown): value is ReadonlyArray<string> {
  return Array.isArray(value) && value.every((word) => typeof word === "string");
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

interface SeedBytes {
  readonly sign: Uint8Array<ArrayBuffer>;
  readonly box: Uint8Array<ArrayBuffer>;
  readonly meeting: Uint8Array<ArrayBuffer>;
}

function isSeedBytes(value: unknown): value is SeedBytes {
  if (typeof value !== "object" || value === null) return false;
  const parts = new Map<string, unknown>(Object.entries(value));
  return ["sign", "box", "meeting"].every((name) => parts.get(name) instanceof Uint8Array);
}
