/**
 * Several relays at once, seen as one link: a node is there as long as one of them is.
 *
 * Rule 1. Everything is said to every relay that is open. What comes twice is refused where it is opened (chapters 2 and 3
 *         of the specification), as it would be from a relay that repeats; so nothing is compared here, and a relay that
 *         alters a message cannot keep out the true one.
 * Rule 2. Bulk goes only where there is room: a slow relay slows nobody.
 * Rule 3. The link is away when all of them are.
 */

import {
  openRelayLink,
  type RelayLink,
  type RelayLinkNews,
  type RelayLinkOptions,
} from "./relay-link-runner.ts";

export interface RelayLinksOptions extends Omit<RelayLinkOptions, "url"> {
  /** At least one. The first is asked no sooner than the others. */
  readonly urls: ReadonlyArray<string>;
}

export function openRelayLinks(options: RelayLinksOptions): RelayLink {
  const all = new Several(options);
  return {
    chooseTopics: (tags) => all.each((link) => link.chooseTopics(tags)),
    announce: (tag, blob, want) => all.each((link) => link.announce(tag, blob, want)),
    withdraw: (tag) => all.each((link) => link.withdraw(tag)),
    lookUp: (tag, want) => all.each((link) => link.lookUp(tag, want)),
    publish: (tag, payload) => all.each((link) => link.publish(tag, payload)),
    leave: (tag, payload, seconds) => all.each((link) => link.leave(tag, payload, seconds)),
    publishBulk: (tag, payload) => all.eachWithRoom((link) => link.publishBulk(tag, payload)),
    tryNow: () => all.each((link) => link.tryNow()),
    close: () => all.each((link) => link.close()),
  };
}

type News<Type> = Extract<RelayLinkNews, { readonly type: Type }>;

interface One {
  readonly link: RelayLink;
  /** Its last hello, while it is open. */
  hello: News<"greeted">["hello"] | undefined;
  away: News<"away"> | undefined;
  hasRoom: boolean;
}

class Several {
  readonly #links: ReadonlyArray<One>;
  readonly #listen: (news: RelayLinkNews) => void;
  #saidRoom = false;

  constructor({ urls, listen, seed, ...rest }: RelayLinksOptions) {
    this.#listen = listen;
    this.#links = urls.map((url, index) => {
      const one: One = {
        link: openRelayLink({
          ...rest,
          url,
          // Relays that go down together are not redialled together.
          seed: (seed + Math.imul(index, 2_654_435_761)) >>> 0,
          listen: (news) => this.#hear(one, news),
        }),
        hello: undefined,
        away: undefined,
        hasRoom: false,
      };
      return one;
    });
  }

  each(act: (link: RelayLink) => void): void {
    for (const { link } of this.#links) act(link);
  }

  eachWithRoom(act: (link: RelayLink) => void): void {
    for (const { link, hasRoom } of this.#links) if (hasRoom) act(link);
  }

  #hear(one: One, news: RelayLinkNews): void {
    switch (news.type) {
      case "greeted":
        one.hello = news.hello;
        return this.#listen({ type: "greeted", hello: { ...news.hello, iceServers: this.#ice() } });
      case "away":
        one.hello = undefined;
        one.away = news;
        return this.#reportAway(news);
      case "room":
      case "no-room":
        one.hasRoom = news.type === "room";
        return this.#reportRoom();
      case "deliver":
      case "found":
      case "refused":
      case "dropped":
        return this.#listen(news);
    }
  }

  /** Those of all relays, as many as one hello may name. */
  #ice(): News<"greeted">["hello"]["iceServers"] {
    return this.#links.flatMap(({ hello }) => hello?.iceServers ?? []).slice(0, iceServersMax);
  }

  #reportAway(news: News<"away">): void {
    if (this.#links.some(({ hello }) => hello !== undefined)) return;
    const tries = this.#links.flatMap(({ away }) => away?.at ?? []);
    const [first] = tries.toSorted((a, b) => a - b);
    this.#listen({ ...news, at: first });
  }

  #reportRoom(): void {
    const hasRoom = this.#links.some((one) => one.hasRoom);
    if (hasRoom === this.#saidRoom) return;
    this.#saidRoom = hasRoom;
    this.#listen({ type: hasRoom ? "room" : "no-room" });
  }
}

const iceServersMax = 8;
