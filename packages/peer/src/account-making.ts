/** Identities that are made here: a new account's first node, a node that its kit lets in, one that takes itself back. */

import type { Door } from "@skein/auth/door";
import type { SecretKey } from "@skein/auth/crypto/secret";
import { mintNodeKeys, type NodeKeys } from "@skein/auth/identity";
import { openLog } from "@skein/auth/membership";
import { recoverAccount, revokeNodes } from "@skein/auth/membership-changes";
import { createAccount } from "@skein/auth/membership-proposals";
import { cleanName, makePass } from "@skein/auth/pass";
import type { RecoveryFile } from "@skein/auth/recovery-file";
import { openRecoveryKey, sealRecoverySecret } from "@skein/auth/recovery-key";
import { equal, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import type { NodeId } from "@skein/protocol/ids";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import { firstAuthor, type Identity } from "./identity.ts";
import type { Ports } from "./ports.ts";

export interface NodeNames {
  readonly nodeName: string;
  readonly platform: string;
}

type MakingPorts = Pick<Ports, "crypto" | "random" | "clock">;

/** What a node has before its account knows it. */
export interface Newcomer extends NodeNames {
  readonly keys: NodeKeys;
  readonly meeting: SecretKey;
  readonly pass: Pass;
}

/** A node of keys of its own, with a pass that the door signed. */
export function newcomerAt(
  { crypto, random, clock }: MakingPorts,
  door: Door,
  names: NodeNames,
): Newcomer {
  const keys = mintNodeKeys(crypto, random);
  const nodeName = cleanName(names.nodeName);
  const platform = cleanName(names.platform);
  const pass = makePass({ door, keys, name: nodeName, platform, at: clock.now() });
  return { keys, meeting: door.meeting.copy(), pass, nodeName, platform };
}

export function foundAccount(
  { crypto, random, clock }: MakingPorts,
  { nodeName, platform }: NodeNames,
  door: Door,
): { readonly identity: Identity; readonly sealedKit: Bytes } {
  const keys = mintNodeKeys(crypto, random);
  const at = clock.now();
  const made = createAccount({ crypto, random, door, keys, name: nodeName, platform, at });
  const log = openLog({ crypto, genesis: made.genesis });
  assert(log !== undefined, "the genesis we made is a genesis");
  const identity = {
    keys,
    meeting: door.meeting.copy(),
    readKey: made.readKey,
    log,
    pass: undefined,
    nodeName,
    platform,
    author: firstAuthor(nodeName),
  };
  return { identity, sealedKit: made.sealedRecovery };
}

/** A new node of the kit's account, without those that are taken for lost. `undefined` if its log did not take it. */
export function recoverIdentity(
  { crypto, random, clock }: MakingPorts,
  {
    nodeName,
    platform,
    kit: { secret, log },
    door,
    remove,
  }: NodeNames & {
    readonly kit: RecoveryFile;
    readonly door: Door;
    readonly remove: ReadonlyArray<NodeId>;
  },
): { readonly identity: Identity; readonly sealedKit: Bytes | undefined } | undefined {
  const keys = mintNodeKeys(crypto, random);
  using recovery = openRecoveryKey(crypto, secret);
  const { entries, readKey } = recoverAccount({
    crypto,
    random,
    log,
    recovery,
    door,
    keys,
    name: nodeName,
    platform,
    at: clock.now(),
    remove,
  });
  for (const entry of entries) log.add(entry);
  if (readKey === undefined || !log.state().nodes.has(keys.id)) return undefined;
  const meeting = door.meeting.copy();
  const author = firstAuthor(nodeName);
  // Shown to nodes that stay: they have not heard of this one.
  const pass = makePass({ door, keys, name: nodeName, platform, at: clock.now() });
  // The file knows nothing of this node: until a new one was saved, this account has no kit.
  const sealedKit = sealRecoverySecret({ crypto, random, door }, secret);
  const identity = { keys, meeting, readKey, log, pass, nodeName, platform, author };
  return { identity, sealedKit };
}

/** What revokes whoever signed this node out, or `undefined` if that would not bring it back. */
export function takeBackEntries(
  { crypto, random, clock }: MakingPorts,
  { log, keys, readKey }: Identity,
  door: Door,
): ReadonlyArray<Bytes> | undefined {
  if (!equal(door.signPublic, log.state().door.sign)) return undefined;
  const against = log
    .told()
    .filter(({ type, target }) => type === "node.revoke" && target === keys.id);
  const fork = log.fork();
  const { entries } = revokeNodes({
    crypto,
    random,
    log: fork,
    keys,
    readKey,
    at: clock.now(),
    targets: [...new Set(against.map(({ author }) => author))],
    reason: "compromised",
    leaveOut: against.map(({ id }) => id),
    door,
  });
  for (const entry of entries) fork.add(entry);
  return fork.state().nodes.has(keys.id) ? entries : undefined;
}

/** Those that were members when the kit was made. */
export function membersOf({ log }: RecoveryFile): ReadonlyArray<NodeId> {
  return [...log.state().nodes.keys()];
}
