/** The membership log of an account: who may write, as a pure function of the set of entries, whatever order they came in. */

import type { Bytes } from "@skein/protocol/bytes";
import { Bug } from "@skein/protocol/errors";
import type { AccountId, EntryId, Instant, NodeId } from "@skein/protocol/ids";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Random } from "./crypto/random.ts";
import type { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import type { Door } from "./door.ts";
import type { NodeKeys } from "./identity.ts";
import type { RevokeReason } from "./membership-entry.ts";

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

export type RejectReason =
  | "malformed"
  | "wrong-account"
  | "second-genesis"
  | "unknown-author"
  | "bad-signature"
  | "broken-chain"
  | "log-full";

export type InertReason =
  | "not-a-member"
  | "not-allowed"
  | "no-pass"
  | "unknown-target"
  | "target-revoked"
  | "account-full"
  | "wrong-epoch";

export type Verdict =
  | { readonly kind: "accepted"; readonly id: EntryId }
  | { readonly kind: "duplicate"; readonly id: EntryId }
  | { readonly kind: "parked"; readonly missing: ReadonlyArray<EntryId> }
  | { readonly kind: "inert"; readonly id: EntryId; readonly reason: InertReason }
  | { readonly kind: "rejected"; readonly reason: RejectReason };

export interface MembershipLog {
  readonly account: AccountId;
  readonly genesis: Bytes;
  /** Takes in one entry, and whatever waited for it. Never throws, whatever the bytes are. */
  readonly add: (entry: Uint8Array) => Verdict;
  readonly has: (id: EntryId) => boolean;
  readonly heads: () => ReadonlyArray<EntryId>;
  /** How many entries the log holds. */
  readonly size: () => number;
  /** Entries that are neither these heads nor their ancestors, parents first. */
  readonly entriesAfter: (heads: ReadonlyArray<EntryId>) => ReadonlyArray<Bytes>;
  /** Every entry, the genesis first, parents before children. */
  readonly all: () => ReadonlyArray<Bytes>;
  readonly state: () => AccountState;
  /** Why a node is, or is not, a member: one sentence a line. */
  readonly explain: (node: NodeId) => ReadonlyArray<string>;
}

export function createAccount(options: {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly door: Door;
  readonly keys: NodeKeys;
  readonly name: string;
  readonly platform: string;
  readonly at: Instant;
}): { readonly genesis: Bytes; readonly account: AccountId; readonly readKey: SecretKey } {
  throw new Bug(`written within the hour ${options.name}`);
}

/** The log that this genesis begins, or `undefined` if it is not one. */
export function openLog(options: {
  readonly crypto: Crypto;
  readonly genesis: Uint8Array;
}): MembershipLog | undefined {
  throw new Bug(`written within the hour ${options.genesis.length}`);
}

export function isWriter(state: AccountState, node: NodeId): boolean {
  return state.nodes.has(node);
}

interface Proposal {
  readonly crypto: Crypto;
  readonly log: MembershipLog;
  readonly keys: NodeKeys;
  readonly at: Instant;
}

/** Lets in the node that holds this pass, and gives it the read key. */
export function proposeNodeAdd(
  options: Proposal & {
    readonly random: Random;
    readonly readKey: SecretKey;
    readonly pass: Pass;
    /** Binds the entry to the request that a person answered. */
    readonly requestHash: Bytes;
  },
): Bytes | undefined {
  throw new Bug(`written within the hour ${options.at}`);
}

export function proposeRename(options: Proposal & { readonly name: string }): Bytes {
  throw new Bug(`written within the hour ${options.name}`);
}

export function proposeRevoke(
  options: Proposal & {
    readonly target: NodeId;
    readonly reason: RevokeReason;
    /** Co-signs, if the passphrase was asked for: only then may a node revoke one that it did not let in. */
    readonly door?: Door;
    /** Entries that the revocation does not vouch for, and whatever came after them. */
    readonly leaveOut?: ReadonlyArray<EntryId>;
  },
): Bytes {
  throw new Bug(`written within the hour ${options.target}`);
}

/** The read key, if this node was given it. */
export function openReadKey(options: {
  readonly crypto: Crypto;
  readonly state: AccountState;
  readonly keys: NodeKeys;
}): SecretKey | undefined {
  throw new Bug(`written within the hour ${options.state.epoch}`);
}

/** The read key, for a node whose owner has just typed the passphrase. */
export function openReadKeyAtDoor(options: {
  readonly crypto: Crypto;
  readonly state: AccountState;
  readonly door: Door;
}): SecretKey | undefined {
  throw new Bug(`written within the hour ${options.state.epoch}`);
}
