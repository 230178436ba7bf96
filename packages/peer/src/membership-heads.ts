/** Which heads of the membership log are told, where there are more than a message holds. */

import type { MembershipLog } from "@skein/auth/membership";
import type { EntryId } from "@skein/protocol/ids";

/** Those of nodes that never said two things in one place first: a flood of forks hides nobody's news. */
export function headsToTell(log: MembershipLog): ReadonlyArray<EntryId> {
  const heads = log.heads();
  if (heads.length <= headsMax) return heads;
  const forked = new Set(log.state().equivocations.map(({ node }) => node));
  const last = new Set(
    log
      .told()
      .filter(({ author }) => forked.has(author))
      .map(({ id }) => id),
  );
  return heads.toSorted((a, b) => Number(last.has(a)) - Number(last.has(b))).slice(0, headsMax);
}

/** As many as the message holds. */
const headsMax = 64;
