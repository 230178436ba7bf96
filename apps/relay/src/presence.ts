/** What nodes announce and look up here, and what other relays tell of theirs. */

import { presenceBlobsMax } from "@skein/protocol/limits";
import { relayOps } from "@skein/protocol/relay-frame";

import { openDiscovery, type Discovery } from "./discovery.ts";
import * as read from "./frame-reader.ts";
import * as write from "./frame-writer.ts";
import type { Junction, RemoteAnnouncement, RemoteOwner } from "./junction.ts";
import type { Limits } from "./limits.ts";
import { Member } from "./member.ts";
import { openQuestions, type Questions } from "./questions.ts";
import type { TagKey } from "./tag-table.ts";
import type { Totals } from "./totals.ts";

export interface PresenceSetup {
  readonly limits: Limits;
  readonly junction: Junction | undefined;
  readonly totals: Pick<Totals, "announces" | "lookups">;
  readonly say: (member: Member, message: Uint8Array) => void;
  readonly refuse: (member: Member, op: number) => void;
  /** Whether memory is short: then nothing is taken that would stand. */
  readonly isShort: () => boolean;
}

export interface PresenceCounts {
  readonly announcements: number;
  /** Of these, what other relays told. */
  readonly neighbourAnnouncements: number;
  /** Askers who wait for what other relays know. */
  readonly neighbourQuestions: number;
}

type Owner = Member | RemoteOwner;

interface Asked {
  readonly tag: TagKey;
  readonly want: number;
  readonly nowMillis: number;
}

export class Presence {
  readonly #setup: PresenceSetup;
  readonly #discovery: Discovery<Owner>;
  readonly #questions: Questions<Member>;
  /** Announcements of other relays' nodes. */
  #neighbours = 0;

  constructor(setup: PresenceSetup) {
    this.#setup = setup;
    const { limits, junction } = setup;
    this.#questions = openQuestions(limits);
    this.#discovery = openDiscovery<Owner>(limits, {
      came: (tag, owner) => {
        if (owner instanceof Member) junction?.hold(tag);
        else this.#neighbours += 1;
      },
      gone: (tag, owner) => {
        if (!(owner instanceof Member)) {
          this.#neighbours -= 1;
          return;
        }
        if (owner.owner !== undefined) junction?.withdraw(owner.owner, tag);
        junction?.release(tag);
      },
    });
  }

  counts(): PresenceCounts {
    return {
      announcements: this.#discovery.size(),
      neighbourAnnouncements: this.#neighbours,
      neighbourQuestions: this.#questions.size(),
    };
  }

  sweep(nowMillis: number): void {
    this.#discovery.sweep(nowMillis);
    this.#questions.sweep(nowMillis);
  }

  leave(member: Member): void {
    this.#discovery.withdrawAll(member);
  }

  withdraw(tag: TagKey, owner: Owner): void {
    this.#discovery.withdraw(tag, owner);
  }

  announce(member: Member, frame: Buffer, nowMillis: number): void {
    const { limits, junction, totals, refuse } = this.#setup;
    totals.announces += 1;
    const { seconds, want, blob } = read.announceOf(frame);
    const tag = read.tagOf(frame);
    const keptSeconds = Math.min(seconds, limits.announceSecondsMax);
    const expiresMillis = nowMillis + keptSeconds * 1000;
    const isTaken =
      this.#hasRoom(tag, member) &&
      this.#discovery.announce({ tag, owner: member, blob, expiresMillis }) === "announced";
    if (!isTaken) return refuse(member, relayOps.announce);
    if (junction !== undefined) {
      member.owner ??= junction.mint();
      junction.announce(member.owner, { tag, seconds: keptSeconds, blob });
    }
    this.find(member, { tag, want, nowMillis });
  }

  find(member: Member, { tag, want, nowMillis }: Asked): void {
    const { junction, totals } = this.#setup;
    totals.lookups += 1;
    this.#sayFound(member, { tag, want, nowMillis });
    if (junction?.isUp() !== true) return;
    if (this.#questions.add(tag, member, { want, nowMillis })) junction.ask(tag);
  }

  /** What another relay's node announces. Renewing takes no room that is not taken already. */
  keepRemote({ tag, owner, seconds, blob }: RemoteAnnouncement, nowMillis: number): void {
    const { limits } = this.#setup;
    const isFull = this.#neighbours >= limits.neighbourAnnouncementsMax;
    if (!this.#hasRoom(tag, owner) || (isFull && !this.#discovery.has(tag, owner))) return;
    const keptSeconds = Math.min(seconds, limits.announceSecondsMax);
    const expiresMillis = nowMillis + keptSeconds * 1000;
    if (this.#discovery.announce({ tag, owner, blob, expiresMillis }) === "full") return;
    for (const [member, want] of this.#questions.askers(tag))
      if (!member.isClosing) this.#sayFound(member, { tag, want, nowMillis });
  }

  forgetRemote(owner: RemoteOwner): void {
    this.#discovery.withdrawAll(owner);
  }

  holdsRemote(owner: RemoteOwner): boolean {
    return this.#discovery.holds(owner);
  }

  /** Nobody here needs these tags any more, and others will not tell of what becomes of them. */
  lapse(has: (tag: TagKey) => boolean): void {
    this.#discovery.forget((tag, owner) => !(owner instanceof Member) && has(tag));
  }

  /** Tells other relays once more what our own nodes announced. */
  announceAgain(tag: TagKey | undefined, nowMillis: number): void {
    const announcements = tag === undefined ? this.#discovery.all() : this.#discovery.under(tag);
    for (const { tag: under, owner, blob, expiresMillis } of announcements)
      if (owner instanceof Member && owner.owner !== undefined) {
        const seconds = (expiresMillis - nowMillis) / 1000;
        if (seconds > 0) this.#setup.junction?.announce(owner.owner, { tag: under, seconds, blob });
      }
  }

  #hasRoom(tag: TagKey, owner: Owner): boolean {
    return !this.#setup.isShort() || this.#discovery.has(tag, owner);
  }

  #sayFound(member: Member, { tag, want, nowMillis }: Asked): void {
    const most = Math.min(want, presenceBlobsMax);
    const blobs = this.#discovery.lookup({ tag, asker: member, want: most, nowMillis });
    this.#setup.say(member, write.writeFound(tag, blobs));
  }
}
