/** Which heads of the membership log are told, where there are more than a message holds. */

import type { MembershipLog } from "@skein/auth/membership";
import type { EntryId } from "@skein/protocol/ids";

/**
 * Those of nodes that never said two things in one place first: a flood of forks hides nobody's news. The places that are
 * left go to the others in turn, by the number of the round, so that every head is told within so many rounds.
 */
export function headsToTell(log: MembershipLog, round: number): ReadonlyArray<EntryId> {
  const heads = log.heads();
  if (heads.length <= headsMax) return heads;
  const forked = new Set(log.state().equivocations.map(({ node }) => node));
  const last = new Set(
    log
      .told()
      .filter(({ author }) => forked.has(author))
      .map(({ id }) => id),
  );
  const first = inTurn(
    heads.filter((id) => !last.has(id)),
    { places: headsMax - inTurnMin, round },
  );
  const others = inTurn(
    heads.filter((id) => last.has(id)),
    { places: headsMax - first.length, round },
  );
  return [...first, ...others];
}

function inTurn(
  heads: ReadonlyArray<EntryId>,
  { places, round }: { readonly places: number; readonly round: number },
): ReadonlyArray<EntryId> {
  if (heads.length <= places) return heads;
  const from = (round * places) % heads.length;
  return [...heads.slice(from), ...heads.slice(0, from)].slice(0, places);
}

/** As many as the message holds. */
const headsMax = 64;
/** Of them, those that are left to the others, however many come first. */
const inTurnMin = 32;
