/** Changes that take several entries: new read keys, new words, removing nodes with what they let in, recovery. Each is made on a fork, so that it is sent as a whole or not at all. */

import { equal, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import type { EntryId, Instant, NodeId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import type { Door } from "./door.ts";
import type { NodeKeys } from "./identity.ts";
import { sealMeeting } from "./meeting.ts";
import type { RefFrontier, RevokeReason } from "./membership-entry.ts";
import { doorSetParts } from "./membership-objections.ts";
import {
  place,
  proposeNodeAdd,
  proposeRevoke,
  sign,
  type Proposal,
} from "./membership-proposals.ts";
import type { AccountState } from "./membership-state.ts";
import type { MembershipLog, Verdict } from "./membership.ts";
import { makePass } from "./pass.ts";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import { commitReadKey, sealKeyBefore, sealReadKey } from "./read-key.ts";
import type { RecoveryKey } from "./recovery-key.ts";

export interface Change extends Proposal {
  readonly crypto: Crypto;
  readonly random: Random;
  /** The key in force. Whoever does not know it can still rotate, and what it sealed is lost to newcomers. */
  readonly readKey: SecretKey | undefined;
}

/** Entries in the order in which they are added, and the read key that they bring. The caller disposes of it. */
export interface Changed {
  readonly entries: ReadonlyArray<Bytes>;
  /** `undefined` if this node is not, or no longer, one that may make a key. The others owe it then. */
  readonly readKey: SecretKey | undefined;
  /** What the log had against entries that were left out of `entries`. `unsaid`: they could not even be written. */
  readonly refused: ReadonlyArray<
    Verdict | { readonly kind: "unsaid"; readonly reason: "account-full" }
  >;
}

/**
 * Whether one entry has a box for each member. Additions that did not know of each other, or a removal that is left out
 * after its place was taken, can make more members than an account admits. Nobody of them is put out for it: which ones
 * would be for a thief to choose. No key and no door is made until some were removed, which takes no boxes.
 */
export function hasBoxForEach({ nodes }: Pick<AccountState, "nodes">): boolean {
  return nodes.size <= nodesPerAccountMax;
}

/** A new read key, boxed to exactly the members and to the door: only where `hasBoxForEach`. */
export function proposeRotation(change: Change): {
  readonly entry: Bytes;
  readonly readKey: SecretKey;
} {
  const { crypto, random, log } = change;
  const state = log.state();
  const readKey = new SecretKey(random.bytes(32));
  const epoch = state.nextEpoch;
  const seal = (recipient: Bytes): Bytes =>
    sealReadKey({ crypto, random, readKey, recipient, epoch }) ?? new Uint8Array(0);
  const entry = sign(change, {
    type: "key.rotate",
    ...place(change),
    epoch,
    readKeyCommitment: commitReadKey(crypto, readKey),
    boxes: [...state.nodes.values()].map(({ node, box }) => ({ node, box: seal(box) })),
    doorBox: seal(state.door.box),
    previous:
      change.readKey === undefined
        ? new Uint8Array(0)
        : sealKeyBefore({
            crypto,
            random,
            account: log.account,
            epoch,
            readKey,
            before: change.readKey,
          }),
  });
  return { entry, readKey };
}

/** New words, and a new read key under their door. Signed at the old door, unless the recovery key says it. */
export function changePassphrase(
  change: Change & { readonly oldDoor: Door | undefined; readonly newDoor: Door },
): Changed {
  if (!hasBoxForEach(change.log.state()))
    return {
      entries: [],
      readKey: undefined,
      refused: [{ kind: "unsaid", reason: "account-full" }],
    };
  return onFork(change, (forked, say) => {
    say(proposeDoorSet({ ...forked, oldDoor: change.oldDoor, newDoor: change.newDoor }));
  });
}

export interface Removal extends Change {
  readonly targets: ReadonlyArray<NodeId>;
  readonly reason: RevokeReason;
  /** Co-signs, if the passphrase was typed. */
  readonly door?: Door;
  readonly leaveOut?: ReadonlyArray<EntryId>;
  readonly frontierOf?: (node: NodeId) => RefFrontier;
}

/** Removes nodes for good, and gives those that stay a key that the removed ones do not have. */
export function revokeNodes(removal: Removal): Changed {
  const { targets, reason, door, leaveOut = [], frontierOf } = removal;
  return onFork(removal, (forked, say) => {
    for (const target of targets)
      say(
        proposeRevoke({
          ...forked,
          target,
          reason,
          leaveOut,
          frontier: frontierOf?.(target) ?? [],
          ...(door === undefined ? {} : { door }),
        }),
      );
  });
}

/** Nodes that are in through `node`: let in by it, or by one that it let in. For "revoke with everything it approved". */
export function approvedBy(log: MembershipLog, node: NodeId): ReadonlyArray<NodeId> {
  const { nodes } = log.state();
  const found = new Set([node]);
  const additions = log.told().filter(({ type, counts }) => type === "node.add" && counts);
  for (const { author, target } of additions)
    if (target !== undefined && found.has(author)) found.add(target);
  found.delete(node);
  return [...found].filter((one) => nodes.has(one));
}

/**
 * What a node said that was not here yet at an instant: what its revocation then does not vouch for. A witness decides, by
 * when it first saw each entry: a thief dates its own as it likes. What no witness saw is not vouched for.
 */
export function seenSince({
  log,
  node,
  since,
  seenAt,
}: {
  readonly log: MembershipLog;
  readonly node: NodeId;
  readonly since: Instant;
  readonly seenAt: (entry: EntryId) => Instant | undefined;
}): ReadonlyArray<EntryId> {
  return log
    .told()
    .filter(({ id, author }) => author === node && (seenAt(id) ?? Infinity) > since)
    .map(({ id }) => id);
}

/**
 * Lets a new node in by the recovery key, when every node is lost: new words if `door` is not the one in force, `remove`
 * for the nodes that somebody else may have, the node itself, and a new read key.
 */
export function recoverAccount(
  options: Recovery & {
    readonly door: Door;
    readonly keys: NodeKeys;
    readonly name: string;
    readonly platform: string;
  },
): Changed {
  const { door, keys, name, platform, at } = options;
  return recover(options, makePass({ door, keys, name, platform, at }), door);
}

/** Lets a replica in by the recovery key, when no member is left that could: it has a pass of the door in force. */
export function recoverReplica(options: Recovery & { readonly pass: Pass }): Changed {
  return recover(options, options.pass);
}

interface Recovery {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly log: MembershipLog;
  readonly recovery: RecoveryKey;
  readonly at: Instant;
  readonly remove: ReadonlyArray<NodeId>;
  /** What the removals do not vouch for. */
  readonly leaveOut?: ReadonlyArray<EntryId>;
  readonly readKey?: SecretKey;
}

function recover(options: Recovery, pass: Pass, newDoor?: Door): Changed {
  const { crypto, random, log, recovery, at, remove, leaveOut = [], readKey } = options;
  const change: Change = { crypto, random, log, keys: recovery, at, readKey };
  return onFork(change, (forked, say) => {
    for (const target of remove)
      say(proposeRevoke({ ...forked, target, reason: "lost", leaveOut }));
    const isNewDoor = newDoor !== undefined && !equal(log.state().door.sign, newDoor.signPublic);
    // With so many members that there is no box for each, the log refuses the addition, and so all of it.
    if (isNewDoor && hasBoxForEach(forked.log.state()))
      say(proposeDoorSet({ ...forked, oldDoor: undefined, newDoor }));
    const entry = proposeNodeAdd({ ...forked, pass, requestHash: new Uint8Array(32) });
    assert(entry !== undefined, "keys that have a pass are of full order");
    say(entry);
  });
}

function proposeDoorSet(
  change: Change & { readonly oldDoor: Door | undefined; readonly newDoor: Door },
): Bytes {
  const { crypto, random, log, oldDoor, newDoor } = change;
  const { meeting } = newDoor;
  const door = { sign: newDoor.signPublic, box: newDoor.boxPublic };
  const said = { ...place(change), door };
  const boxes = [...log.state().nodes.values()].map(({ node, box }) => ({
    node,
    box: sealMeeting({ crypto, random, meeting, door: door.sign, recipient: box }),
  }));
  const proof = newDoor.sign("door set", ...doorSetParts(said));
  return sign(change, { type: "door.set", ...said, proof, boxes }, oldDoor);
}

/** Says it all on a copy of the log, ends with a rotation, and hands over what was accepted there. */
function onFork(
  change: Change,
  act: (forked: Change, say: (entry: Bytes) => boolean) => void,
): Changed {
  const log = change.log.fork();
  const forked = { ...change, log };
  const entries: Bytes[] = [];
  const refused: Verdict[] = [];
  const say = (entry: Bytes): boolean => {
    const verdict = log.add(entry);
    const isAccepted = verdict.kind === "accepted";
    if (isAccepted) entries.push(entry);
    else refused.push(verdict);
    return isAccepted;
  };
  act(forked, say);
  if (refused.length > 0) return { entries: [], refused, readKey: undefined };
  const state = log.state();
  const { nodes } = state;
  const isOut = !nodes.has(change.keys.id) && change.keys.id !== state.recovery;
  // Whoever removed itself makes no key any more: the others owe it. So do all where no entry has a box for each.
  if (nodes.size === 0 || isOut || !hasBoxForEach(state))
    return { entries, refused, readKey: undefined };
  const { entry, readKey } = proposeRotation(forked);
  say(entry);
  return { entries, refused, readKey };
}
