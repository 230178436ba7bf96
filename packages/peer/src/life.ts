/** The stages of an account in this browser: none, being made, being signed in to, open. */

import type { Crypto } from "@skein/auth/crypto/sodium";
import { accountMark } from "@skein/auth/identity";
import { cleanName, judgePass } from "@skein/auth/pass";
import type { RecoveryFile } from "@skein/auth/recovery-file";
import { formatHex, type Bytes } from "@skein/protocol/bytes";
import type { AccountId, Instant } from "@skein/protocol/ids";
import type { Home } from "./home.ts";
import type { Identity } from "./identity.ts";
import { revokerOf } from "./membership-news.ts";
import type { Network } from "./network.ts";
import { refusalOf } from "./refusals.ts";
import type { SignIn } from "./sign-in.ts";
import type { AccountView } from "./views.ts";

export type Life =
  | { readonly phase: "opening" | "none" }
  | WordsShown
  | KitOpened
  /** The keys are on disk only. */
  | {
      readonly phase: "locked";
      readonly account: AccountId;
      readonly passkey: { readonly id: Bytes; readonly salt: Bytes } | undefined;
    }
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
      readonly signIn: boolean;
      readonly takeBackFrom: string | undefined;
      /** Signed out: who this node was. */
      readonly identity?: Identity;
    };

/** Whose keys are in memory. */
export function identityOf(life: Life): Identity | undefined {
  if (life.phase === "open") return life.home.identity;
  return life.phase === "stopped" ? life.identity : undefined;
}

export interface WordsShown {
  readonly phase: "words-shown";
  readonly words: ReadonlyArray<string>;
  /** 1-based positions of the words to retype. */
  readonly ask: ReadonlyArray<number>;
  readonly nodeName: string;
  readonly platform: string;
  /** The account that is had again with its kit. */
  readonly kit?: RecoveryFile;
}

/** A recovery kit was read: its person chooses what becomes of the account's nodes. */
interface KitOpened {
  readonly phase: "kit-opened";
  readonly kit: RecoveryFile;
  readonly nodeName: string;
  readonly platform: string;
}

export function viewOfLife(
  life: Exclude<Life, { readonly phase: "open" }>,
): Exclude<AccountView, { readonly phase: "open" }> {
  switch (life.phase) {
    case "words-shown":
      return {
        phase: "words-shown",
        words: life.words,
        ask: life.ask,
        purpose: life.kit === undefined ? "create" : "recover",
      };
    case "kit-opened":
      return kitView(life.kit);
    case "locked":
      return {
        phase: "locked",
        mark: accountMark(life.account),
        passkey: life.passkey && {
          id: formatHex(life.passkey.id),
          salt: formatHex(life.passkey.salt),
        },
      };
    case "signing-in":
      return { phase: "signing-in", step: life.signIn.step(), since: life.since };
    case "opening":
    case "none":
    case "unlocking":
      return life;
    case "stopped": {
      const { identity: _, ...view } = life;
      return view;
    }
  }
}

function kitView({
  log,
  at,
}: RecoveryFile): Extract<AccountView, { readonly phase: "kit-opened" }> {
  const { nodes } = log.state();
  return {
    phase: "kit-opened",
    mark: accountMark(log.account),
    madeAt: at,
    nodes: [...nodes.values()]
      .toSorted((a, b) => a.addedAt - b.addedAt)
      .map(({ node, name, platform, addedAt }) => ({
        node,
        name: cleanName(name),
        platform: cleanName(platform),
        addedAt,
      })),
  };
}

export const lostKey: Life = {
  phase: "stopped",
  what: "The key that opens this device's secrets is not in this browser any more.",
  safe: "Your other devices are as they were. Nothing that is stored here was changed.",
  next: "Sign in again with your passphrase: this device then counts as a new one. Revoke the old one afterwards.",
  signIn: true,
  takeBackFrom: undefined,
};

export const leftToCopy: Life = {
  phase: "stopped",
  what: "This browser leaves the device that it was to its other copy.",
  safe: "What is on this device stays here, also what was not signed yet.",
  next: "Sign in with your passphrase: this device then counts as a new one, and a device that may write has to let it in. To leave it as it was, reload the page.",
  signIn: true,
  takeBackFrom: undefined,
};

export const twoAccounts: Life = {
  phase: "stopped",
  what: "Two different accounts answer to this passphrase.",
  safe: "Nothing was copied to this device, and nothing was changed on the others.",
  next: "Somebody else knows your words. Open Skein on a device you already use and check its list of devices.",
  signIn: false,
  takeBackFrom: undefined,
};

/** The same, found after this node had joined one of them. */
export function secondAccount(joined: AccountId, other: AccountId): Life {
  return {
    phase: "stopped",
    what: `Two different accounts answer to this passphrase: ${accountMark(joined)}, which this device joined, and ${accountMark(other)}.`,
    safe: "What was copied here stays on this device. Nothing more is taken, nothing of it is sent, and nothing was changed on the others.",
    next: "Somebody else knows your words. On a device you already use, look which account its Devices page names, and change the passphrase there. Then sign in here again with the new words; if this device joined the wrong account, do that in another browser profile.",
    signIn: true,
    takeBackFrom: undefined,
  };
}

export const otherAccount: Life = {
  phase: "stopped",
  what: "These words open another account than the one that is stored in this browser.",
  safe: "Nothing was mixed: what is stored here is as it was.",
  next: "Use another browser profile for the other account, or reload and sign in with this one's words.",
  signIn: true,
  takeBackFrom: undefined,
};

/** Where this node was revoked, or its words are not those of the account any more. */
export function signedOut(
  crypto: Crypto,
  identity: Identity,
): Extract<Life, { readonly phase: "stopped" }> | undefined {
  const { log, keys, pass } = identity;
  const { revoked, nodes, door, recovery } = log.state();
  const said = { phase: "stopped", signIn: true, takeBackFrom: undefined } as const;
  if (revoked.has(keys.id)) {
    const by = revokerOf(log, keys.id);
    const name = by === undefined ? undefined : log.signers().find(({ node }) => node === by)?.name;
    if (by === keys.id)
      return { ...said, what: "You signed this device out.", safe: stays, next: again };
    const who = by === recovery ? "the recovery kit" : `“${name ?? "another device"}”`;
    return {
      ...said,
      what: `You were signed out by ${who}.`,
      safe: stays,
      next: again,
      takeBackFrom: by === recovery ? undefined : name,
      identity,
    };
  }
  const isDoorsOwn = pass === undefined || judgePass(crypto, door.sign, pass) === keys.id;
  return nodes.has(keys.id) || isDoorsOwn
    ? undefined
    : {
        ...said,
        what: "The passphrase was changed on another device.",
        safe: stays,
        next: newWords,
      };
}

const stays = "What is on this device stays here. Nothing new comes, and nothing of it is sent.";
const again = "Sign in again with your passphrase: this device then counts as a new one.";
const newWords = "Sign in again with the new words.";

/** The account answered, but this browser could not keep it. */
export function notKept(cause: unknown): Life {
  const { what, next } = refusalOf(cause);
  return {
    phase: "stopped",
    what,
    safe: "Nothing was copied to this device, and nothing was changed on the others.",
    next: next ?? "Reload the page and try again.",
    signIn: false,
    takeBackFrom: undefined,
  };
}
