/**
 * How far a revocation vouches for what its target said in the account's log. Its ancestors alone cannot say so where its
 * author built upon more, without knowing yet what that was: the author's own chain is always among them. It then names
 * the last entries that it vouches for, among the items of its frontier, marked by the account's id in place of a hash.
 */

import { assert } from "@skein/protocol/errors";
import {
  parseEntryId,
  parseRecordHash,
  parseRepoId,
  type AccountId,
  type EntryId,
  type NodeId,
} from "@skein/protocol/ids";
import { parentsMax, type EntryBody, type RefFrontier } from "./membership-entry.ts";
import type { Held, Register } from "./membership-register.ts";
import { compareText, Past, type Judgement } from "./membership-rules.ts";

/** What a revocation, with this before it, vouches for of its target. `undefined`: all that is before it. */
export function vouchedBy(body: EntryBody, register: Register, past: Past): Past | undefined {
  // Nobody distrusts itself: what a node said it cannot take back by leaving.
  if (body.type !== "node.revoke" || body.target === body.author) return undefined;
  const account: string = body.log;
  const named = body.frontier.filter(({ hash }) => hash === account);
  if (named.length === 0) return undefined;
  const vouched = new Past(register.held.length);
  for (const { repo } of named) {
    const id = parseEntryId(repo);
    const deed = id && register.byId(id)?.deed;
    if (deed?.author !== body.target || !past.has(deed.index)) continue;
    vouched.join(deed.past);
    vouched.add(deed.index);
  }
  return vouched;
}

export interface Vouching {
  readonly author: NodeId;
  readonly target: NodeId;
  /** Not vouched for, with whatever came after them. */
  readonly leaveOut: ReadonlyArray<EntryId>;
  /** Of the revocation. */
  readonly parents: ReadonlyArray<EntryId>;
}

/** What a revocation has to name, so that what is left out does not count. Nothing, where its parents leave it out already. */
export function vouchIn(
  { register, judgement }: { readonly register: Register; readonly judgement: Judgement },
  account: AccountId,
  { author, target, leaveOut, parents }: Vouching,
): RefFrontier {
  const before = new Past(register.held.length);
  for (const { deed } of heldOf(register, parents)) {
    before.join(deed.past);
    before.add(deed.index);
  }
  const left = heldOf(register, leaveOut);
  const isLeft = ({ deed }: Held): boolean =>
    left.some(({ deed: { index } }) => index === deed.index || deed.past.has(index));
  const said = register.of(target).filter(({ deed }) => before.has(deed.index));
  if (author === target || !said.some(isLeft)) return [];
  const support = supportOf({ register, judgement, author, target, isLeft });
  const kept = said.filter((held) => held === support || !isLeft(held));
  const covered = new Past(register.held.length);
  for (const { deed } of kept) covered.join(deed.past);
  const last = kept
    .filter(({ deed }) => !covered.has(deed.index))
    .toSorted((a, b) => holds(b, support) - holds(a, support) || b.sequence - a.sequence)
    .slice(0, parentsMax)
    .map(({ deed }): string => deed.id);
  // The account's id is no entry's: it vouches for nothing.
  return (last.length === 0 ? [account] : last)
    .map((id) => itemOf(id, account))
    .toSorted((a, b) => compareText(a.repo, b.repo));
}

/**
 * The addition by `target` without which `author` would be out itself, if there is no way around them all: of several,
 * one that is not left out, then the earliest. A thief that lets its revoker in once more gains nothing by it.
 */
function supportOf({
  register,
  judgement,
  author,
  target,
  isLeft,
}: {
  readonly register: Register;
  readonly judgement: Judgement;
  readonly author: NodeId;
  readonly target: NodeId;
  readonly isLeft: (held: Held) => boolean;
}): Held | undefined {
  if (!judgement.members.has(author) || !judgement.dependsOn(author, target)) return undefined;
  const additions = register.additions.filter(({ deed }) => judgement.stands(deed.author, deed));
  const reached = new Set<NodeId>([target]);
  const own = additions
    .filter(({ deed }) => deed.author === target)
    .toSorted((a, b) => Number(isLeft(a)) - Number(isLeft(b)) || a.sequence - b.sequence);
  for (const support of own) {
    const queue = [support];
    for (const { deed } of queue) {
      if (deed.type !== "add" || reached.has(deed.target)) continue;
      if (deed.target === author) return support;
      reached.add(deed.target);
      const { target: next } = deed;
      queue.push(...additions.filter((one) => one.deed.author === next));
    }
  }
  return undefined;
}

function heldOf(register: Register, ids: ReadonlyArray<EntryId>): ReadonlyArray<Held> {
  return ids.map((id) => register.byId(id)).filter((held) => held !== undefined);
}

function holds({ deed }: Held, support: Held | undefined): number {
  return Number(
    support !== undefined &&
      (deed.index === support.deed.index || deed.past.has(support.deed.index)),
  );
}

function itemOf(id: string, account: AccountId): RefFrontier[number] {
  const [repo, hash] = [parseRepoId(id), parseRecordHash(account)];
  assert(repo !== undefined && hash !== undefined, "an id is as long as any other");
  return { repo, seq: 0, hash };
}
