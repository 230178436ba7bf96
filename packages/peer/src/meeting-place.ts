/**
 * Where the nodes of an account meet: at one relay or at several, which know nothing of each other.
 *
 * Rule 1. Everything is said at every relay. What comes twice counts once: sessions refuse a packet they have had, and a
 *         knock calls back a node that is called back already. Nothing is compared here, so a relay that alters a message
 *         cannot keep out the true one.
 * Rule 2. Bulk goes only where there is room: a slow relay slows nobody.
 * Rule 3. What one relay says of the time, or of its servers, holds at that relay.
 * Rule 4. Members meet where only those meet who have the read key in force. At the door they only listen: for knocks, and
 *         for members that do not know where the others went.
 * Rule 5. A node is answered where it was last heard. Where nothing is known of it, it is looked for at the door too.
 */

import type { Random } from "@skein/auth/crypto/random";
import type { SecretKey } from "@skein/auth/crypto/secret";
import type { Crypto } from "@skein/auth/crypto/sodium";
import { nodeIdOf, type NodeKeys } from "@skein/auth/identity";
import { openPresence } from "@skein/auth/presence";
import type { Topic } from "@skein/auth/topic";
import { openTwinWatch, type TwinWatch } from "@skein/auth/twin";
import type { Bytes } from "@skein/protocol/bytes";
import { later, type Instant, type NodeId, type Tag } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import type { IceServer } from "@skein/protocol/relay-frames/hello";
import type { TopicMessage } from "@skein/protocol/topic-message";
import type { Knock } from "@skein/protocol/topic-messages/knock";
import type { Letter } from "@skein/protocol/topic-messages/letter";
import type { Twin } from "@skein/protocol/topic-messages/twin";
import type { Sockets } from "@skein/transport/socket";
import type { Alarms } from "./alarms.ts";
import type { Inbox } from "./inbox.ts";
import { MeetingPoint, type Manner, type MeetingTopics } from "./meeting-point.ts";
import type { Clock } from "./ports.ts";
import type { RelayReport } from "./relay-status.ts";
import type { Relays } from "./relays.ts";
import {
  openDoorVenue,
  openMembersVenue,
  type DoorVenue,
  type MembersVenue,
  type Venue,
  type Whereabouts,
} from "./venues.ts";

export interface MeetingPlaceNews {
  /** `venue` is the name of the place where it came. */
  readonly packet: (packet: Bytes, venue: string) => void;
  readonly knock: (knock: Knock) => void;
  readonly present: (peer: { readonly node: NodeId; readonly box: Bytes }) => void;
  readonly letter: (letter: Letter) => void;
  /** Another program runs with our own keys. */
  readonly self: () => void;
  /** Whether any relay takes bulk. */
  readonly room: (room: boolean) => void;
  /** A relay said hello: what was said there before it did was lost. */
  readonly greeted: (iceServers: ReadonlyArray<IceServer>) => void;
  readonly changed: () => void;
}

interface MeetingPlaceOptions {
  readonly crypto: Crypto;
  readonly keys: NodeKeys;
  readonly whereabouts: Whereabouts;
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
  readonly #points = new Map<string, MeetingPoint>();
  readonly #forgetRelays: () => void;
  /** All places where this node listens, by name. */
  readonly #venues = new Map<string, Venue>();
  /** Where each node was last heard, or said that it is. */
  readonly #whereOf = new Map<NodeId, string>();
  readonly #twins: TwinWatch;
  #door: DoorVenue;
  #former: DoorVenue | undefined;
  #members: MembersVenue | undefined;
  #saidRoom = false;

  constructor(options: MeetingPlaceOptions) {
    this.#options = options;
    const { relays, whereabouts } = options;
    this.#twins = openTwinWatch(options);
    this.#door = openDoorVenue(this.#owner(), whereabouts.door);
    this.#meetAt(whereabouts);
    this.#forgetRelays = relays.subscribe(() => {
      this.#useRelays();
      this.#reportRoom();
      options.news.changed();
    });
    this.#useRelays();
  }

  /** Other secrets from now on. Whoever was just told of them still finds this node where it was, for a moment. */
  meetAt(whereabouts: Whereabouts): void {
    this.#meetAt(whereabouts);
    for (const point of this.#points.values()) point.settle();
    const { alarms, clock } = this.#options;
    alarms.set("leave places", later(clock.now(), lingerMillis), () => {
      this.#leave();
      for (const point of this.#points.values()) point.settle();
    });
  }

  /** What sessions begin with: that of the place first, if it is one of ours. */
  psks(venue: string | undefined): ReadonlyArray<SecretKey> {
    const current = [this.#members, this.#door, this.#former].filter((one) => one !== undefined);
    const here = venue === undefined ? undefined : this.#venues.get(venue);
    const all = here === undefined ? current : [here, ...current.filter((one) => one !== here)];
    return all.map(({ psk }) => psk);
  }

  /** Whether this place is one of before, which only whoever has not heard of the new one looks at. */
  isFormer(venue: string): boolean {
    return venue !== this.#door.name && venue !== this.#members?.name;
  }

  heard(node: NodeId, venue: string): void {
    this.#whereOf.delete(node);
    this.#whereOf.set(node, venue);
    const [oldest] = this.#whereOf.keys();
    if (this.#whereOf.size > nodesMax && oldest !== undefined) this.#whereOf.delete(oldest);
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

  /** `venue`: where it is to be sent; otherwise where the node was last heard. */
  sendPacket(
    node: NodeId,
    packet: Bytes,
    { bulk, venue }: { readonly bulk: boolean; readonly venue?: string | undefined },
  ): void {
    const where = this.#venues.get(venue ?? this.#whereOf.get(node) ?? "");
    const to = (where ?? this.#members ?? this.#door).inboxOf(node);
    this.#say(to, { type: "packet", packet }, bulk ? "bulk" : "message");
  }

  /** Calls a node that may not know, or may not answer, where it was last heard. */
  callEverywhere(node: NodeId, packet: Bytes): void {
    for (const venue of [this.#members, this.#door, this.#former])
      if (venue !== undefined)
        this.sendPacket(node, packet.slice(), { bulk: false, venue: venue.name });
  }

  /** Whether it was heard somewhere, or said that it is there. */
  isPlaced(node: NodeId): boolean {
    return this.#whereOf.has(node);
  }

  /** Left where a relay holds such things; nowhere else is anybody to read it. Where members meet: others could open it at the door. */
  leave(node: NodeId, letter: Letter): void {
    const inbox = (this.#members ?? this.#door).inboxOf(node);
    for (const point of this.#points.values())
      if ((point.hello?.keepSecondsMax ?? 0) > 0)
        point.say(inbox, { type: "letter", ...letter }, { keepSeconds: letterSeconds });
  }

  knock(knock: Knock): void {
    this.#say(this.#door.knocks, { type: "knock", ...knock }, "message");
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
    this.#options.alarms.cancel("leave places");
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
      topics: () => this.#topics(),
      news: {
        delivered: (tag, payload, at) => this.#hear(tag, payload, at),
        found: (blob) => this.#meet(blob),
        greeted: () => {
          this.#askForTwin();
          news.greeted(this.#iceServers());
        },
        roomChanged: () => this.#reportRoom(),
        changed: news.changed,
      },
    });
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
    for (const { name, mine } of this.#venues.values()) {
      const packet = mine.open(at, tag, payload);
      if (packet?.type === "packet") return news.packet(packet.packet, name);
      if (packet?.type === "letter") return news.letter(packet);
      if (packet?.type === "twin") return this.#hearTwin(packet, mine);
    }
    if (this.#members === undefined) return undefined;
    const knock = this.#door.knocks.open(at, tag, payload);
    if (knock?.type === "knock") news.knock(knock);
    return undefined;
  }

  #meet(blob: Bytes): void {
    const { crypto, keys, news } = this.#options;
    const members = this.#members;
    if (members === undefined) return;
    const found = openPresence(crypto, members.readKey, blob);
    if (found === undefined) return;
    const node = nodeIdOf(crypto, found.sign, found.box);
    // A relay does not answer us with our own: it is of a connection before this one, or a copy of this profile is there.
    if (node === keys.id) return this.#askForTwin();
    this.heard(node, members.name);
    news.present({ node, box: found.box });
  }

  #hearTwin(twin: Twin, mine: Topic): void {
    const { clock, news } = this.#options;
    const { met, answer } = this.#twins.hear(twin, clock.now());
    if (answer !== undefined) this.#sayTwin(answer, mine);
    if (met) news.self();
  }

  /** Everywhere: a copy from before the last change of keys or words shares some of the places only. */
  #askForTwin(): void {
    const question = this.#twins.ask(this.#options.clock.now());
    if (question === undefined) return;
    for (const { mine } of this.#venues.values()) this.#sayTwin(question, mine);
  }

  /** By the inbox that is its own, and its twin's. */
  #sayTwin(twin: Twin, mine: Topic): void {
    this.#say(mine, { type: "twin", ...twin }, "message");
  }

  // --- Places. ---

  #topics(): MeetingTopics {
    const inboxes = [...this.#venues.values()].map(({ mine }) => mine);
    const heard = this.#members === undefined ? inboxes : [...inboxes, this.#door.knocks];
    return { heard, here: this.#members };
  }

  #meetAt({ door, former, readKey }: Whereabouts): void {
    const owner = this.#owner();
    const doors = [this.#door, this.#former];
    this.#door = this.#enter(openDoorVenue(owner, door), doors);
    this.#former = former && this.#enter(openDoorVenue(owner, former), doors);
    this.#members = readKey && this.#enter(openMembersVenue(owner, readKey), [this.#members]);
  }

  /** Sessions may have begun with the secrets of a place that is the same. */
  #enter<V extends Venue>(venue: V, before: ReadonlyArray<V | undefined>): V {
    const known = before.find((one) => one?.name === venue.name);
    if (known !== undefined) venue[Symbol.dispose]();
    const entered = known ?? venue;
    this.#venues.set(entered.name, entered);
    return entered;
  }

  #leave(): void {
    const current = new Set([this.#members, this.#door, this.#former].map((one) => one?.name));
    for (const [name, venue] of this.#venues) {
      if (current.has(name)) continue;
      this.#venues.delete(name);
      venue[Symbol.dispose]();
    }
    for (const [node, name] of this.#whereOf)
      if (!current.has(name)) this.#whereOf.set(node, this.#door.name);
  }

  #owner(): { readonly crypto: Crypto; readonly me: NodeId } {
    return { crypto: this.#options.crypto, me: this.#options.keys.id };
  }
}

/** Nodes of which it is remembered where they are: members, and as many replicas. */
const nodesMax = nodesPerAccountMax * 2;
/** Long enough for the news of other secrets to reach whoever is connected, and for sessions to find each other again. */
const lingerMillis = 2 * 60_000;
/** Longer than a tag lives: nobody listens under yesterday's. */
const letterSeconds = 24 * 60 * 60;
/** As many as one hello may name: each is asked at every attempt to connect directly. */
const iceServersMax = 8;
