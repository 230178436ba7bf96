/** Where the nodes of an account meet: topics at the relay, their daily tags, presence, knocks, and the inbox of this node. */

import type { Random } from "@skein/auth/crypto/random";
import type { SecretKey } from "@skein/auth/crypto/secret";
import type { Crypto } from "@skein/auth/crypto/sodium";
import { nodeIdOf, type NodeKeys } from "@skein/auth/identity";
import { openPresence, sealPresence } from "@skein/auth/presence";
import { doorTopic, inboxTopic, presenceTopic, type Topic } from "@skein/auth/topic";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, later, type Instant, type NodeId, type Tag } from "@skein/protocol/ids";
import { nodesPerAccountMax, presenceBlobsMax } from "@skein/protocol/limits";
import type { IceServer } from "@skein/protocol/relay-frames/hello";
import type { Knock } from "@skein/protocol/topic-messages/knock";
import {
  openRelayLink,
  type RelayLink,
  type RelayLinkNews,
} from "@skein/transport/relay-link-runner";
import type { Sockets } from "@skein/transport/socket";
import type { Alarms } from "./alarms.ts";
import type { Inbox } from "./inbox.ts";
import { randomU32, type Clock } from "./ports.ts";

export type RelayStatus =
  | { readonly phase: "connected"; readonly since: Instant }
  | {
      readonly phase: "connecting" | "away";
      readonly since: Instant;
      readonly retryAt: Instant | undefined;
    };

export interface MeetingPlaceNews {
  readonly packet: (packet: Bytes) => void;
  readonly knock: (knock: Knock) => void;
  readonly present: (peer: { readonly node: NodeId; readonly box: Bytes }) => void;
  readonly room: (room: boolean) => void;
  readonly greeted: (iceServers: ReadonlyArray<IceServer>) => void;
  readonly changed: () => void;
}

interface MeetingPlaceOptions {
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

type News<T extends RelayLinkNews["type"]> = Extract<RelayLinkNews, { readonly type: T }>;

export class MeetingPlace {
  readonly #options: MeetingPlaceOptions;
  readonly #door: Topic;
  readonly #presence: Topic;
  readonly #mine: Topic;
  readonly #inboxes = new Map<NodeId, Topic>();
  readonly #link: RelayLink;
  #readKey: SecretKey | undefined;
  #announced: ReadonlyArray<Tag> = [];
  /** What is added to the local clock to choose tags, where it is off by so much that nobody would be met. */
  #clockErrorMillis = 0;
  #status: RelayStatus;

  constructor(options: MeetingPlaceOptions) {
    this.#options = options;
    const { crypto, keys, meeting, clock, random, inbox } = options;
    this.#door = doorTopic(crypto, meeting);
    this.#presence = presenceTopic(crypto, meeting);
    this.#mine = inboxTopic(crypto, meeting, keys.id);
    this.#status = { phase: "connecting", since: clock.now(), retryAt: undefined };
    this.#link = openRelayLink({
      url: options.relayUrl,
      sockets: options.sockets,
      alarm: clock,
      seed: randomU32(random),
      listen: (heard) => inbox.post(() => this.#hear(heard)),
    });
    this.#settle();
  }

  relay(): RelayStatus {
    return this.#status;
  }

  sendPacket(node: NodeId, packet: Bytes, bulk: boolean): void {
    const { random } = this.#options;
    const message = { type: "packet", packet } as const;
    const { tag, payload } = this.#inboxOf(node).seal(this.#tagTime(), message, random);
    if (bulk) this.#link.publishBulk(tag, payload);
    else this.#link.publish(tag, payload);
  }

  knock(knock: Knock): void {
    const { random } = this.#options;
    const { tag, payload } = this.#door.seal(this.#tagTime(), { type: "knock", ...knock }, random);
    this.#link.publish(tag, payload);
  }

  /** From now on this node hears knocks and leaves word that it is here. */
  moveIn(readKey: SecretKey): void {
    this.#readKey = readKey;
    this.#settle();
  }

  /** Asks who is here. */
  lookAround(): void {
    for (const tag of this.#presence.tagsAt(this.#tagTime()))
      this.#link.lookUp(tag, presenceBlobsMax);
  }

  tryNow(): void {
    this.#link.tryNow();
  }

  close(): void {
    this.#options.alarms.cancel("topics");
    this.#link.close();
  }

  /** Subscribes to today's tags, leaves word under them, and comes back when they change. */
  #settle(): void {
    const now = this.#tagTime();
    const heard = this.#readKey === undefined ? [this.#mine] : [this.#mine, this.#door];
    this.#link.chooseTopics(heard.flatMap((topic) => [...topic.tagsAt(now)]));
    this.#announce(now);
    const rotations = [...heard, this.#presence].map((topic) => topic.nextRotation(now));
    const next = rotations.reduce((first, at) => (at < first ? at : first));
    this.#options.alarms.set("topics", later(next, -this.#clockErrorMillis), () => this.#settle());
  }

  #announce(now: Instant): void {
    const { crypto, keys, random } = this.#options;
    if (this.#readKey === undefined) return;
    const here = { sign: keys.signPublic, box: keys.boxPublic, at: now };
    const tags = this.#presence.tagsAt(now);
    // Yesterday's tag beside today's would tell the relay that both are of one node.
    for (const tag of this.#announced) if (!tags.includes(tag)) this.#link.withdraw(tag);
    for (const tag of tags)
      this.#link.announce(tag, sealPresence(crypto, this.#readKey, here, random), presenceBlobsMax);
    this.#announced = tags;
  }

  #hear(heard: RelayLinkNews): void {
    const { clock, news } = this.#options;
    switch (heard.type) {
      case "greeted":
        this.#status = { phase: "connected", since: clock.now() };
        this.#compareClocks(instant(heard.hello.now));
        news.greeted(heard.hello.iceServers);
        return news.changed();
      case "away":
        this.#goAway(heard);
        return news.changed();
      case "deliver":
        return this.#open(heard);
      case "found":
        return heard.blobs.forEach((blob) => this.#meet(blob));
      case "room":
      case "no-room":
        return news.room(heard.type === "room");
      case "refused":
      case "dropped":
        return undefined;
    }
  }

  /** A relay that lies about the time can make nodes miss each other, which it can do anyway. It is used for nothing else. */
  #compareClocks(relayNow: Instant): void {
    const error = relayNow - this.#options.clock.now();
    const before = this.#clockErrorMillis;
    this.#clockErrorMillis = Math.abs(error) > clockErrorMillisMin ? error : 0;
    if (this.#clockErrorMillis !== before) this.#settle();
  }

  #tagTime(): Instant {
    return later(this.#options.clock.now(), this.#clockErrorMillis);
  }

  #goAway({ at }: News<"away">): void {
    const since = this.#status.phase === "away" ? this.#status.since : this.#options.clock.now();
    this.#status = { phase: "away", since, retryAt: at };
  }

  #open({ tag, payload }: News<"deliver">): void {
    const { news } = this.#options;
    const now = this.#tagTime();
    const packet = this.#mine.open(now, tag, payload);
    if (packet?.type === "packet") return news.packet(packet.packet);
    if (this.#readKey === undefined) return undefined;
    const knock = this.#door.open(now, tag, payload);
    if (knock?.type === "knock") news.knock(knock);
    return undefined;
  }

  #meet(blob: Bytes): void {
    const { crypto, keys, news } = this.#options;
    const found = this.#readKey && openPresence(crypto, this.#readKey, blob);
    if (found === undefined) return;
    const node = nodeIdOf(crypto, found.sign, found.box);
    if (node !== keys.id) news.present({ node, box: found.box });
  }

  #inboxOf(node: NodeId): Topic {
    const { crypto, meeting } = this.#options;
    const known = this.#inboxes.get(node);
    if (known !== undefined) return known;
    if (this.#inboxes.size >= inboxesMax) this.#inboxes.clear();
    const topic = inboxTopic(crypto, meeting, node);
    this.#inboxes.set(node, topic);
    return topic;
  }
}

/** Half a day: tags are of a day, and are heard half an hour around its edges. */
const clockErrorMillisMin = 12 * 60 * 60_000;
/** They are only kept to be found quickly: members, and as many replicas. */
const inboxesMax = nodesPerAccountMax * 2;
