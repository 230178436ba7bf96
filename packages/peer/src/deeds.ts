/** What devices did in the account's log: by their own dates, and by when this node first saw it. */

import type { ToldEntry } from "@skein/auth/membership-told";
import type { EntryId, Instant, NodeId } from "@skein/protocol/ids";
import type { Home } from "./home.ts";
import type { DeedView } from "./views.ts";

export interface Deeds {
  readonly of: (node: NodeId) => ReadonlyArray<DeedView>;
  /** When this node saw that a member was let in; `undefined` if that was before this node was there. */
  readonly additionSeenAt: (node: NodeId) => Instant | undefined;
  readonly revocationSeenAt: (node: NodeId) => Instant | undefined;
}

export function deedsIn(home: Home): Deeds {
  const { log } = home.identity;
  const told = log.told().filter(({ counts }) => counts);
  const seenAt = (entry: EntryId): Instant | undefined => home.membership.seenAt(entry);
  const [genesis] = told;
  const came = genesis && seenAt(genesis.id);
  const seenLater = (entry: ToldEntry | undefined): Instant | undefined => {
    const seen = entry && seenAt(entry.id);
    return seen === came ? undefined : seen;
  };
  const about = (type: ToldEntry["type"], node: NodeId): ToldEntry | undefined =>
    told.find((entry) => entry.type === type && entry.target === node);
  return {
    of: (node) =>
      told.flatMap((entry) => {
        const kind = kinds.get(entry.type);
        if (kind === undefined || entry.author !== node || entry.target === node) return [];
        const { at, target, id } = entry;
        const name = target === undefined ? undefined : home.nameOf(target);
        return [{ kind, name, at, seenAt: seenAt(id) }];
      }),
    additionSeenAt: (node) => seenLater(about("node.add", node)),
    revocationSeenAt: (node) => seenLater(about("node.revoke", node)),
  };
}

/** What else is said, such as a new key or a name, lets nobody in or out. */
const kinds: ReadonlyMap<ToldEntry["type"], DeedView["kind"]> = new Map([
  ["node.add", "let-in"],
  ["node.revoke", "removed"],
  ["door.set", "new-words"],
]);
