/** One relay as a place to meet: this node's tags, its word that it is here, and what it says, by that relay's own clock. */

import type { Random } from "@skein/auth/crypto/random";
import type { Crypto } from "@skein/auth/crypto/sodium";
import type { NodeKeys } from "@skein/auth/identity";
import { sealPresence } from "@skein/auth/presence";
import type { Topic } from "@skein/auth/topic";
import type { Bytes } from "@skein/protocol/bytes";
import { instant, later, type Instant, type Tag } from "@skein/protocol/ids";
import { presenceBlobsMax } from "@skein/protocol/limits";
import type { RelayHello } from "@skein/protocol/relay-frames/hello";
import type { TopicMessage } from "@skein/protocol/topic-message";
import {
  openRelayLink,
  type RelayLink,
  type RelayLinkNews,
} from "@skein/transport/relay-link-runner";
import type { Sockets } from "@skein/transport/socket";
import type { Alarms } from "./alarms.ts";
import type { Inbox } from "./inbox.ts";
import { randomU32, type Clock } from "./ports.ts";
import type { RelayStatus, RelaySlowness } from "./relay-status.ts";
import type { MembersVenue } from "./venues.ts";

/** The topics of one account as one node uses them now, the same at every relay. */
export interface MeetingTopics {
  /** On which something may come for this node. */
  readonly heard: ReadonlyArray<Topic>;
  /** Where it leaves word that it is here; absent while it signs in. */
  readonly here: Pick<MembersVenue, "presence" | "readKey"> | undefined;
}

export interface MeetingPointNews {
  /** Something that may be for us came under this tag, at this time by the relay's day. */
  readonly delivered: (tag: Tag, payload: Bytes, at: Instant) => void;
  readonly found: (blob: Bytes) => void;
  readonly greeted: () => void;
  readonly roomChanged: () => void;
  readonly changed: () => void;
}

interface MeetingPointOptions {
  readonly url: string;
  readonly topics: () => MeetingTopics;
  readonly crypto: Crypto;
  readonly keys: NodeKeys;
  readonly sockets: Sockets;
  readonly clock: Clock;
  readonly random: Random;
  readonly alarms: Alarms;
  readonly inbox: Inbox;
  readonly news: MeetingPointNews;
}

/** How a message is said: `keepSeconds` is worth holding so long for a reader who is away. */
export type Manner = "message" | "bulk" | { readonly keepSeconds: number };

type News<T extends RelayLinkNews["type"]> = Extract<RelayLinkNews, { readonly type: T }>;

export class MeetingPoint {
  readonly #options: MeetingPointOptions;
  readonly #link: RelayLink;
  #announced: ReadonlyArray<Tag> = [];
  /** What is added to the local clock to choose tags, where it is off by so much that nobody would be met. */
  #clockErrorMillis = 0;
  #status: RelayStatus;
  #slow: RelaySlowness | undefined;
  #hello: RelayHello | undefined;
  #hasRoom = false;
  #closed = false;

  constructor(options: MeetingPointOptions) {
    this.#options = options;
    const { url, sockets, clock, random, inbox } = options;
    this.#status = { phase: "connecting", since: clock.now(), retryAt: undefined, code: undefined };
    this.#link = openRelayLink({
      url,
      sockets,
      alarm: clock,
      seed: randomU32(random),
      listen: (heard) =>
        inbox.post(() => {
          if (!this.#closed) this.#hear(heard);
        }),
    });
    this.settle();
  }

  get status(): RelayStatus {
    return this.#status;
  }

  /** What it said it allows and offers, while it is there. */
  get hello(): RelayHello | undefined {
    return this.#hello;
  }

  /** Bulk is taken. */
  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  /** It refused something a moment ago, and is asked no sooner than it said. */
  slowness(): RelaySlowness | undefined {
    return this.#slow !== undefined && this.#slow.until > this.#options.clock.now()
      ? this.#slow
      : undefined;
  }

  say(topic: Topic, message: TopicMessage, manner: Manner): void {
    const { tag, payload } = topic.seal(this.#tagTime(), message, this.#options.random);
    if (manner === "message") this.#link.publish(tag, payload);
    else if (manner === "bulk") this.#link.publishBulk(tag, payload);
    else this.#link.leave(tag, payload, manner.keepSeconds);
  }

  /** Asks who is here. */
  lookAround(): void {
    const { here } = this.#options.topics();
    for (const tag of here?.presence.tagsAt(this.#tagTime()) ?? [])
      this.#link.lookUp(tag, presenceBlobsMax);
  }

  tryNow(): void {
    this.#link.tryNow();
  }

  close(): void {
    this.#closed = true;
    this.#options.alarms.cancel(this.#alarm());
    this.#link.close();
  }

  /** Subscribes to today's tags, leaves word under them, and comes back when they change. */
  settle(): void {
    const { topics, alarms } = this.#options;
    const { heard, here } = topics();
    const now = this.#tagTime();
    this.#link.chooseTopics(heard.flatMap((topic) => [...topic.tagsAt(now)]));
    this.#announce(now);
    const all = here === undefined ? heard : [...heard, here.presence];
    const rotations = all.map((topic) => topic.nextRotation(now));
    const next = rotations.reduce((first, at) => (at < first ? at : first));
    alarms.set(this.#alarm(), later(next, -this.#clockErrorMillis), () => this.settle());
  }

  #announce(now: Instant): void {
    const { crypto, keys, random, topics } = this.#options;
    const { here } = topics();
    if (here === undefined) return;
    const { readKey, presence } = here;
    const said = { sign: keys.signPublic, box: keys.boxPublic, at: now };
    const tags = presence.tagsAt(now);
    // Yesterday's tag beside today's would tell the relay that both are of one node.
    for (const tag of this.#announced) if (!tags.includes(tag)) this.#link.withdraw(tag);
    for (const tag of tags)
      this.#link.announce(tag, sealPresence(crypto, readKey, said, random), presenceBlobsMax);
    this.#announced = tags;
  }

  #hear(heard: RelayLinkNews): void {
    const { news } = this.#options;
    switch (heard.type) {
      case "greeted":
        return this.#greet(heard);
      case "away":
        this.#goAway(heard);
        return news.changed();
      case "deliver":
        return news.delivered(heard.tag, heard.payload, this.#tagTime());
      case "found":
        return heard.blobs.forEach((blob) => news.found(blob));
      case "room":
      case "no-room":
        this.#hasRoom = heard.type === "room";
        return news.roomChanged();
      case "refused":
        return this.#slowDown(heard);
      case "dropped":
      case "left-out":
        return undefined;
    }
  }

  #greet({ hello }: News<"greeted">): void {
    const { clock, news } = this.#options;
    if (this.#status.phase !== "connected")
      this.#status = { phase: "connected", since: clock.now() };
    this.#hello = hello;
    this.#compareClocks(instant(hello.now));
    news.greeted();
    news.changed();
  }

  /**
   * A relay that lies about the time can make nodes miss each other at that relay, which it can do anyway.
   * It is used for nothing else, and at no other relay.
   */
  #compareClocks(relayNow: Instant): void {
    const error = relayNow - this.#options.clock.now();
    const before = this.#clockErrorMillis;
    this.#clockErrorMillis = Math.abs(error) > clockErrorMillisMin ? error : 0;
    if (this.#clockErrorMillis !== before) this.settle();
  }

  #slowDown({ reason, retryAfterSeconds }: News<"refused">): void {
    const { clock, news } = this.#options;
    const until = later(clock.now(), Math.max(retryAfterSeconds, toldSecondsMin) * 1_000);
    this.#slow = { reason, until };
    news.changed();
  }

  #goAway({ at, code }: News<"away">): void {
    const since = this.#status.phase === "away" ? this.#status.since : this.#options.clock.now();
    this.#status = { phase: "away", since, retryAt: at, code };
    this.#hello = undefined;
    this.#slow = undefined;
    this.#hasRoom = false;
    this.#options.news.roomChanged();
  }

  #tagTime(): Instant {
    return later(this.#options.clock.now(), this.#clockErrorMillis);
  }

  #alarm(): string {
    return `topics ${this.#options.url}`;
  }
}

/** Half a day: tags are of a day, and are heard half an hour around its edges. */
const clockErrorMillisMin = 12 * 60 * 60_000;
/** A refusal is told long enough to be read. */
const toldSecondsMin = 10;
