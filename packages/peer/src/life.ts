/** The stages of an account in this browser: none, being made, being signed in to, open. */

import type { Instant } from "@skein/protocol/ids";
import type { Home } from "./home.ts";
import type { Network } from "./network.ts";
import { refusalOf } from "./refusals.ts";
import type { SignIn } from "./sign-in.ts";
import type { AccountView } from "./views.ts";

export type Life =
  | { readonly phase: "opening" | "none" }
  | WordsShown
  | { readonly phase: "unlocking"; readonly share: number }
  | {
      readonly phase: "signing-in";
      readonly signIn: SignIn;
      readonly network: Network;
      readonly since: Instant;
      readonly abandon: () => void;
    }
  | { readonly phase: "open"; readonly home: Home }
  | {
      readonly phase: "stopped";
      readonly what: string;
      readonly safe: string;
      readonly next: string;
    };

export interface WordsShown {
  readonly phase: "words-shown";
  readonly words: ReadonlyArray<string>;
  /** 1-based positions of the words to retype. */
  readonly ask: ReadonlyArray<number>;
  readonly nodeName: string;
  readonly platform: string;
}

export function viewOfLife(
  life: Exclude<Life, { readonly phase: "open" }>,
): Exclude<AccountView, { readonly phase: "open" }> {
  switch (life.phase) {
    case "words-shown":
      return { phase: "words-shown", words: life.words, ask: life.ask };
    case "signing-in":
      return { phase: "signing-in", step: life.signIn.step(), since: life.since };
    case "opening":
    case "none":
    case "unlocking":
    case "stopped":
      return life;
  }
}

export const twoAccounts: Life = {
  phase: "stopped",
  what: "Two different accounts answer to this passphrase.",
  safe: "Nothing was copied to this device, and nothing was changed on the others.",
  next: "Somebody else knows your words. Open Skein on a device you already use and check its list of devices.",
};

/** The account answered, but this browser could not keep it. */
export function notKept(cause: unknown): Life {
  const { what, next } = refusalOf(cause);
  return {
    phase: "stopped",
    what,
    safe: "Nothing was copied to this device, and nothing was changed on the others.",
    next: next ?? "Reload the page and try again.",
  };
}
