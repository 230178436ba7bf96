/** The part of a crowded log that is worth most, where not all of it fits. */

import type { Bytes } from "@skein/protocol/bytes";
import type { EntryId } from "@skein/protocol/ids";
import { parseEntry } from "./membership-entry.ts";
import { compareText } from "./membership-rules.ts";
import type { MembershipLog } from "./membership.ts";

interface Room {
  readonly entries: number;
  readonly bytes: number;
}

interface Ranked {
  readonly id: EntryId;
  readonly bytes: Bytes;
  readonly parents: ReadonlyArray<EntryId>;
  readonly rank: readonly [level: number, sequence: number];
}

/**
 * The genesis, then what ranks first, each with all that is before it: by the recovery key; by authors that never said two
 * things in one place; of the others, with the passphrase before without it; then by its place in the author's chain.
 * Parents come before children.
 */
export function foremostOf(log: MembershipLog, room: Room): ReadonlyArray<Bytes> {
  const entries = ranked(log);
  const [genesis] = entries;
  if (genesis === undefined) return [];
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const taken = new Set([genesis.id]);
  let bytes = lengthOf(genesis);
  for (const entry of entries.toSorted(inRank)) {
    if (taken.size >= room.entries) break;
    const more = lackingOf(entry, { byId, taken, most: room.entries - taken.size });
    const length = more?.reduce((sum, one) => sum + lengthOf(one), 0) ?? 0;
    if (more === undefined || bytes + length > room.bytes) continue;
    for (const { id } of more) taken.add(id);
    bytes += length;
  }
  return entries.filter(({ id }) => taken.has(id)).map((entry) => entry.bytes);
}

function ranked(log: MembershipLog): ReadonlyArray<Ranked> {
  const { recovery, equivocations } = log.state();
  const forked = new Set(equivocations.map(({ node }) => node));
  const told = log.told();
  return log.all().flatMap((bytes, index) => {
    const id = told[index]?.id;
    const entry = parseEntry(bytes);
    if (id === undefined || entry === undefined) return [];
    const { body, signed } = entry;
    if (body.type === "genesis") return [{ id, bytes, parents: [], rank: [0, 0] as const }];
    const byDoor = signed.door === undefined ? 3 : 2;
    const level = body.author === recovery ? 0 : forked.has(body.author) ? byDoor : 1;
    return [{ id, bytes, parents: body.parents, rank: [level, body.sequence] as const }];
  });
}

/** An entry and what is before it, as far as it was not taken; `undefined` if that is more than `most`. */
function lackingOf(
  entry: Ranked,
  {
    byId,
    taken,
    most,
  }: {
    readonly byId: ReadonlyMap<EntryId, Ranked>;
    readonly taken: ReadonlySet<EntryId>;
    readonly most: number;
  },
): ReadonlyArray<Ranked> | undefined {
  const lacking = new Map<EntryId, Ranked>();
  const rest = taken.has(entry.id) ? [] : [entry];
  for (const one of rest) {
    if (lacking.has(one.id)) continue;
    lacking.set(one.id, one);
    if (lacking.size > most) return undefined;
    for (const parent of one.parents) {
      const before = taken.has(parent) ? undefined : byId.get(parent);
      if (before !== undefined) rest.push(before);
    }
  }
  return [...lacking.values()];
}

function inRank(a: Ranked, b: Ranked): number {
  return a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || compareText(a.id, b.id);
}

function lengthOf({ bytes }: Ranked): number {
  return bytes.length + lengthBytes;
}

/** In front of each, where they are written one after the other. */
const lengthBytes = 4;
