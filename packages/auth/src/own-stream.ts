/**
 * A node's own ref stream across crashes, restored snapshots and copied profiles: what it may give to whom, so that it
 * never hands out two records with one number where it could have known better, and convicts itself where it could not.
 *
 * A record is kept durably before anybody hears of it, and given to another node only after that node has said how far it
 * knows the stream. What was not given to anybody can still be signed anew, behind what the others know.
 */

import type { RecordHash } from "@skein/protocol/ids";

/** Our stream as stored, from the first record on, without gaps. */
export interface OwnStream {
  /** The number of its last record. */
  readonly last: number;
  /** The last that somebody else may have. Kept durably, before it is sent for the first time. */
  readonly given: number;
  /** The hash of our record with the number that the other node told, if we have one. */
  readonly there: RecordHash | undefined;
}

/** What another node says of our stream. */
export interface ToldTip {
  readonly seq: number;
  readonly hash: RecordHash;
}

export type OwnTipVerdict =
  /** It knows a part of what we know: give it the rest, and note so first. */
  | { readonly does: "give"; readonly from: number }
  /** It knows more: this storage is older than the stream. Fetch what follows `after`, then sign ours anew behind it. */
  | { readonly does: "catch-up"; readonly after: number }
  /** Both were given away: these keys are in two places. Stop writing, show the proof, become a new node. */
  | { readonly does: "stop"; readonly seq: number };

export function judgeOwnTip(
  { last, given, there }: OwnStream,
  told: ToldTip | undefined,
): OwnTipVerdict {
  if (told === undefined) return { does: "give", from: 1 };
  if (told.seq <= last && there === told.hash) return { does: "give", from: told.seq + 1 };
  // Ours in that place, or one before it that its record cannot follow, was given away.
  if (given >= told.seq) return { does: "stop", seq: told.seq };
  return { does: "catch-up", after: given };
}
