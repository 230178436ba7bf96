/**
 * Where the nodes of an account meet: at one relay or at several, which know nothing of each other.
 *
 * Rule 1. Everything is said at every relay. What comes twice counts once: sessions refuse a packet they have had, and a
 *         knock calls back a node that is called back already. Nothing is compared here, so a relay that alters a message
 *         cannot keep out the true one.
 * Rule 2. Bulk goes only where there is room: a slow relay slows nobody.
 * Rule 3. What one relay says of the time, or of its servers, holds at that relay.
 */

import type { Random } from "@skein/auth/crypto/random";
import type { SecretKey } from "@skein/auth/crypto/secret";
import type { Crypto } from "@skein/auth/crypto/sodium";
import { nodeIdOf, type NodeKeys } from "@skein/auth/identity";
import { openPresence } from "@skein/auth/presence";
import { doorTopic, inboxTopic, presenceTopic, type Topic } from "@skein/auth/topic";
import type { Bytes } from "@skein/protocol/bytes";
import type { Instant, NodeId, Tag } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import type { IceServer } from "@skein/protocol/relay-frames/hello";
import type { TopicMessage } from "@skein/protocol/topic-message";
import type { Knock } from "@skein/protocol/topic-messages/knock";
import type { Letter } from "@skein/protocol/topic-messages/letter";
import type { Sockets } from "@skein/transport/socket";
import type { Alarms } from "./alarms.ts";
import type { Inbox } from "./inbox.ts";
import { MeetingPoint, type Manner, type MeetingTopics } from "./meeting-point.ts";
import type { Clock } from "./ports.ts";
import type { RelayReport } from "./relay-status.ts";
import type { Relays } from "./relays.ts";

export interface MeetingPlaceNews {
  readonly packet: (packet: Bytes) => void;
  readonly knock: (knock: Knock) => void;
  readonly present: (peer: { readonly node: NodeId; readonly box: Bytes }) => void;
  readonly letter: (letter: Letter) => void;
  /** Whether any relay takes bulk. */
  readonly room: (room: boolean) => void;
  /** A relay said hello: what was said there before it did was lost. */
  readonly greeted: (iceServers: ReadonlyArray<IceServer>) => void;
  readonly changed: () => void;
}

interface MeetingPlaceOptions {
  readonly crypto: Crypto;
  readonly keys: NodeKeys;
  readonly meeting: SecretKey;
  readonly relays: Relays;
  readonly sockets: Sockets;
  readonly clock: Clock;
  readonly random: Random;
  readonly alarms: Alarms;
  readonly inbox: Inbox;
  readonly news: MeetingPlaceNews;
}

export class MeetingPlace {
  readonly #options: MeetingPlaceOptions;
  readonly #topics: MeetingTopics;
  readonly #inboxes = new Map<NodeId, Topic>();
  readonly #points = new Map<string, MeetingPoint>();
  readonly #forgetRelays: () => void;
  /** The one in force first; what was sealed under those before it is still understood. */
  #readKeys: ReadonlyArray<SecretKey> = [];
  #saidRoom = false;

  constructor(options: MeetingPlaceOptions) {
    this.#options = options;
    const { crypto, keys, meeting, relays } = options;
    this.#topics = {
      door: doorTopic(crypto, meeting),
      presence: presenceTopic(crypto, meeting),
      mine: inboxTopic(crypto, meeting, keys.id),
    };
    this.#forgetRelays = relays.subscribe(() => {
      this.#useRelays();
      this.#reportRoom();
      options.news.changed();
    });
    this.#useRelays();
  }

  relays(): ReadonlyArray<RelayReport> {
    return [...this.#points].map(([url, point]) => ({
      url,
      status: point.status,
      slow: point.slowness(),
      keepSecondsMax: point.hello?.keepSecondsMax ?? 0,
      iceServers: point.hello?.iceServers.length ?? 0,
    }));
  }

  sendPacket(node: NodeId, packet: Bytes, bulk: boolean): void {
    this.#say(this.#inboxOf(node), { type: "packet", packet }, bulk ? "bulk" : "message");
  }

  /** Left where a relay holds such things; nowhere else is anybody to read it. */
  leave(node: NodeId, letter: Letter): void {
    for (const point of this.#points.values())
      if ((point.hello?.keepSecondsMax ?? 0) > 0)
        point.say(
          this.#inboxOf(node),
          { type: "letter", ...letter },
          { keepSeconds: letterSeconds },
        );
  }

  knock(knock: Knock): void {
    this.#say(this.#topics.door, { type: "knock", ...knock }, "message");
  }

  /** From now on this node hears knocks and leaves word that it is here. */
  moveIn(readKeys: ReadonlyArray<SecretKey>): void {
    this.#readKeys = readKeys;
    const [readKey] = readKeys;
    if (readKey !== undefined) for (const point of this.#points.values()) point.moveIn(readKey);
  }

  /** Asks who is here. */
  lookAround(): void {
    for (const point of this.#points.values()) point.lookAround();
  }

  tryNow(): void {
    for (const point of this.#points.values()) point.tryNow();
  }

  close(): void {
    this.#forgetRelays();
    for (const point of this.#points.values()) point.close();
  }

  #useRelays(): void {
    const urls = this.#options.relays.urls();
    for (const [url, point] of this.#points)
      if (!urls.includes(url)) {
        point.close();
        this.#points.delete(url);
      }
    for (const url of urls) if (!this.#points.has(url)) this.#points.set(url, this.#open(url));
  }

  #open(url: string): MeetingPoint {
    const { news } = this.#options;
    const point = new MeetingPoint({
      ...this.#options,
      url,
      topics: this.#topics,
      news: {
        delivered: (tag, payload, at) => this.#hear(tag, payload, at),
        found: (blob) => this.#meet(blob),
        greeted: () => news.greeted(this.#iceServers()),
        roomChanged: () => this.#reportRoom(),
        changed: news.changed,
      },
    });
    const [readKey] = this.#readKeys;
    if (readKey !== undefined) point.moveIn(readKey);
    return point;
  }

  #say(topic: Topic, message: TopicMessage, manner: Manner): void {
    for (const point of this.#points.values())
      if (manner !== "bulk" || point.hasRoom) point.say(topic, message, manner);
  }

  #reportRoom(): void {
    const hasRoom = [...this.#points.values()].some((point) => point.hasRoom);
    if (hasRoom === this.#saidRoom) return;
    this.#saidRoom = hasRoom;
    this.#options.news.room(hasRoom);
  }

  /** One of each relay in turn: none of them fills the list for the others. */
  #iceServers(): ReadonlyArray<IceServer> {
    const lists = [...this.#points.values()].map(({ hello }) => hello?.iceServers ?? []);
    const longest = Math.max(0, ...lists.map(({ length }) => length));
    return Array.from({ length: longest }, (_, index) => lists.flatMap((list) => list[index] ?? []))
      .flat()
      .slice(0, iceServersMax);
  }

  #hear(tag: Tag, payload: Bytes, at: Instant): void {
    const { news } = this.#options;
    const packet = this.#topics.mine.open(at, tag, payload);
    if (packet?.type === "packet") return news.packet(packet.packet);
    if (packet?.type === "letter") return news.letter(packet);
    if (this.#readKeys.length === 0) return undefined;
    const knock = this.#topics.door.open(at, tag, payload);
    if (knock?.type === "knock") news.knock(knock);
    return undefined;
  }

  #meet(blob: Bytes): void {
    const { crypto, keys, news } = this.#options;
    const found = this.#readKeys
      .map((readKey) => openPresence(crypto, readKey, blob))
      .find((opened) => opened !== undefined);
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

/** They are only kept to be found quickly: members, and as many replicas. */
const inboxesMax = nodesPerAccountMax * 2;
/** Longer than a tag lives: nobody listens under yesterday's. */
const letterSeconds = 24 * 60 * 60;
/** As many as one hello may name: each is asked at every attempt to connect directly. */
const iceServersMax = 8;
