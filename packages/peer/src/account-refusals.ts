/** What a person is told when an account is not made, opened or taken back. */

import { nodesPerAccountMax } from "@skein/protocol/limits";
import { CommandRefusedError } from "./refusals.ts";

export function notNow(): CommandRefusedError {
  return new CommandRefusedError("not_now", {
    what: "This browser already has an account, or is about to.",
    safe: "Nothing was changed.",
  });
}

export function badKit(why: "not-a-kit" | "damaged" | "foreign" | "crowded"): CommandRefusedError {
  if (why === "crowded") return tooManyKept();
  const said = {
    "not-a-kit": "This file is not a recovery kit.",
    damaged: "This recovery kit is damaged: some of it is missing or was changed.",
    foreign: "This recovery kit is that of another account.",
  };
  return new CommandRefusedError("bad_kit", {
    what: said[why],
    safe: "Nothing was changed.",
    next: "Choose the file that you saved when you made the kit.",
  });
}

/** What a kit says is added to a log that takes no more members than there are boxes in an entry. */
function tooManyKept(): CommandRefusedError {
  return new CommandRefusedError("not_allowed", {
    what: `With this one, your account would have more than ${nodesPerAccountMax} devices that may write.`,
    safe: "Nothing was changed.",
    next: "Let fewer of them stay. Whoever is not kept can sign in again later.",
  });
}

export function wrongPasskey(): CommandRefusedError {
  return new CommandRefusedError("wrong_passkey", {
    what: "This passkey does not open this device.",
    safe: "Nothing was changed: it is locked as before.",
    next: "Choose the passkey that was made for this device, or type your passphrase.",
  });
}

export function notTakenBack(): CommandRefusedError {
  return new CommandRefusedError("not_allowed", {
    what: "These words do not undo it: the passphrase was changed, or was used to sign this device out.",
    safe: "What is on this device stays here.",
    next: "Sign in again with the words that are in force, or use your recovery kit.",
  });
}

export const storageLost = {
  tone: "error",
  what: "This browser found what Skein had stored here damaged, and dropped it.",
  safe: "Your other devices have what they had.",
  next: "Sign in with your passphrase, or use your recovery kit: this device then counts as a new one. Revoke the old one afterwards.",
  lasting: true,
} as const;
