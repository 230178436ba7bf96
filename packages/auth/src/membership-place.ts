/** Where the next entry of an author goes: after everything known, less what is left out. */

import type { EntryId, NodeId } from "@skein/protocol/ids";
import { parentsMax } from "./membership-entry.ts";
import type { Held, Register } from "./membership-register.ts";
import { compareText, Past, type Deed } from "./membership-rules.ts";

export interface Place {
  readonly sequence: number;
  readonly parents: ReadonlyArray<EntryId>;
}

export function placeIn({
  register,
  author,
  left,
  heads,
  most,
}: {
  readonly register: Register;
  readonly author: NodeId;
  /** Left out, with whatever came after them: all but the author's own chain. */
  readonly left: ReadonlyArray<Deed>;
  readonly heads: ReadonlyArray<EntryId>;
  /** How much may be before it. */
  readonly most: number;
}): Place {
  const said = register.of(author);
  const own =
    said.length === 0 ? undefined : said.reduce((a, b) => (b.sequence > a.sequence ? b : a));
  const sequence = own === undefined ? 0 : own.sequence + 1;
  const isFew = register.held.length <= most;
  if (left.length === 0 && heads.length <= parentsMax && isFew) return { sequence, parents: heads };
  const isVouchedFor = ({ deed }: Held): boolean =>
    own?.deed === deed ||
    own?.deed.past.has(deed.index) === true ||
    !left.some(({ index }) => index === deed.index || deed.past.has(index));
  const kept = register.held.filter(isVouchedFor);
  const covered = new Past(register.held.length);
  for (const { deed } of kept) covered.join(deed.past);
  const tips = kept.map(({ deed }) => deed).filter(({ index }) => !covered.has(index));
  const forked = new Set(register.equivocations().map(({ node }) => node));
  const rankOf = (deed: Deed): number => {
    const holdsOwn = own !== undefined && (deed === own.deed || deed.past.has(own.deed.index));
    return Number(!holdsOwn) * 2 + Number(forked.has(deed.author));
  };
  const chosen = fitting(
    tips.toSorted((a, b) => rankOf(a) - rankOf(b) || a.index - b.index),
    { most, entries: register.held.length },
  );
  return { sequence, parents: chosen.map(({ id }) => id).toSorted(compareText) };
}

/** The first of them that fit, with all that is before them. */
function fitting(
  tips: ReadonlyArray<Deed>,
  { most, entries }: { readonly most: number; readonly entries: number },
): ReadonlyArray<Deed> {
  const chosen: Deed[] = [];
  let before = new Past(entries);
  for (const tip of tips) {
    if (chosen.length === parentsMax) break;
    const more = new Past(entries);
    more.join(before);
    more.join(tip.past);
    more.add(tip.index);
    if (chosen.length > 0 && more.size() >= most) continue;
    chosen.push(tip);
    before = more;
  }
  return chosen;
}
