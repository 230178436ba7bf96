/** Where the nodes of an account meet: at the door with whoever has the words, and among themselves under each read key. */

import { equal, type Bytes } from "@skein/protocol/bytes";
import { encode, fixed, struct, tryDecode } from "@skein/protocol/codec";
import type { Instant, NodeId } from "@skein/protocol/ids";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import type { NodeKeys } from "./identity.ts";
import type { KeyEpoch } from "./membership-keys.ts";
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
 * The keys at whose places this node listens and says that it is here: the one in force, and those before it as long as
 * some member was not met under the new one, which may not have heard of it. After 30 days it has to be looked for.
 */
export function keysToStayAt(known: {
  readonly state: AccountState;
  readonly self: NodeId;
  /** The highest epoch in which there was a session with each node. */
  readonly metIn: ReadonlyMap<NodeId, number>;
  readonly now: Instant;
}): ReadonlyArray<KeyEpoch> {
  const { state, self, metIn, now } = known;
  const behind = [...state.nodes.keys()].filter(
    (node) => node !== self && (metIn.get(node) ?? -1) < state.epoch,
  );
  return state.keys.filter((_, index) => {
    const next = state.keys[index - 1];
    return next === undefined || (behind.length > 0 && now - next.at < stayMillis);
  });
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
