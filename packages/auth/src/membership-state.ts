/** The state of an account, told from its log's entries and the judgement of them. */

import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import { instant, type AccountId, type Instant, type NodeId } from "@skein/protocol/ids";
import type { ParsedEntry } from "./membership-entry.ts";
import { compareText, type Deed, type Judgement } from "./membership-rules.ts";
import { cleanName } from "./pass.ts";

export interface Member {
  readonly node: NodeId;
  readonly sign: Bytes;
  readonly box: Bytes;
  /** Cleaned for display. */
  readonly name: string;
  readonly platform: string;
  /** Who let it in; itself for the account's first node. */
  readonly addedBy: NodeId;
  readonly addedAt: Instant;
}

export interface AccountState {
  readonly account: AccountId;
  readonly door: { readonly sign: Bytes; readonly box: Bytes };
  /** The nodes that may write. */
  readonly nodes: ReadonlyMap<NodeId, Member>;
  readonly revoked: ReadonlySet<NodeId>;
  /** The read key's generation. */
  readonly epoch: number;
  readonly readKeyCommitment: Bytes;
  /** The read key, sealed to the door. */
  readonly doorBox: Bytes;
  /** The read key, sealed to each node: more than one if several members let it in at once. */
  readonly boxes: ReadonlyMap<NodeId, ReadonlyArray<Bytes>>;
  /** Nodes that said two things in one place of their chain: usually one browser profile, copied. */
  readonly equivocations: ReadonlyArray<Equivocation>;
}

/** Two signed entries that no honest node makes. Whoever holds both can show them to anyone. */
export interface Equivocation {
  readonly node: NodeId;
  readonly sequence: number;
  readonly first: Bytes;
  readonly second: Bytes;
}

export function isWriter(state: AccountState, node: NodeId): boolean {
  return state.nodes.has(node);
}

/** Why an entry has no effect: by what its author had seen, it was not allowed to say this. */
export type InertReason =
  | "not-a-member"
  | "not-allowed"
  | "no-pass"
  | "already-a-member"
  | "unknown-target"
  | "target-revoked"
  | "account-full"
  | "wrong-epoch";

/** One entry in the log: read, signed by who it says, with all its ancestors. */
export interface Held {
  readonly entry: ParsedEntry;
  readonly deed: Deed;
  readonly sequence: number;
  /** Why it has no effect: it was not allowed when it was said. */
  readonly inert: InertReason | undefined;
}

/** A function of the set of entries alone: their order in `held` leaves no trace. */
export function summarise(
  account: AccountId,
  held: ReadonlyArray<Held>,
  judgement: Judgement,
): AccountState {
  const genesis = held[0]?.entry.body;
  assert(genesis?.type === "genesis", "a log begins with its genesis");
  const nodes = [...judgement.members.keys()].toSorted(compareText);
  const names = namesOf(held, judgement);
  const boxes = boxesOf(held, judgement);
  return {
    account,
    door: genesis.door,
    nodes: new Map(
      nodes.map((node) => [node, memberOf(node, { held, judgement, name: names.get(node) })]),
    ),
    revoked: new Set([...judgement.revoked].toSorted(compareText)),
    epoch: 0,
    readKeyCommitment: genesis.readKeyCommitment,
    doorBox: genesis.doorBox,
    boxes: new Map(nodes.map((node) => [node, boxes.get(node) ?? []])),
    equivocations: equivocationsOf(held),
  };
}

function memberOf(
  node: NodeId,
  {
    held,
    judgement,
    name,
  }: {
    readonly held: ReadonlyArray<Held>;
    readonly judgement: Judgement;
    readonly name: string | undefined;
  },
): Member {
  const addition = judgement.members.get(node);
  const body = addition && held[addition.index]?.entry.body;
  assert(body?.type === "genesis" || body?.type === "node.add", "an entry let each member in");
  const introduced = body.type === "genesis" ? body.node : body.pass;
  return {
    node,
    sign: introduced.sign,
    box: introduced.box,
    name: cleanName(name ?? introduced.name),
    platform: cleanName(introduced.platform),
    addedBy: addition?.author ?? node,
    addedAt: instant(body.at),
  };
}

/** The last name that each node gave itself and that still counts. */
function namesOf(held: ReadonlyArray<Held>, judgement: Judgement): ReadonlyMap<NodeId, string> {
  const last = new Map<NodeId, Held>();
  const names = new Map<NodeId, string>();
  for (const rename of held) {
    const { body } = rename.entry;
    if (body.type !== "node.rename" || !counts(rename, judgement)) continue;
    const before = last.get(body.author);
    if (before !== undefined && !isLater(rename, before)) continue;
    last.set(body.author, rename);
    names.set(body.author, body.name);
  }
  return names;
}

function isLater(a: Held, b: Held): boolean {
  return a.sequence === b.sequence ? a.deed.id < b.deed.id : a.sequence > b.sequence;
}

function boxesOf(
  held: ReadonlyArray<Held>,
  judgement: Judgement,
): ReadonlyMap<NodeId, ReadonlyArray<Bytes>> {
  const boxes = new Map<NodeId, Bytes[]>();
  for (const one of held.toSorted((a, b) => compareText(a.deed.id, b.deed.id))) {
    const { body } = one.entry;
    if (one.deed.type !== "begin" && one.deed.type !== "add") continue;
    if (body.type === "genesis") boxes.set(one.deed.target, [body.nodeBox]);
    else if (body.type === "node.add" && counts(one, judgement))
      boxes.set(one.deed.target, [...(boxes.get(one.deed.target) ?? []), body.readKeyBox]);
  }
  return boxes;
}

function counts({ deed, inert }: Held, judgement: Judgement): boolean {
  return inert === undefined && judgement.stands(deed.author, deed);
}

function equivocationsOf(held: ReadonlyArray<Held>): ReadonlyArray<Equivocation> {
  const places = new Map<string, Held[]>();
  for (const one of held) {
    const place = `${one.deed.author} ${one.sequence}`;
    places.set(place, [...(places.get(place) ?? []), one]);
  }
  const equivocations: Equivocation[] = [];
  for (const [, said] of [...places].toSorted(([a], [b]) => compareText(a, b))) {
    const [first, second] = said.toSorted((a, b) => compareText(a.deed.id, b.deed.id));
    if (first !== undefined && second !== undefined)
      equivocations.push({
        node: first.deed.author,
        sequence: first.sequence,
        first: first.entry.bytes,
        second: second.entry.bytes,
      });
  }
  return equivocations;
}
