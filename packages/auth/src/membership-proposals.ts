/** New entries of a membership log, made by the node that says them. Nothing counts until it was added to a log. */

import type { Bytes } from "@skein/protocol/bytes";
import { encode } from "@skein/protocol/codec";
import { assert } from "@skein/protocol/errors";
import type { AccountId, EntryId, Instant, NodeId } from "@skein/protocol/ids";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import type { Door } from "./door.ts";
import { bytesOf, type NodeKeys } from "./identity.ts";
import {
  EntryBody,
  formatEntry,
  frontierMax,
  membershipVersion,
  type AuthoredBody,
  type RefFrontier,
  type RevokeReason,
} from "./membership-entry.ts";
import { accountIdOf, type MembershipLog } from "./membership.ts";
import { compareText } from "./membership-rules.ts";
import { cleanName } from "./pass.ts";
import { commitReadKey, sealReadKey } from "./read-key.ts";
import { mintRecoverySecret, openRecoveryKey, sealRecoverySecret } from "./recovery-key.ts";

export interface NewAccount {
  readonly genesis: Bytes;
  readonly account: AccountId;
  readonly readKey: SecretKey;
  /** The recovery secret, for `openRecoverySecret`. This node keeps it until the kit was written down; it is never sent. */
  readonly sealedRecovery: Bytes;
}

/** Begins an account: its first node, its door, its recovery key, and the first read key. */
export function createAccount(options: {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly door: Door;
  readonly keys: NodeKeys;
  readonly name: string;
  readonly platform: string;
  readonly at: Instant;
}): NewAccount {
  const { crypto, random, door, keys } = options;
  using recoverySecret = mintRecoverySecret(random);
  using recovery = openRecoveryKey(crypto, recoverySecret);
  const sealedRecovery = sealRecoverySecret({ crypto, random, door }, recoverySecret);
  const readKey = new SecretKey(random.bytes(32));
  const nodeBox = sealReadKey({ crypto, random, readKey, recipient: keys.boxPublic, epoch: 0 });
  const doorBox = sealReadKey({ crypto, random, readKey, recipient: door.boxPublic, epoch: 0 });
  assert(nodeBox !== undefined && doorBox !== undefined, "our own keys are of full order");
  assert(sealedRecovery !== undefined, "our own keys are of full order");
  const body = encode(EntryBody, {
    type: "genesis",
    version: membershipVersion,
    node: {
      sign: keys.signPublic,
      box: keys.boxPublic,
      name: cleanName(options.name),
      platform: cleanName(options.platform),
    },
    door: { sign: door.signPublic, box: door.boxPublic },
    recovery: recovery.signPublic,
    readKeyCommitment: commitReadKey(crypto, readKey),
    nodeBox,
    doorBox,
    nonce: random.bytes(16),
    at: options.at,
  });
  const genesis = formatEntry({
    body,
    author: keys.sign("account genesis", body),
    door: door.sign("account genesis door", body),
  });
  return { genesis, account: accountIdOf(crypto, genesis), readKey, sealedRecovery };
}

/** Whoever says something: a node, or the recovery key. */
export type Author = Pick<NodeKeys, "id" | "sign">;

export interface Proposal {
  readonly log: MembershipLog;
  readonly keys: Author;
  readonly at: Instant;
}

/** Lets in the node that holds this pass, and gives it the read key. `undefined` if its keys are not keys. */
export function proposeNodeAdd(
  options: Proposal & {
    readonly crypto: Crypto;
    readonly random: Random;
    /** The recovery key may not know it: a rotation has to follow. */
    readonly readKey: SecretKey | undefined;
    readonly pass: Pass;
    /** Binds the entry to the request that a person answered. */
    readonly requestHash: Bytes;
  },
): Bytes | undefined {
  const { crypto, random, readKey, pass, requestHash } = options;
  const { epoch } = options.log.state();
  const readKeyBox =
    readKey === undefined
      ? new Uint8Array(0)
      : sealReadKey({ crypto, random, readKey, recipient: pass.box, epoch });
  if (readKeyBox === undefined) return undefined;
  const said = place(options);
  return sign(options, { type: "node.add", ...said, pass, requestHash, epoch, readKeyBox });
}

/** Names this node. */
export function proposeRename(options: Proposal & { readonly name: string }): Bytes {
  return sign(options, {
    type: "node.rename",
    ...place(options),
    name: cleanName(options.name),
  });
}

/** Removes a node for good. */
export function proposeRevoke(
  options: Proposal & {
    readonly target: NodeId;
    readonly reason: RevokeReason;
    /** Co-signs, if the passphrase was asked for: without it a node removes only itself and those it let in. */
    readonly door?: Door;
    /** Entries that the revocation does not vouch for: they, and whatever came after them, are left out. */
    readonly leaveOut?: ReadonlyArray<EntryId>;
    /** How far its ref records are vouched for. */
    readonly frontier?: RefFrontier;
  },
): Bytes {
  const { target, reason, door, leaveOut = [], frontier = [] } = options;
  const at = place(options, leaveOut);
  const { author, parents } = at;
  const vouched = options.log.vouch({ author, target, leaveOut, parents });
  const said = { ...at, target, reason, frontier: joined(vouched, frontier) };
  return sign(options, { type: "node.revoke", ...said }, door);
}

/** What is vouched for in the log comes first, if there is not room for all. */
function joined(vouched: RefFrontier, refs: RefFrontier): RefFrontier {
  return [...vouched, ...refs]
    .slice(0, frontierMax)
    .toSorted((a, b) => compareText(a.repo, b.repo));
}

export function place(
  { log, keys, at }: Proposal,
  leaveOut: ReadonlyArray<EntryId> = [],
): Pick<AuthoredBody, "version" | "log" | "author" | "sequence" | "parents" | "at"> {
  const { sequence, parents } = log.nextPlace(keys.id, leaveOut);
  return { version: membershipVersion, log: log.account, author: keys.id, sequence, parents, at };
}

export function sign({ log, keys }: Proposal, said: AuthoredBody, door?: Door): Bytes {
  const body = encode(EntryBody, said);
  const account = bytesOf(log.account);
  return formatEntry({
    body,
    author: keys.sign("membership entry", account, body),
    door: door?.sign("membership entry door", account, body),
  });
}
