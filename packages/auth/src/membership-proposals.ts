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
import type { NodeKeys } from "./identity.ts";
import {
  EntryBody,
  formatEntry,
  membershipVersion,
  type AuthoredBody,
  type RevokeReason,
} from "./membership-entry.ts";
import { accountIdOf, bytesOf, type MembershipLog } from "./membership.ts";
import { cleanName } from "./pass.ts";
import { commitReadKey, sealReadKey } from "./read-key.ts";

/** Begins an account: its first node, its door, and the first read key. */
export function createAccount(options: {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly door: Door;
  readonly keys: NodeKeys;
  readonly name: string;
  readonly platform: string;
  readonly at: Instant;
}): { readonly genesis: Bytes; readonly account: AccountId; readonly readKey: SecretKey } {
  const { crypto, random, door, keys } = options;
  const readKey = new SecretKey(random.bytes(32));
  const nodeBox = sealReadKey({ crypto, random, readKey, recipient: keys.boxPublic, epoch: 0 });
  const doorBox = sealReadKey({ crypto, random, readKey, recipient: door.boxPublic, epoch: 0 });
  assert(nodeBox !== undefined && doorBox !== undefined, "our own keys are of full order");
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
    recovery: undefined,
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
  return { genesis, account: accountIdOf(crypto, genesis), readKey };
}

export interface Proposal {
  readonly log: MembershipLog;
  readonly keys: NodeKeys;
  readonly at: Instant;
}

/** Lets in the node that holds this pass, and gives it the read key. `undefined` if its keys are not keys. */
export function proposeNodeAdd(
  options: Proposal & {
    readonly crypto: Crypto;
    readonly random: Random;
    readonly readKey: SecretKey;
    readonly pass: Pass;
    /** Binds the entry to the request that a person answered. */
    readonly requestHash: Bytes;
  },
): Bytes | undefined {
  const { crypto, random, readKey, pass, requestHash } = options;
  const { epoch } = options.log.state();
  const readKeyBox = sealReadKey({ crypto, random, readKey, recipient: pass.box, epoch });
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
  },
): Bytes {
  const { target, reason, door, leaveOut = [] } = options;
  return sign(options, { type: "node.revoke", ...place(options, leaveOut), target, reason }, door);
}

function place(
  { log, keys, at }: Proposal,
  leaveOut: ReadonlyArray<EntryId> = [],
): Pick<AuthoredBody, "version" | "log" | "author" | "sequence" | "parents" | "at"> {
  const { sequence, parents } = log.nextPlace(keys.id, leaveOut);
  return { version: membershipVersion, log: log.account, author: keys.id, sequence, parents, at };
}

function sign({ log, keys }: Proposal, said: AuthoredBody, door?: Door): Bytes {
  const body = encode(EntryBody, said);
  const account = bytesOf(log.account);
  return formatEntry({
    body,
    author: keys.sign("membership entry", account, body),
    door: door?.sign("membership entry door", account, body),
  });
}
