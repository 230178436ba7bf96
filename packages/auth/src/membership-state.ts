/** The state of an account, told from its log's entries and the judgement of them. */

import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import {
  instant,
  type AccountId,
  type EntryId,
  type Instant,
  type NodeId,
  type RepoId,
} from "@skein/protocol/ids";
import type { RefFrontier, RevokeReason } from "./membership-entry.ts";
import {
  counts,
  doorInForce,
  keysInForce,
  nextEpoch,
  type KeyEpoch,
  type View,
} from "./membership-keys.ts";
import type { Equivocation, Held, Register } from "./membership-register.ts";
import { compareText } from "./membership-rules.ts";
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
  /** The author that stands for the recovery key, in accounts that have one. */
  readonly recovery: NodeId | undefined;
  readonly door: { readonly sign: Bytes; readonly box: Bytes };
  /** The entry that made the door what it is. */
  readonly doorEntry: EntryId;
  /** The meeting secret of that door, sealed to who was a member then. None for the first door: its nodes have it. */
  readonly meetingBoxes: ReadonlyMap<NodeId, Bytes>;
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
  /** The read keys that count, the one in force first; the last few. */
  readonly keys: ReadonlyArray<KeyEpoch>;
  /** Everybody who was given the key in force, by the log: those who should not have it any more are a debt. */
  readonly keyHolders: ReadonlySet<NodeId>;
  /** What the next rotation is numbered. */
  readonly nextEpoch: number;
  /** What each revocation that counts says of its target's ref records. */
  readonly frontiers: ReadonlyMap<NodeId, ReadonlyArray<Frontier>>;
  /** Who tried to leave members out of a rotation without revoking them. */
  readonly exclusions: ReadonlyArray<Exclusion>;
  /** Nodes that said two things in one place of their chain: usually one browser profile, copied. */
  readonly equivocations: ReadonlyArray<Equivocation>;
}

export interface Frontier {
  readonly reason: RevokeReason;
  readonly refs: RefFrontier;
}

export interface Exclusion {
  readonly entry: EntryId;
  readonly author: NodeId;
  readonly leftOut: ReadonlyArray<NodeId>;
}

export function isWriter(state: AccountState, node: NodeId): boolean {
  return state.nodes.has(node);
}

export interface Summary extends View {
  readonly account: AccountId;
  readonly recovery: NodeId | undefined;
}

/**
 * How far the ref records of a node count in a repository. `undefined`: as far as they go. A node that several revoked is
 * vouched for only as far as all of them do; one that left of its own accord also where nothing was said.
 */
export function vouchedUpTo(
  state: AccountState,
  node: NodeId,
  repo: RepoId,
): { readonly seq: number } | undefined {
  const limits = (state.frontiers.get(node) ?? []).flatMap(({ reason, refs }) => {
    const named = refs.find((one) => one.repo === repo);
    if (named !== undefined) return [named.seq];
    return reason === "retired" ? [] : [0];
  });
  return limits.length === 0 ? undefined : { seq: Math.min(...limits) };
}

/** A function of the set of entries alone: the order in which they came leaves no trace. */
export function summarise({ account, recovery, ...view }: Summary): AccountState {
  const { register, judgement } = view;
  const nodes = [...judgement.members.keys()].toSorted(compareText);
  const keys = keysInForce(view, keysRemembered);
  const [key] = keys;
  assert(key !== undefined, "the genesis makes a key");
  const door = doorInForce(view);
  return {
    account,
    recovery,
    door: { sign: door.sign, box: door.box },
    doorEntry: door.entry,
    meetingBoxes: door.meetingBoxes,
    nodes: new Map(nodes.map((node) => [node, memberOf(node, view)])),
    revoked: remembered(
      inOrder,
      judgement.revoked,
      () => new Set([...judgement.revoked].toSorted(compareText)),
    ),
    epoch: key.epoch,
    readKeyCommitment: key.commitment,
    doorBox: key.doorBox,
    boxes: new Map(nodes.map((node) => [node, key.boxes.get(node) ?? []])),
    keys,
    keyHolders: new Set([...key.boxes.keys(), ...givenTo(key, register)].toSorted(compareText)),
    nextEpoch: nextEpoch(view),
    frontiers: remembered(frontiersWith, judgement.effective, () => frontiersOf(view)),
    exclusions: exclusionsOf(view),
    equivocations: register.equivocations(),
  };
}

function memberOf(node: NodeId, view: View): Member {
  const addition = view.judgement.members.get(node);
  const body = addition && view.register.held[addition.index]?.entry.body;
  assert(body?.type === "genesis" || body?.type === "node.add", "an entry let each member in");
  const introduced = body.type === "genesis" ? body.node : body.pass;
  return {
    node,
    sign: introduced.sign,
    box: introduced.box,
    name: cleanName(nameOf(node, view) ?? introduced.name),
    platform: cleanName(introduced.platform),
    addedBy: addition?.author ?? node,
    addedAt: instant(body.at),
  };
}

/** The last name that a node gave itself and that still counts. */
function nameOf(node: NodeId, view: View): string | undefined {
  let last: Held | undefined;
  for (const rename of view.register.renamesBy(node))
    if ((last === undefined || isLater(rename, last)) && counts(rename, view)) last = rename;
  return last?.entry.body.type === "node.rename" ? last.entry.body.name : undefined;
}

function isLater(a: Held, b: Held): boolean {
  return a.sequence === b.sequence ? a.deed.id < b.deed.id : a.sequence > b.sequence;
}

/** Whom anybody gave this key in letting it in, even if that does not count any more. */
function givenTo(key: KeyEpoch, register: Register): ReadonlyArray<NodeId> {
  const made = register.byId(key.entry)?.deed.index ?? 0;
  return register.additions.flatMap(({ deed, entry: { body } }) =>
    deed.type === "add" &&
    deed.past.has(made) &&
    body.type === "node.add" &&
    body.epoch === key.epoch &&
    body.readKeyBox.length > 0
      ? [deed.target]
      : [],
  );
}

function frontiersOf(view: View): AccountState["frontiers"] {
  const frontiers = new Map<NodeId, ReadonlyArray<Frontier>>();
  const effective = view.register.frontiers
    .filter(({ deed }) => view.judgement.effective.has(deed.id))
    .toSorted((a, b) => compareText(a.deed.id, b.deed.id));
  for (const { entry } of effective)
    if (entry.body.type === "node.revoke") {
      const { target, reason, frontier } = entry.body;
      frontiers.set(target, [...(frontiers.get(target) ?? []), { reason, refs: frontier }]);
    }
  return frontiers;
}

/** Rotations that left members out. They have no effect; that somebody tried is worth telling. */
function exclusionsOf({ register, judgement }: View): ReadonlyArray<Exclusion> {
  return register.misboxed
    .toSorted((a, b) => compareText(a.deed.id, b.deed.id))
    .flatMap(({ deed, entry }) => {
      if (entry.body.type !== "key.rotate" && entry.body.type !== "door.set") return [];
      const boxed = new Set(entry.body.boxes.map(({ node }) => node));
      const leftOut = [...judgement.members]
        .filter(([node, addition]) => !boxed.has(node) && deed.past.has(addition.index))
        .map(([node]) => node);
      return leftOut.length === 0
        ? []
        : [{ entry: deed.id, author: deed.author, leftOut: leftOut.toSorted(compareText) }];
    });
}

/** What is the same as long as nobody is revoked: worked out once for each set of revocations. */
function remembered<Key extends object, Value>(
  known: WeakMap<Key, Value>,
  key: Key,
  work: () => Value,
): Value {
  const value = known.get(key) ?? work();
  known.set(key, value);
  return value;
}

const inOrder = new WeakMap<ReadonlySet<NodeId>, ReadonlySet<NodeId>>();
const frontiersWith = new WeakMap<ReadonlySet<EntryId>, AccountState["frontiers"]>();
/** What is kept at hand of keys before the one in force: presence and topics of a moment ago. */
const keysRemembered = 8;
