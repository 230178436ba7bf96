/** Refusals in words for a person: what happened, what is safe, what to do next. */

import { StorageDamagedError } from "@skein/git/stored-pack";
import { SkeinError } from "@skein/protocol/errors";
import type { Refused } from "./commands.ts";

/** Every way in which a command is refused on purpose. All stand in docs/errors.md. */
export type RefusalCode =
  | "bad_author"
  | "bad_branch"
  | "bad_kit"
  | "bad_oid"
  | "bad_relay"
  | "branch_in_use"
  | "empty_message"
  | "empty_name"
  | "no_account"
  | "name_taken"
  | "no_git_host"
  | "no_repository"
  | "nobody_has_it"
  | "not_now"
  | "not_there"
  | "not_yet"
  | "only_copy"
  | "only_relay"
  | "owner_gone"
  | "read_only"
  | "request_over"
  | "tip_moved"
  | "too_large"
  | "two_places"
  | "not_allowed"
  | "wrong_kit"
  | "wrong_passkey"
  | "wrong_passphrase"
  | "wrong_words";

/** Thrown inside a command; becomes its `Refused`. */
export class CommandRefusedError extends SkeinError {
  override readonly name = "CommandRefusedError";
  readonly code = "command_refused";
  readonly blame = "caller";
  readonly hint: string;
  readonly refused: Refused;

  constructor(
    reason: RefusalCode,
    words: { readonly what: string; readonly safe?: string; readonly next?: string },
  ) {
    super(words.what);
    this.hint = words.next ?? "";
    this.refused = { code: reason, what: words.what, safe: words.safe, next: words.next };
  }
}

/** What a person is told of anything that a command threw. */
export function refusalOf(cause: unknown): Refused {
  if (cause instanceof CommandRefusedError) return cause.refused;
  if (cause instanceof StorageDamagedError) return { code: cause.code, ...damagedWords };
  if (cause instanceof SkeinError)
    return {
      code: cause.code,
      what: sentence(cause.code === "pack_rejected" ? packWords(cause.message) : cause.message),
      safe: cause.code === "draft_refused" ? "Your changes are kept here." : "Nothing was changed.",
      next: cause.hint,
    };
  if (cause instanceof Error && cause.name === "TaskCancelled")
    return { code: "cancelled", what: "Stopped.", safe: "Nothing was changed.", next: undefined };
  return {
    code: "bug",
    what: "Something went wrong inside Skein.",
    safe: "What was saved before is safe.",
    next: "Reload the page and try again.",
  };
}

/** What is known of it is which bytes; what a person can do is the same for all. */
export const damagedWords = {
  what: "Some of what this device stored of a repository can no longer be read.",
  safe: "Nothing was changed or removed. All that can still be read stays here, and other devices keep their copies.",
  next: "Download the files you need, then get the repository again from another device or a bundle.",
} as const;

/** A pack that a command meets is one that a person brought, in a bundle. */
function packWords(message: string): string {
  return message
    .replace("The pack is refused: cut short", "The bundle was cut short")
    .replace("The pack is refused", "The bundle is damaged or was cut short");
}

function sentence(text: string): string {
  return /[.!?]$/u.test(text) ? text : `${text}.`;
}
