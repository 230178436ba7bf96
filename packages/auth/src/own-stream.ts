/**
 * A node's own ref stream across crashes, restored snapshots and copied profiles: what it may give to whom, so that it
 * never hands out two records with one number where it could have known better, and convicts itself where it could not.
 *
 * A record is kept before it is signed (`formatIntent`), and given to another node only after that node has said how far
 * it knows the stream. What was not given to anybody can still be signed anew, behind what the others know.
 */

import type { RecordHash } from "@skein/protocol/ids";

export interface OwnRecord {
  readonly seq: number;
  readonly hash: RecordHash;
  /** Somebody else may have it. Kept durably, before it is sent for the first time. */
  readonly isGiven: boolean;
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
  | { readonly does: "catch-up"; readonly after: number; readonly resign: ReadonlyArray<number> }
  /** Both were given away: these keys are in two places. Stop writing, show the proof, become a new node. */
  | { readonly does: "stop"; readonly seq: number };

/** `own` is our stream as stored, from the first record on, without gaps. */
export function judgeOwnTip(
  own: ReadonlyArray<OwnRecord>,
  told: ToldTip | undefined,
): OwnTipVerdict {
  if (told === undefined) return { does: "give", from: 1 };
  const same = own[told.seq - 1];
  if (same?.hash === told.hash) return { does: "give", from: told.seq + 1 };
  const given = own.findLast(({ isGiven }) => isGiven)?.seq ?? 0;
  // Ours in that place, or one before it that its record cannot follow, was given away.
  if (given >= told.seq) return { does: "stop", seq: told.seq };
  const resign = own.filter(({ seq }) => seq > given).map(({ seq }) => seq);
  return { does: "catch-up", after: given, resign };
}

/**
 * After catching up: whether what was fetched continues what we have. If its first record does not follow our last given
 * one, that one was forked.
 */
export function judgeCaughtUp(
  own: ReadonlyArray<OwnRecord>,
  fetched: ReadonlyArray<{ readonly seq: number; readonly prev: RecordHash | undefined }>,
): "continues" | "forked" | "gap" {
  const last = own.findLast(({ isGiven }) => isGiven);
  const [first] = fetched;
  if (first === undefined || first.seq !== (last?.seq ?? 0) + 1) return "gap";
  return first.prev === last?.hash ? "continues" : "forked";
}
