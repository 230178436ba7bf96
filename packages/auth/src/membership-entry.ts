/** Entries of a membership log as bytes: what is signed is kept as it came and never written again. Spec: docs/protocol/5-membership.md */

import type { Bytes } from "@skein/protocol/bytes";
import {
  bytes,
  encode,
  fixed,
  list,
  optional,
  parsed,
  struct,
  tryDecode,
  u32,
  u48,
  u8,
  variants,
  type Codec,
  type Decoded,
  type Variant,
} from "@skein/protocol/codec";
import { accountId, entryId, name, nodeId, recordHash, repoId } from "@skein/protocol/fields";
import type { EntryId, NodeId, RepoId } from "@skein/protocol/ids";
import { membershipEntryBytesMax, nodesPerAccountMax } from "@skein/protocol/limits";
import { Pass } from "@skein/protocol/topic-messages/pass";

export const membershipVersion = 1;
/** Parents of one entry: more heads than this are joined over several entries. */
export const parentsMax = 16;

const version = parsed(
  u8,
  (value) => (value === membershipVersion ? value : undefined),
  (value) => value,
);
/** A secret, sealed to one node or to the door. */
const box = bytes(256);

/** One box for each node, in the order of their ids, none twice: one set of recipients has one form. */
export type NodeBoxes = Decoded<typeof nodeBoxes>;
const nodeBoxes = parsed(
  list(struct({ node: nodeId, box }), nodesPerAccountMax),
  (boxes) => (inOrder(boxes.map(({ node }) => node)) ? boxes : undefined),
  (boxes) => boxes,
);

/** Repositories named in one revocation. What the others hold of those that are not named is for them to judge. */
export const frontierMax = 64;

/**
 * How far the ref records of a revoked node are vouched for: the last number and hash in each repository. Items with the
 * account's id as their hash name entries of its log instead: the last that are vouched for.
 */
export type RefFrontier = Decoded<typeof frontier>;
const frontier = parsed(
  list(struct({ repo: repoId, seq: u48, hash: recordHash }), frontierMax),
  (refs) => (inOrder(refs.map(({ repo }) => repo)) ? refs : undefined),
  (refs) => refs,
);

/** Between one and sixteen, in order, none twice: one set of parents has one form. */
const parents: Codec<ReadonlyArray<EntryId>> = parsed(
  list(entryId, parentsMax),
  (ids) => (ids.length > 0 && inOrder(ids) ? ids : undefined),
  (ids) => ids,
);

const reasons = ["retired", "lost", "compromised"] as const;
/** Why a node is revoked. It decides what the others are advised to do, not whether the revocation counts. */
export type RevokeReason = (typeof reasons)[number];

const reason: Codec<RevokeReason> = parsed(
  u8,
  (code) => reasons[code],
  (value) => reasons.indexOf(value),
);

/** The entry that begins an account. Signed by its first node; the door signs too, to show that it is no one else's. */
export type Genesis = Decoded<typeof Genesis>;
export const Genesis = struct({
  version,
  node: struct({ sign: fixed(32), box: fixed(32), name, platform: name }),
  door: struct({ sign: fixed(32), box: fixed(32) }),
  /** The public half of a recovery key, for accounts that have one. */
  recovery: optional(fixed(32)),
  readKeyCommitment: fixed(32),
  nodeBox: box,
  doorBox: box,
  nonce: fixed(16),
  at: u48,
});

const said = { version, log: accountId, author: nodeId, sequence: u32, parents, at: u48 };

const declared = {
  genesis: [0x01, Genesis],
  "node.add": [
    0x02,
    // Empty where the recovery key says it: a rotation follows that boxes the key to every member.
    struct({ ...said, pass: Pass, requestHash: fixed(32), epoch: u32, readKeyBox: box }),
  ],
  "node.rename": [0x03, struct({ ...said, name })],
  "node.revoke": [0x04, struct({ ...said, target: nodeId, reason, frontier })],
  "key.rotate": [
    0x05,
    struct({
      ...said,
      epoch: u32,
      readKeyCommitment: fixed(32),
      boxes: nodeBoxes,
      doorBox: box,
      /** The key before, sealed under the new one. Empty if its author did not know it. */
      previous: box,
    }),
  ],
  "door.set": [
    0x06,
    struct({
      ...said,
      door: struct({ sign: fixed(32), box: fixed(32) }),
      /** By the new door: whoever sets it has the words. */
      proof: fixed(64),
      /** The new meeting secret, which the others cannot derive. */
      boxes: nodeBoxes,
    }),
  ],
} as const;

export type EntryBody = Variant<typeof declared>;
export const EntryBody: Codec<EntryBody> = variants(declared);

export type GenesisBody = Extract<EntryBody, { readonly type: "genesis" }>;
/** Every kind of entry that has an author, a place in that author's chain, and parents. */
export type AuthoredBody = Exclude<EntryBody, GenesisBody>;

/** A body as it was signed, and its signatures: the author's, and the door's where the passphrase was used. */
export type SignedEntry = Decoded<typeof SignedEntry>;
export const SignedEntry = struct({
  body: bytes(membershipEntryBytesMax),
  author: fixed(64),
  door: optional(fixed(64)),
});

export interface ParsedEntry {
  /** The whole entry, as it is stored and passed on. */
  readonly bytes: Bytes;
  readonly signed: SignedEntry;
  readonly body: EntryBody;
}

/** Reads one entry strictly: what has a second form, or too many bytes, is no entry. */
export function parseEntry(from: Uint8Array): ParsedEntry | undefined {
  if (from.length > membershipEntryBytesMax) return undefined;
  const kept = Uint8Array.from(from);
  const signed = tryDecode(SignedEntry, kept);
  const body = signed && tryDecode(EntryBody, signed.body);
  return signed && body && { bytes: kept, signed, body };
}

export function formatEntry(signed: SignedEntry): Bytes {
  return encode(SignedEntry, signed);
}

function inOrder(ids: ReadonlyArray<EntryId | NodeId | RepoId>): boolean {
  return ids.every((id, index) => index === 0 || (ids[index - 1] ?? "") < id);
}
