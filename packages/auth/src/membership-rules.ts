/**
 * Who is a member, given a set of entries that were each allowed in their own past. Pure, and without keys.
 *
 * Revocations are taken in rank order: by the recovery key, then with the passphrase, then without it; then the author
 * nearest to the account's first node, then by name. One is void if a better one removed its author (or whoever let its author in) without
 * having seen it, or without vouching for it. So there is always exactly one answer, cycles cannot arise, and nothing depends on who heard what first.
 */

import type { EntryId, NodeId } from "@skein/protocol/ids";

/** The ancestors of one entry, by the number under which the log holds them. */
export class Past {
  readonly #words: Uint32Array;

  constructor(entries: number) {
    this.#words = new Uint32Array(Math.ceil(entries / 32));
  }

  has(index: number): boolean {
    return (((this.#words[index >>> 5] ?? 0) >>> (index & 31)) & 1) === 1;
  }

  add(index: number): void {
    const word = index >>> 5;
    this.#words[word] = (this.#words[word] ?? 0) | (1 << (index & 31));
  }

  /** Adds whatever `other`, which is not longer, holds. Answers how many of them are new here. */
  join(other: Past): number {
    let added = 0;
    for (const [word, bits] of other.#words.entries()) {
      const before = this.#words[word] ?? 0;
      const news = bits & ~before;
      if (news === 0) continue;
      this.#words[word] = before | news;
      added += onesIn(news);
    }
    return added;
  }

  size(): number {
    return this.#words.reduce((sum, word) => sum + onesIn(word), 0);
  }
}

function onesIn(word: number): number {
  let pairs = word - ((word >>> 1) & 0x55555555);
  pairs = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((pairs + (pairs >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** One entry, reduced to what the rules look at. `index` is its number in this log: parents come before children. */
export type Deed =
  | (Common & { readonly type: "begin" | "add"; readonly target: NodeId })
  | (Common & {
      readonly type: "revoke";
      readonly target: NodeId;
      readonly level: Level;
      /** What its author vouches for of what `target` said. `undefined`: all that the author had seen. */
      readonly vouched: Past | undefined;
    })
  /** These make nobody a member, and remove nobody. */
  | (Common & { readonly type: "rename" })
  /** `door` is the entry of the door that the key is sealed to. */
  | (Common & { readonly type: "rotate"; readonly door: EntryId })
  | (Common & { readonly type: "door"; readonly level: Level; readonly replaces: EntryId });

/** By what right something is said: 0 the recovery key, 1 a node and the passphrase, 2 a node alone. */
export type Level = 0 | 1 | 2;

interface Common {
  readonly id: EntryId;
  readonly index: number;
  /** A node, or the author that stands for the recovery key. */
  readonly author: NodeId;
  readonly past: Past;
}

export type Addition = Extract<Deed, { readonly type: "begin" | "add" }>;
export type Revocation = Extract<Deed, { readonly type: "revoke" }>;

export interface Judgement {
  /** The nodes that are in, and the entry that let each in. */
  readonly members: ReadonlyMap<NodeId, Addition>;
  readonly revoked: ReadonlySet<NodeId>;
  /** Every node that was ever let in. */
  readonly known: ReadonlySet<NodeId>;
  readonly effective: ReadonlySet<EntryId>;
  /** Whether `node` was in, and still counts as having been, when it said `at`. */
  readonly stands: (node: NodeId, at: Deed) => boolean;
  /** Whether `node` is in only because of what `author` did. */
  readonly dependsOn: (node: NodeId, author: NodeId) => boolean;
  /** How far `node` is from the account's first node, or from the recovery key. Nobody can choose it. */
  readonly depthOf: (node: NodeId) => number;
  /**
   * What this comes to with one more addition, of a node that was never let in before. Nobody depends on it, it has let
   * nobody in and said nothing, so nothing else changes, and nothing else is looked at.
   */
  readonly with: (addition: Addition) => Judgement;
}

/** `deeds` in the order of their indexes; `recovery` is the author that stands for the account's recovery key. */
export function judge(deeds: ReadonlyArray<Deed>, recovery: NodeId | undefined): Judgement {
  const additions = deeds.filter(isAddition);
  const additionsOf = groupBy(additions, ({ target }) => target);
  const depth = depths(additions, recovery);
  const court = openCourt(additions, { additionsOf, depth, recovery });
  for (const revocation of inRank(deeds.filter(isRevocation), depth))
    if (court.stands(revocation.author, revocation) && isEntitled(court, revocation))
      court.revoke(revocation);
  const revoked = new Set(court.effective.map(({ target }) => target));
  const known = new Set(additionsOf.keys());
  return tellJudgement(court, {
    members: membersOf(additions, court, revoked),
    revoked,
    known,
    effective: new Set(court.effective.map(({ id }) => id)),
  });
}

/** The same with one more deed than went into `whole`. `undefined`: everything has to be looked at again. */
export function judgeOneMore(whole: Judgement, deed: Deed): Judgement | undefined {
  switch (deed.type) {
    case "rename":
    case "rotate":
    case "door":
      return whole;
    case "begin":
    case "add":
      return whole.known.has(deed.target) ? undefined : whole.with(deed);
    case "revoke":
      return undefined;
  }
}

function tellJudgement(
  court: Court,
  found: Pick<Judgement, "members" | "revoked" | "known" | "effective">,
): Judgement {
  return {
    ...found,
    stands: court.stands,
    dependsOn: court.dependsOn,
    depthOf: court.depthOf,
    with: (addition) => {
      court.hear(addition);
      const members = new Map(found.members);
      if (court.additionStands(addition)) members.set(addition.target, addition);
      const known = new Set(found.known).add(addition.target);
      return tellJudgement(court, { ...found, members, known });
    },
  };
}

/** Anyone with the passphrase; without it a node may remove itself, and whoever is in only through it. */
function isEntitled(court: Court, revocation: Revocation): boolean {
  return (
    revocation.level < 2 ||
    revocation.target === revocation.author ||
    court.dependsOn(revocation.target, revocation.author)
  );
}

interface Court {
  readonly effective: Revocation[];
  readonly stands: (node: NodeId, at: Deed) => boolean;
  readonly additionStands: (addition: Addition) => boolean;
  readonly dependsOn: (node: NodeId, author: NodeId) => boolean;
  readonly revoke: (revocation: Revocation) => void;
  readonly hear: (addition: Addition) => void;
  readonly depthOf: (node: NodeId) => number;
}

function openCourt(
  additions: Addition[],
  {
    additionsOf,
    depth,
    recovery,
  }: {
    readonly additionsOf: Map<NodeId, Addition[]>;
    readonly depth: Map<NodeId, number>;
    readonly recovery: NodeId | undefined;
  },
): Court {
  const effective: Revocation[] = [];
  const effectiveOn = new Map<NodeId, Revocation[]>();
  const known = new Map<number, boolean>();
  const additionStands = (addition: Addition): boolean => {
    const before = known.get(addition.index);
    if (before !== undefined) return before;
    const answer = addition.type === "begin" || stands(addition.author, addition);
    known.set(addition.index, answer);
    return answer;
  };
  const stands = (node: NodeId, at: Deed): boolean =>
    node === recovery ||
    (letInBefore(additionsOf, node, at).some(additionStands) &&
      !(effectiveOn.get(node) ?? []).some(
        ({ past, vouched, id }) => id !== at.id && !(vouched ?? past).has(at.index),
      ));
  const dependsOn = (node: NodeId, author: NodeId): boolean => {
    const independent = new Set<number>();
    for (const addition of additions) {
      if (addition.author === author || !additionStands(addition)) continue;
      const before = letInBefore(additionsOf, addition.author, addition);
      const isFirst = addition.type === "begin" || addition.author === recovery;
      if (isFirst || before.some(({ index }) => independent.has(index)))
        independent.add(addition.index);
    }
    return !(additionsOf.get(node) ?? []).some(({ index }) => independent.has(index));
  };
  const revoke = (revocation: Revocation): void => {
    effective.push(revocation);
    const others = effectiveOn.get(revocation.target);
    if (others) others.push(revocation);
    else effectiveOn.set(revocation.target, [revocation]);
    known.clear();
  };
  const depthOf = (node: NodeId): number => (node === recovery ? 0 : (depth.get(node) ?? far));
  const hear = (addition: Addition): void => {
    const { target, author } = addition;
    additions.push(addition);
    additionsOf.set(target, [...(additionsOf.get(target) ?? []), addition]);
    depth.set(target, author === recovery ? 0 : depthOf(author) + 1);
  };
  return { effective, stands, additionStands, dependsOn, revoke, hear, depthOf };
}

function letInBefore(
  additionsOf: ReadonlyMap<NodeId, ReadonlyArray<Addition>>,
  node: NodeId,
  at: Deed,
): ReadonlyArray<Addition> {
  return (additionsOf.get(node) ?? []).filter(({ index }) => at.past.has(index));
}

/** Distances from the first node, by every addition there is: no revocation can shift them. */
function depths(
  additions: ReadonlyArray<Addition>,
  recovery: NodeId | undefined,
): Map<NodeId, number> {
  const letInBy = groupBy(additions, ({ author }) => author);
  const depth = new Map<NodeId, number>();
  const isFirst = ({ type, author }: Addition): boolean => type === "begin" || author === recovery;
  const reached = additions.filter(isFirst).map(({ target }) => target);
  for (const node of reached) depth.set(node, 0);
  for (const node of reached)
    for (const { target } of letInBy.get(node) ?? [])
      if (!depth.has(target)) {
        depth.set(target, (depth.get(node) ?? 0) + 1);
        reached.push(target);
      }
  return depth;
}

function inRank(
  revocations: ReadonlyArray<Revocation>,
  depth: ReadonlyMap<NodeId, number>,
): ReadonlyArray<Revocation> {
  return revocations.toSorted(
    (a, b) =>
      a.level - b.level ||
      (depth.get(a.author) ?? far) - (depth.get(b.author) ?? far) ||
      compareText(a.author, b.author) ||
      compareText(a.id, b.id),
  );
}

/** Of several additions of one node that stand, the one with the lowest id is told as the one that let it in. */
function membersOf(
  additions: ReadonlyArray<Addition>,
  court: Court,
  revoked: ReadonlySet<NodeId>,
): ReadonlyMap<NodeId, Addition> {
  const members = new Map<NodeId, Addition>();
  const standing = additions.filter(
    (addition) => !revoked.has(addition.target) && court.additionStands(addition),
  );
  for (const addition of standing.toSorted((a, b) => compareText(a.id, b.id)))
    if (!members.has(addition.target)) members.set(addition.target, addition);
  return members;
}

function groupBy<Key, Item>(
  items: ReadonlyArray<Item>,
  keyOf: (item: Item) => Key,
): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

function isAddition(deed: Deed): deed is Addition {
  return deed.type === "begin" || deed.type === "add";
}

function isRevocation(deed: Deed): deed is Revocation {
  return deed.type === "revoke";
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Of a node that nobody let in. */
const far = Number.MAX_SAFE_INTEGER;
