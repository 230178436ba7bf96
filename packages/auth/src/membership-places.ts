/**
 * Which entries of a crowded log keep their places: a pure function of the set, whatever order they came in, and the same
 * again of what two logs kept together.
 *
 * Every author has places of its own, so that nobody's flood takes another's. What it said is taken in rank order: by the
 * recovery key, with the passphrase, without it; then by its place in the author's chain, then by id. Each is taken with all
 * that is before it, and once that comes to enough, nothing more. So what stands on something keeps it, and only who says
 * two things in one place ever runs out: the whole past of an honest author's last entry is less.
 *
 * Authors are those nearest to the first node, then those of least id: nobody is crowded out by nodes that were let in
 * further away, whoever mints them.
 */

import { membershipAuthorsMax, membershipPlacesPerAuthor } from "@skein/protocol/limits";
import type { Held, Register } from "./membership-register.ts";
import { compareText, Past } from "./membership-rules.ts";

/** The entries that stay, by their numbers; `undefined`: all of them. */
export function keptPlaces({ held, speeches }: Register): Past | undefined {
  if (held.length <= membershipPlacesPerAuthor && speeches.size <= membershipAuthorsMax)
    return undefined;
  const kept = new Past(held.length);
  kept.add(0);
  const authors = [...speeches].toSorted(([a], [b]) => compareText(a, b));
  for (const [, said] of authors.slice(0, membershipAuthorsMax)) {
    const taken = new Past(held.length);
    let places = 0;
    for (const { deed } of said.toSorted(inRank)) {
      if (places >= membershipPlacesPerAuthor) break;
      places += taken.join(deed.past);
      if (!taken.has(deed.index)) places += 1;
      taken.add(deed.index);
    }
    kept.join(taken);
  }
  return kept;
}

function inRank(a: Held, b: Held): number {
  return a.level - b.level || a.sequence - b.sequence || compareText(a.deed.id, b.deed.id);
}
