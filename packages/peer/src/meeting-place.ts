/** Where the nodes of an account meet: topics at the relay, their daily tags, presence, knocks, and the inbox of this node. */

import type { Random } from "@skein/auth/crypto/random";
import type { SecretKey } from "@skein/auth/crypto/secret";
import type { Crypto } from "@skein/auth/crypto/sodium";
import { nodeIdOf, type NodeKeys } from "@skein/auth/identity";
import { openPresence, sealPresence } from "@skein/auth/presence";
import { doorTopic, inboxTopic, presenceTopic, type Topic } from "@skein/auth/topic";
import type { Bytes } from "@skein/protocol/bytes";
import type { Instant, NodeId } from "@skein/protocol/ids";
import { presenceBlobsMax } from "@skein/protocol/limits";
import type { Knock } from "@skein/protocol/topic-messages/knock";
import {
  openRelayLink,
  type RelayLink,
  type RelayLinkNews,
} from "@skein/transport/relay-link-runner";
import type { Sockets } from "@skein/transport/socket";
import type { Alarms } from "./alarms.ts";
import type { Inbox } from "./inbox.ts";
import type { Clock } from "./ports.ts";

export type RelayStatus =
  | { readonly phase: "connected"; readonly since: Instant }
  | {
      readonly phase: "connecting" | "away";
      readonly since: Instant;
      readonly retryAt: Instant | undefined;
    };

export interface MeetingPlace {
  readonly relay: () => RelayStatus;
  readonly sendPacket: (node: NodeId, packet: Bytes, bulk: boolean) => void;
  readonly knock: (knock: Knock) => void;
  /** From now on this node hears knocks and leaves word that it is here. */
  readonly moveIn: (readKey: SecretKey) => void;
  /** Asks who is here. */
  readonly lookAround: () => void;
  readonly tryNow: () => void;
  readonly close: () => void;
}

export interface MeetingPlaceNews {
  readonly packet: (packet: Bytes) => void;
  readonly knock: (knock: Knock) => void;
  readonly present: (peer: { readonly node: NodeId; readonly box: Bytes }) => void;
  readonly room: (room: boolean) => void;
  readonly greeted: (iceServers: ReadonlyArray<string>) => void;
  readonly changed: () => void;
}

interface Options {
  readonly crypto: Crypto;
  readonly keys: NodeKeys;
  readonly meeting: SecretKey;
  readonly relayUrl: string;
  readonly sockets: Sockets;
  readonly clock: Clock;
  readonly random: Random;
  readonly alarms: Alarms;
  readonly inbox: Inbox;
  readonly news: MeetingPlaceNews;
}

export function openMeetingPlace(options: Options): MeetingPlace {
  const { crypto, keys, meeting, clock, random, alarms, inbox, news } = options;
  const door = doorTopic(crypto, meeting);
  const presence = presenceTopic(crypto, meeting);
  const mine = inboxTopic(crypto, meeting, keys.id);
  const inboxes = new Map<NodeId, Topic>();
  let readKey: SecretKey | undefined;
  let status: RelayStatus = { phase: "connecting", since: clock.now(), retryAt: undefined };

  const inboxOf = (node: NodeId): Topic => {
    const topic = inboxes.get(node) ?? inboxTopic(crypto, meeting, node);
    inboxes.set(node, topic);
    return topic;
  };

  /** Subscribes to today's tags, leaves word under them, and comes back when they change. */
  const settle = (): void => {
    const now = clock.now();
    const heard = readKey === undefined ? [mine] : [mine, door];
    link.chooseTopics(heard.flatMap((topic) => [...topic.tagsAt(now)]));
    announce(now);
    const rotations = [...heard, presence].map((topic) => topic.nextRotation(now));
    const next = rotations.reduce((first, at) => (at < first ? at : first));
    alarms.set("topics", next, settle);
  };

  const announce = (now: Instant): void => {
    if (readKey === undefined) return;
    const here = { sign: keys.signPublic, box: keys.boxPublic, at: now };
    for (const tag of presence.tagsAt(now))
      link.announce(tag, sealPresence(crypto, readKey, here, random), presenceBlobsMax);
  };

  const hear = (heard: RelayLinkNews): void => {
    switch (heard.type) {
      case "greeted":
        status = { phase: "connected", since: clock.now() };
        news.greeted(heard.hello.iceServers);
        return news.changed();
      case "away":
        status = {
          phase: "away",
          since: status.phase === "away" ? status.since : clock.now(),
          retryAt: heard.at,
        };
        return news.changed();
      case "deliver":
        return open(heard);
      case "found":
        return heard.blobs.forEach(meet);
      case "room":
      case "no-room":
        return news.room(heard.type === "room");
      case "refused":
      case "dropped":
        return undefined;
    }
  };

  const open = ({ tag, payload }: Extract<RelayLinkNews, { readonly type: "deliver" }>): void => {
    const now = clock.now();
    const packet = mine.open(now, tag, payload);
    if (packet?.type === "packet") return news.packet(packet.packet);
    const knock = readKey === undefined ? undefined : door.open(now, tag, payload);
    if (knock?.type === "knock") news.knock(knock);
  };

  const meet = (blob: Bytes): void => {
    const found = readKey === undefined ? undefined : openPresence(crypto, readKey, blob);
    if (found === undefined) return;
    const node = nodeIdOf(crypto, found.sign, found.box);
    if (node !== keys.id) news.present({ node, box: found.box });
  };

  const link: RelayLink = openRelayLink({
    url: options.relayUrl,
    sockets: options.sockets,
    alarm: clock,
    seed: random.bytes(4).reduce((value, byte) => value * 256 + byte, 0),
    listen: (heard) => inbox.post(() => hear(heard)),
  });
  settle();

  return {
    relay: () => status,
    sendPacket: (node, packet, bulk) => {
      const { tag, payload } = inboxOf(node).seal(clock.now(), { type: "packet", packet }, random);
      if (bulk) link.publishBulk(tag, payload);
      else link.publish(tag, payload);
    },
    knock: (knock) => {
      const { tag, payload } = door.seal(clock.now(), { type: "knock", ...knock }, random);
      link.publish(tag, payload);
    },
    moveIn: (key) => {
      readKey = key;
      settle();
    },
    lookAround: () => {
      for (const tag of presence.tagsAt(clock.now())) link.lookUp(tag, presenceBlobsMax);
    },
    tryNow: () => link.tryNow(),
    close: () => {
      alarms.cancel("topics");
      link.close();
    },
  };
}
