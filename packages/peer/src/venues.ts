/** The places of one account: the door, where whoever has the words is met, and the place of those who have the read key in force. */

import type { SecretKey } from "@skein/auth/crypto/secret";
import type { Crypto } from "@skein/auth/crypto/sodium";
import { sessionPsk } from "@skein/auth/door";
import { epochMeeting } from "@skein/auth/meeting";
import { doorTopic, inboxTopic, presenceTopic, type Topic } from "@skein/auth/topic";
import { instant, type NodeId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";

/** By what this node can be met. */
export interface Whereabouts {
  /** The door's meeting secret. */
  readonly door: SecretKey;
  /** That of the door before, while a member may not have heard of the new one. */
  readonly former: SecretKey | undefined;
  /** The read key in force; absent while signing in. */
  readonly readKey: SecretKey | undefined;
}

/** The inboxes under one meeting secret, and what sessions that begin there share. */
export interface Venue extends Disposable {
  /** No two places of an account have the same. */
  readonly name: string;
  readonly mine: Topic;
  readonly inboxOf: (node: NodeId) => Topic;
  readonly psk: SecretKey;
}

/** Where a node that knows the words knocks. Nobody leaves word there that it is here. */
export interface DoorVenue extends Venue {
  readonly knocks: Topic;
}

/** Where members leave word that they are here. */
export interface MembersVenue extends Venue {
  readonly presence: Topic;
  readonly readKey: SecretKey;
}

interface Owner {
  readonly crypto: Crypto;
  readonly me: NodeId;
}

export function openDoorVenue(owner: Owner, meeting: SecretKey): DoorVenue {
  const { crypto } = owner;
  const venue = openVenue(owner, "door", meeting);
  const knocks = doorTopic(crypto, meeting);
  return { ...venue, knocks, [Symbol.dispose]: () => disposeAll([venue, knocks]) };
}

export function openMembersVenue(owner: Owner, readKey: SecretKey): MembersVenue {
  const { crypto } = owner;
  using meeting = epochMeeting(crypto, readKey);
  const venue = openVenue(owner, "members", meeting);
  const presence = presenceTopic(crypto, meeting);
  const key = readKey.copy();
  const dispose = (): void => disposeAll([venue, presence, key]);
  return { ...venue, presence, readKey: key, [Symbol.dispose]: dispose };
}

function disposeAll(all: ReadonlyArray<Disposable>): void {
  for (const one of all) one[Symbol.dispose]();
}

function openVenue({ crypto, me }: Owner, kind: string, secret: SecretKey): Venue {
  const meeting = secret.copy();
  const mine = inboxTopic(crypto, meeting, me);
  const inboxes = new Map<NodeId, Topic>();
  const psk = sessionPsk(crypto, meeting);
  return {
    name: `${kind} ${mine.tagsAt(anyDay).join("")}`,
    mine,
    psk,
    inboxOf: (node) => {
      const known = inboxes.get(node);
      if (known !== undefined) return known;
      if (inboxes.size >= inboxesMax) inboxes.clear();
      const topic = inboxTopic(crypto, meeting, node);
      inboxes.set(node, topic);
      return topic;
    },
    [Symbol.dispose]: () => disposeAll([mine, ...inboxes.values(), meeting, psk]),
  };
}

/** They are only kept to be found quickly: members, and as many replicas. */
const inboxesMax = nodesPerAccountMax * 2;
/** The tags of one and the same day tell places apart. */
const anyDay = instant(365 * 24 * 60 * 60_000);
