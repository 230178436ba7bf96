/** What has to be, and how much there may be, before one entry: told from its own past, so that everybody refuses the same ones. */

import {
  membershipEntriesForRecovery,
  membershipEntriesForTheDoor,
  membershipEntriesMax,
  membershipEntriesPerAuthor,
} from "@skein/protocol/limits";
import type { AuthoredBody } from "./membership-entry.ts";
import type { Held } from "./membership-register.ts";
import type { Level } from "./membership-rules.ts";

const forTheDoor = membershipEntriesMax - membershipEntriesForRecovery;

/** By what right something is said. The last are kept for the passphrase, and the very last for the recovery key. */
export const entriesBeforeMax: Readonly<Record<Level, number>> = {
  0: membershipEntriesMax,
  1: forTheDoor,
  2: forTheDoor - membershipEntriesForTheDoor,
};

/** An author's entries form one chain: this one has seen the one before it, and none after that. */
export function continuesChain({ sequence }: AuthoredBody, said: ReadonlyArray<Held>): boolean {
  return sequence === said.reduce((next, held) => Math.max(next, held.sequence + 1), 0);
}

/** Whether an author, who had said this, said as much as a node says without the passphrase. */
export function isOverQuota(said: ReadonlyArray<Held>): boolean {
  return said.filter(({ level }) => level === 2).length >= membershipEntriesPerAuthor;
}
