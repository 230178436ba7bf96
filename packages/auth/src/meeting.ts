/** Where the nodes of an account meet: at the door with whoever has the words, and among themselves under each read key. */

import { equal, type Bytes } from "@skein/protocol/bytes";
import { encode, fixed, struct, tryDecode } from "@skein/protocol/codec";
import type { Instant, NodeId } from "@skein/protocol/ids";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import type { NodeKeys } from "./identity.ts";
import type { AccountState } from "./membership-state.ts";

/** A sealed box binds nothing by itself, so its content says whose and which it is. */
const Boxed = struct({ recipient: fixed(32), door: fixed(32), meeting: fixed(32) });

/**
 * In place of the door's meeting secret, for the topics and the psk of nodes that have this read key. A node that was
 * removed does not get the next read key, so it no longer knows where the others are.
 */
export function epochMeeting(crypto: Crypto, readKey: SecretKey): SecretKey {
  return crypto.deriveKey(readKey, "epoch meeting");
}

/**
 * Whether this node still listens at the door before: as long as some member was not met since the words were changed,
 * which may not have heard of it. After 30 days it has to sign in with the new words.
 */
export function staysAtFormerDoor(known: {
  readonly state: AccountState;
  readonly self: NodeId;
  /** When this node first saw that the words were changed: the entry's own date is whatever its author's clock said. */
  readonly changedAt: Instant;
  /** When there last was a session with a node. */
  readonly lastMet: (node: NodeId) => Instant | undefined;
  readonly now: Instant;
}): boolean {
  const { state, self, changedAt, lastMet, now } = known;
  const isBehind = [...state.nodes.keys()].some(
    (node) => node !== self && (lastMet(node) ?? 0) <= changedAt,
  );
  return isBehind && now - changedAt < stayMillis;
}

/** A new door's meeting secret, for a node that cannot derive it. Empty if the node's key is of low order. */
export function sealMeeting(options: {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly meeting: SecretKey;
  readonly door: Bytes;
  readonly recipient: Bytes;
}): Bytes {
  const { crypto, random, door, recipient } = options;
  const plain = options.meeting.reveal((meeting) => encode(Boxed, { recipient, door, meeting }));
  const sealed = crypto.boxSeal(recipient, plain, random);
  plain.fill(0);
  return sealed ?? new Uint8Array(0);
}

/** The meeting secret of the door in force, if it was changed while this node was a member. */
export function openMeeting(options: {
  readonly state: AccountState;
  readonly keys: NodeKeys;
}): SecretKey | undefined {
  const { state, keys } = options;
  const sealed = state.meetingBoxes.get(keys.id);
  const plain = sealed && keys.openBox(sealed);
  const boxed = plain && tryDecode(Boxed, plain);
  plain?.fill(0);
  if (boxed === undefined) return undefined;
  if (equal(boxed.recipient, keys.boxPublic) && equal(boxed.door, state.door.sign))
    return new SecretKey(boxed.meeting);
  boxed.meeting.fill(0);
  return undefined;
}

const stayMillis = 30 * 24 * 60 * 60_000;
