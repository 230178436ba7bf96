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
}: {
  readonly register: Register;
  readonly author: NodeId;
  /** Left out, with whatever came after them: all but the author's own chain. */
  readonly left: ReadonlyArray<Deed>;
  readonly heads: ReadonlyArray<EntryId>;
}): Place {
  const said = register.of(author);
  const own =
    said.length === 0 ? undefined : said.reduce((a, b) => (b.sequence > a.sequence ? b : a));
  const sequence = own === undefined ? 0 : own.sequence + 1;
  if (left.length === 0 && heads.length <= parentsMax) return { sequence, parents: heads };
  const isVouchedFor = ({ deed }: Held): boolean =>
    own?.deed === deed ||
    own?.deed.past.has(deed.index) === true ||
    !left.some(({ index }) => index === deed.index || deed.past.has(index));
  const kept = register.held.filter(isVouchedFor);
  const covered = new Past(register.held.length);
  for (const { deed } of kept) covered.join(deed.past);
  const tips = kept.map(({ deed }) => deed).filter(({ index }) => !covered.has(index));
  const holdsOwn = (deed: Deed): boolean =>
    own !== undefined && (deed === own.deed || deed.past.has(own.deed.index));
  const chosen = tips
    .toSorted((a, b) => Number(holdsOwn(b)) - Number(holdsOwn(a)) || a.index - b.index)
    .slice(0, parentsMax);
  return { sequence, parents: chosen.map(({ id }) => id).toSorted(compareText) };
}
