/**
 * What the relay decides about frames: who gets them, what is answered, who has said too much.
 *
 * Knows no sockets, no timers and no clock. A member's way out is handed in; time comes with every call.
 * Frames are whatever came from outside: the worst of them end in a refusal or a closing, never in an exception.
 */

import { presenceBlobsMax } from "@skein/protocol/limits";
import { relayOps } from "@skein/protocol/relay-frame";
import type { RefusedReason } from "@skein/protocol/relay-frames/refused";

import { openDiscovery, type Discovery } from "./discovery.ts";
import * as read from "./frame-reader.ts";
import * as write from "./frame-writer.ts";
import type { Limits } from "./limits.ts";
import {
  openMember,
  ratesOf,
  type CloseCode,
  type Exit,
  type Member,
  type Rates,
} from "./member.ts";
import { frameMessage, type Framed } from "./outbox.ts";
import { openTagTable, type TagKey, type TagTable } from "./tag-table.ts";

export interface Clock {
  /** Never goes back. */
  readonly monotonicMillis: () => number;
  /** Since the epoch. */
  readonly wallMillis: () => number;
}

/** A moment, by both clocks. */
export interface Now {
  readonly monotonicMillis: number;
  readonly wallMillis: number;
}

export interface HubRules {
  readonly limits: Limits;
  readonly iceServers: ReadonlyArray<string>;
}

export class Hub {
  readonly #limits: Limits;
  readonly #iceServers: ReadonlyArray<string>;
  readonly #rates: Rates;
  readonly #members = new Set<Member>();
  readonly #table: TagTable<Member>;
  readonly #discovery: Discovery<Member>;

  constructor({ limits, iceServers }: HubRules) {
    this.#limits = limits;
    this.#iceServers = iceServers;
    this.#rates = ratesOf(limits);
    this.#table = openTagTable(limits);
    this.#discovery = openDiscovery(limits);
  }

  join(exit: Exit, { monotonicMillis, wallMillis }: Now): Member {
    const member = openMember(exit, this.#rates, monotonicMillis);
    this.#members.add(member);
    const limits = this.#limits;
    this.#say(member, write.writeHello({ limits, iceServers: this.#iceServers, wallMillis }));
    return member;
  }

  receive(member: Member, frame: Buffer, nowMillis: number): void {
    if (member.isClosing) return;
    member.heardMillis = nowMillis;
    const fault = read.judgeFrame(frame, this.#limits.payloadBytesMax);
    const op = frame[0] ?? 0;
    if (fault !== undefined) {
      this.#violate(member, { reason: fault, op, nowMillis });
      return;
    }
    member.hasSpoken = true;
    if (op === relayOps.publish || op === relayOps.bulk) this.#forward(member, frame, nowMillis);
    else this.#answer(member, frame, nowMillis);
  }

  receiveText(member: Member): void {
    this.#close(member, 1003);
  }

  ping(member: Member, nonce: number): void {
    if (!member.isClosing) this.#say(member, write.writePing(nonce));
  }

  leave(member: Member): void {
    member.isClosing = true;
    this.#members.delete(member);
    for (const tag of member.tags) this.#table.unsubscribe(tag, member);
    member.tags.clear();
    this.#discovery.withdrawAll(member);
  }

  /** Forgets announcements that have run out, and cuts the slowest readers while too much waits for all of them. */
  sweep(nowMillis: number): void {
    this.#discovery.sweep(nowMillis);
    let total = this.backlogBytes();
    if (total <= this.#limits.backlogTotalBytesMax) return;
    const slowestFirst = [...this.#members]
      .map((member) => ({ member, bytes: member.exit.backlogBytes() }))
      .toSorted((a, b) => b.bytes - a.bytes);
    for (const { member, bytes } of slowestFirst) {
      if (total <= this.#limits.backlogTotalBytesMax) return;
      this.#close(member, 1013);
      total -= bytes;
    }
  }

  /** Bytes that wait for all readers together. */
  backlogBytes(): number {
    let total = 0;
    for (const member of this.#members) total += member.exit.backlogBytes();
    return total;
  }

  counts(): { readonly tags: number; readonly announcements: number } {
    return { tags: this.#table.size(), announcements: this.#discovery.size() };
  }

  #forward(member: Member, frame: Buffer, nowMillis: number): void {
    const isBulk = frame[0] === relayOps.bulk;
    const audience = this.#table.subscribers(read.tagOf(frame));
    const listeners = audience instanceof Set ? audience.size : 1;
    const cost = frame.length * listeners;
    const { budgets } = member;
    const waitMillis = isBulk
      ? budgets.bulkBytes.spend(cost, nowMillis)
      : budgets.publishes.spend(1, nowMillis) || budgets.publishBytes.spend(cost, nowMillis);
    if (waitMillis > 0) {
      this.#hasten(member, { op: frame[0] ?? 0, waitMillis, nowMillis });
      return;
    }
    if (audience === undefined || audience === member) return;
    const framed = frameMessage(frame);
    if (audience instanceof Set) {
      for (const reader of audience) if (reader !== member) this.#deliver(reader, framed, isBulk);
    } else this.#deliver(audience, framed, isBulk);
  }

  #deliver(reader: Member, framed: Framed, isBulk: boolean): void {
    const backlogBytes = reader.exit.backlogBytes() + framed.length;
    if (isBulk && backlogBytes > this.#limits.bulkBacklogBytesMax) return;
    if (backlogBytes > this.#limits.backlogBytesMax) this.#close(reader, 1013);
    else reader.exit.push(framed);
  }

  /** Carries out everything but forwarding. */
  #answer(member: Member, frame: Buffer, nowMillis: number): void {
    const op = frame[0] ?? 0;
    const waitMillis = member.budgets.requests.spend(costOf(frame), nowMillis);
    if (waitMillis > 0) this.#hasten(member, { op, waitMillis, nowMillis });
    else if (op === relayOps.subscribe) this.#subscribe(member, frame);
    else if (op === relayOps.unsubscribe) this.#unsubscribe(member, frame);
    else if (op === relayOps.announce) this.#announce(member, frame, nowMillis);
    else if (op === relayOps.lookup)
      this.#find(member, frame, { want: read.wantOf(frame), nowMillis });
    else if (op === relayOps.withdraw) this.#discovery.withdraw(read.tagOf(frame), member);
    else if (op === relayOps.ping) this.#say(member, write.writePong(read.nonceOf(frame)));
  }

  /** All tags of the frame or as many as fit; one refusal says that some did not. */
  #subscribe(member: Member, frame: Buffer): void {
    let refusal: RefusedReason | undefined;
    for (let index = 0; index < read.tagCountOf(frame); index++)
      refusal = this.#subscribeTo(member, read.tagAt(frame, index)) ?? refusal;
    if (refusal !== undefined) this.#refuse(member, refusal, relayOps.subscribe);
  }

  #subscribeTo(member: Member, tag: TagKey): RefusedReason | undefined {
    if (member.tags.has(tag)) return undefined;
    if (member.tags.size >= this.#limits.tagsPerConnectionMax) return "too-many-tags";
    const outcome = this.#table.subscribe(tag, member);
    if (outcome === "too-many-subscribers" || outcome === "full") return outcome;
    member.tags.add(tag);
    return undefined;
  }

  #unsubscribe(member: Member, frame: Buffer): void {
    for (let index = 0; index < read.tagCountOf(frame); index++) {
      const tag = read.tagAt(frame, index);
      if (member.tags.delete(tag)) this.#table.unsubscribe(tag, member);
    }
  }

  #announce(member: Member, frame: Buffer, nowMillis: number): void {
    const { seconds, want, blob } = read.announceOf(frame);
    const keptMillis = Math.min(seconds, this.#limits.announceSecondsMax) * 1000;
    const outcome = this.#discovery.announce({
      tag: read.tagOf(frame),
      owner: member,
      blob,
      expiresMillis: nowMillis + keptMillis,
    });
    if (outcome === "full") this.#refuse(member, "full", relayOps.announce);
    else this.#find(member, frame, { want, nowMillis });
  }

  #find(
    member: Member,
    frame: Buffer,
    { want, nowMillis }: { readonly want: number; readonly nowMillis: number },
  ): void {
    const most = Math.min(want, presenceBlobsMax);
    const question = { tag: read.tagOf(frame), asker: member, want: most, nowMillis };
    this.#say(member, write.writeFound(frame, this.#discovery.lookup(question)));
  }

  /** Refuses what came too fast. The first is answered; for a while more of the kind are left out in silence. */
  #hasten(
    member: Member,
    { op, waitMillis, nowMillis }: { op: number; waitMillis: number; nowMillis: number },
  ): void {
    if (member.budgets.speedings.spend(1, nowMillis) > 0) {
      this.#close(member, 1008);
      return;
    }
    member.hushedUntil ??= new Map();
    if (nowMillis < (member.hushedUntil.get(op) ?? nowMillis)) return;
    member.hushedUntil.set(op, nowMillis + Math.min(waitMillis, hushMillisMax));
    this.#say(member, write.writeRefused("too-fast", { retryMillis: waitMillis, op }));
  }

  #violate(
    member: Member,
    { reason, op, nowMillis }: { reason: RefusedReason; op: number; nowMillis: number },
  ): void {
    if (member.budgets.violations.spend(1, nowMillis) > 0) this.#close(member, 1008);
    else this.#say(member, write.writeRefused(reason, { retryMillis: 0, op }));
  }

  #refuse(member: Member, reason: RefusedReason, op: number): void {
    this.#say(member, write.writeRefused(reason, { retryMillis: crowdedMillis, op }));
  }

  /** Replies are never left out: a reader that lets them pile up is cut like any other. */
  #say(member: Member, message: Uint8Array): void {
    this.#deliver(member, frameMessage(message), false);
  }

  #close(member: Member, code: CloseCode): void {
    if (member.isClosing) return;
    this.leave(member);
    member.exit.close(code);
  }
}

/** What a request costs of the request budget: long tag lists count for several. */
function costOf(frame: Buffer): number {
  return 1 + Math.floor(frame.length / 512);
}

/** When to ask again for what was full: others leave or run out meanwhile. */
const crowdedMillis = 30_000;
/** How long one refusal for haste stands for all of its kind. */
const hushMillisMax = 1_000;
