/**
 * What the relay decides about frames: who gets them, what is answered, who has said too much.
 *
 * Knows no sockets, no timers and no clock. A member's way out is handed in; time comes with every call.
 * Frames are whatever came from outside: the worst of them end in a refusal or a closing, never in an exception.
 */

import { relayOps } from "@skein/protocol/relay-frame";
import type { RefusedReason } from "@skein/protocol/relay-frames/refused";

import type { Visitor } from "./addresses.ts";
import { Burden } from "./burden.ts";
import { fixedLimits } from "./fixed-limits.ts";
import { FairQueue, workOf } from "./fair-queue.ts";
import * as read from "./frame-reader.ts";
import * as write from "./frame-writer.ts";
import { openGreeter, type Greeter, type GreeterRules } from "./greeter.ts";
import type { Junction } from "./junction.ts";
import { openKeeper, type Keeper } from "./keeper.ts";
import type { Limits } from "./limits.ts";
import { Member, ratesOf, type CloseCode, type Exit, type Rates } from "./member.ts";
import { frameMessage, framePong, type Framed } from "./outbox.ts";
import { Presence, type PresenceCounts } from "./presence.ts";
import { openPurse, type Purse } from "./purse.ts";
import { openTagTable, type TagKey, type TagTable } from "./tag-table.ts";
import { Totals } from "./totals.ts";

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

export interface HubRules extends GreeterRules {
  readonly junction?: Junction | undefined;
  /** Calls back when the event loop has read from everybody. */
  readonly later: (run: () => void) => void;
}

export class Hub {
  readonly totals = new Totals();
  readonly #greeter: Greeter;
  readonly #limits: Limits;
  readonly #rates: Rates;
  readonly #members = new Set<Member>();
  readonly #table: TagTable<Member>;
  readonly #presence: Presence;
  readonly #keeper: Keeper;
  readonly #junction: Junction | undefined;
  readonly #queue: FairQueue;
  readonly purse: Purse;
  readonly burden: Burden;
  /** Memory is short: nothing is taken that would stand. */
  isShort = false;
  #nowMillis = 0;
  #nextKept = 0;

  constructor(rules: HubRules) {
    const { limits, junction } = rules;
    this.#greeter = openGreeter(rules);
    this.#limits = limits;
    this.#junction = junction;
    this.#queue = new FairQueue(rules);
    this.#rates = ratesOf(limits);
    this.#table = openTagTable(limits);
    const cut = (member: Member): void => this.#close(member, 1013);
    this.burden = new Burden({ limits, members: this.#members, cut });
    this.#keeper = openKeeper(limits, {
      came: (tag) => junction?.hold(tag),
      gone: (tag) => junction?.release(tag),
    });
    this.purse = openPurse(limits);
    const { totals } = this;
    this.#presence = new Presence({
      limits,
      junction,
      totals,
      say: (member, message) => this.#say(member, message),
      refuse: (member, op) => this.#refuse(member, "full", op),
      isShort: () => this.isShort,
    });
    this.#meetOthers(this.#presence);
  }

  #meetOthers(presence: Presence): void {
    this.#junction?.open({
      deliver: (frame) => this.#deliverRemote(frame),
      announced: (announcement) => presence.keepRemote(announcement, this.#nowMillis),
      withdrawn: (tag, owner) => presence.withdraw(tag, owner),
      gone: (owner) => presence.forgetRemote(owner),
      holds: (owner) => presence.holdsRemote(owner),
      sayAgain: (tag) => presence.announceAgain(tag, this.#nowMillis),
      takeBack: (name) => this.#keeper.takeBack(name),
      release: (tag) => this.#releaseKept(tag),
      lapsed: (has) => presence.lapse(has),
    });
  }

  join(exit: Exit, now: Now, visitor?: Visitor): Member {
    const member = new Member({ exit, rates: this.#rates, visitor }, now.monotonicMillis);
    this.#members.add(member);
    this.totals.connections += 1;
    this.greet(member, now);
    return member;
  }

  /** Says hello; again when the words for TURN in the one before grow old. */
  greet(member: Member, { monotonicMillis, wallMillis }: Now): void {
    member.greetedMillis = monotonicMillis;
    this.#say(member, this.#greeter.hello(wallMillis));
  }

  isGreetingOld(member: Member, nowMillis: number): boolean {
    return this.#greeter.isOld(member.greetedMillis, nowMillis);
  }

  receive(member: Member, frame: Buffer, nowMillis: number): void {
    if (member.isClosing) return;
    this.#nowMillis = nowMillis;
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

  /** Passes on what had to wait, or gives it up. */
  goOn(member: Member, frame: Buffer, isAdmitted: boolean): void {
    if (member.isClosing) return;
    const tag = read.tagOf(frame);
    const audience = this.#table.subscribers(tag);
    const readers = audience instanceof Set ? audience.size : 1;
    if (isAdmitted && this.#queue.admitsAgain(readers)) this.#pass(member, frame, tag, audience);
    else this.#giveUp(member, frame, this.#nowMillis);
  }

  /** A ping of WebSocket itself. The answer counts and waits like any other. */
  receivePing(member: Member, payload: Uint8Array, nowMillis: number): void {
    if (member.isClosing) return;
    const waitMillis = member.spendRequest(1, nowMillis);
    if (waitMillis > 0) this.#hasten(member, { op: relayOps.ping, waitMillis, nowMillis });
    else this.#deliver(member, framePong(payload), false);
  }

  receiveText(member: Member): void {
    this.#close(member, 1003);
  }

  /** The library found something no WebSocket may say, and closes the connection. */
  blame(member: Member, nowMillis: number): void {
    member.visitor?.blame(nowMillis);
  }

  ping(member: Member, nonce: number): void {
    if (!member.isClosing) this.#say(member, write.writePing(nonce));
  }

  leave(member: Member): void {
    member.isClosing = true;
    this.#members.delete(member);
    this.#queue.leave(member);
    for (const tag of member.takeTags()) this.#unsubscribeFrom(member, tag);
    this.#presence.leave(member);
  }

  /** Forgets what has run out, and cuts the slowest readers while too much waits for all of them. */
  sweep(nowMillis: number): void {
    this.#nowMillis = nowMillis;
    this.#presence.sweep(nowMillis);
    this.totals.keptExpired += this.#keeper.sweep(nowMillis);
    this.#junction?.tick(nowMillis);
    this.burden.weigh();
  }

  counts(): HubCounts {
    const { frames, bytes } = this.#keeper.counts();
    return {
      tags: this.#table.size(),
      readers: this.#table.readers(),
      ...this.#presence.counts(),
      waitingSenders: this.#queue.size,
      keptFrames: frames,
      keptBytes: bytes,
    };
  }

  #forward(member: Member, frame: Buffer, nowMillis: number): void {
    const isBulk = frame[0] === relayOps.bulk;
    const tag = read.tagOf(frame);
    const audience = this.#table.subscribers(tag);
    const readers = audience instanceof Set ? audience.size : 1;
    const bytes = frame.length * readers;
    const cost = workOf(frame.length, readers) - workOf(0, 1);
    const waitMillis = this.#charge(member, { cost, bytes, isBulk, nowMillis });
    if (waitMillis > 0) {
      this.#hasten(member, { op: frame[0] ?? 0, waitMillis, nowMillis });
      return;
    }
    const verdict = this.#queue.admit(member, frame, audience === undefined ? 0 : readers);
    if (verdict === "now") this.#pass(member, frame, tag, audience);
    else if (verdict === "later") this.totals.waited += 1;
    else this.#giveUp(member, frame, nowMillis);
  }

  /** It is paid for all the same: there is more than the relay can do. */
  #giveUp(member: Member, frame: Buffer, nowMillis: number): void {
    const [op = 0] = frame;
    this.#hasten(member, { op, waitMillis: fixedLimits.turnWaitMillis, nowMillis });
  }

  #pass(
    member: Member,
    frame: Buffer,
    tag: TagKey,
    audience: Member | Set<Member> | undefined,
  ): void {
    const isBulk = frame[0] === relayOps.bulk;
    const { totals } = this;
    if (isBulk) {
      totals.bulks += 1;
      totals.bulkBytes += frame.length;
    } else {
      totals.publishes += 1;
      totals.publishBytes += frame.length;
    }
    this.#junction?.forward(tag, frame, isBulk);
    if (audience !== undefined && audience !== member) this.#deliverTo(audience, frame, member);
  }

  /** What a frame costs its sender, its sender's address, and everybody; the milliseconds to wait if one of them has nothing left. */
  #charge(member: Member, { cost, bytes, isBulk, nowMillis }: Charge): number {
    const ownMillis = isBulk
      ? member.spendBulk(cost, nowMillis)
      : member.spendPublish(cost, nowMillis);
    if (ownMillis > 0) return ownMillis;
    const addressMillis = member.visitor?.spend(cost, isBulk, nowMillis) ?? 0;
    return addressMillis || this.purse.spend(bytes, isBulk, nowMillis);
  }

  /** Answers how many got it. */
  #deliverTo(audience: Member | Set<Member>, frame: Uint8Array, sender?: Member): number {
    const isBulk = frame[0] === relayOps.bulk;
    const framed = frameMessage(frame);
    if (!(audience instanceof Set)) {
      this.#deliver(audience, framed, isBulk);
      return 1;
    }
    let count = 0;
    for (const reader of audience)
      if (reader !== sender) {
        this.#deliver(reader, framed, isBulk);
        count += 1;
      }
    return count;
  }

  #deliver(reader: Member, framed: Framed, isBulk: boolean): void {
    const backlogBytes = reader.exit.backlogBytes() + framed.length;
    if (isBulk && backlogBytes > this.#limits.bulkBacklogBytesMax) {
      this.totals.bulkLeftOut += 1;
      return;
    }
    if (backlogBytes > this.#limits.backlogBytesMax) {
      this.#close(reader, 1013);
      return;
    }
    this.totals.delivered += 1;
    this.totals.deliveredBytes += framed.length;
    reader.exit.push(framed);
    this.burden.add(framed.length);
  }

  /** Carries out everything but forwarding. */
  #answer(member: Member, frame: Buffer, nowMillis: number): void {
    const [op = 0] = frame;
    const waitMillis = member.spendRequest(read.costOf(frame), nowMillis);
    if (waitMillis > 0) this.#hasten(member, { op, waitMillis, nowMillis });
    else if (op === relayOps.subscribe) this.#subscribe(member, frame);
    else if (op === relayOps.unsubscribe) this.#unsubscribe(member, frame);
    else if (op === relayOps.announce) this.#presence.announce(member, frame, nowMillis);
    else if (op === relayOps.lookup)
      this.#presence.find(member, { tag: read.tagOf(frame), want: read.wantOf(frame), nowMillis });
    else if (op === relayOps.withdraw) this.#presence.withdraw(read.tagOf(frame), member);
    else if (op === relayOps.keep) this.#keep(member, frame, nowMillis);
    else if (op === relayOps.ping) this.#say(member, write.writePong(read.nonceOf(frame)));
  }

  /** All tags of the frame or as many as fit; one refusal says that some did not. */
  #subscribe(member: Member, frame: Buffer): void {
    this.totals.subscribes += 1;
    let refusal: RefusedReason | undefined;
    for (let index = 0; index < read.tagCountOf(frame); index++)
      refusal = this.#subscribeTo(member, read.tagAt(frame, index)) ?? refusal;
    if (refusal !== undefined) this.#refuse(member, refusal, relayOps.subscribe);
  }

  #subscribeTo(member: Member, tag: TagKey): RefusedReason | undefined {
    if (member.tagCount() >= this.#limits.tagsPerConnectionMax)
      return this.#table.has(tag, member) ? undefined : "too-many-tags";
    if (!this.#hasTagRoom(member) && !this.#table.has(tag, member)) return "full";
    const outcome = this.#table.subscribe(tag, member);
    if (outcome !== "subscribed") return outcome === "known" ? undefined : outcome;
    member.addTag(tag);
    member.visitor?.countTags(1);
    this.#junction?.hold(tag);
    if (this.#limits.keepSecondsMax === 0) return undefined;
    this.#releaseKept(tag);
    this.#junction?.readerCame(tag);
    return undefined;
  }

  #hasTagRoom({ visitor }: Member): boolean {
    const isScarce = this.#table.size() >= this.#limits.tagsMax * scarceShare;
    return !this.isShort && visitor?.hasTagRoom(isScarce) !== false;
  }

  /** Whether nobody else can have a tag of their own. */
  isOutOfTags(): boolean {
    return this.#table.size() >= this.#limits.tagsMax;
  }

  #unsubscribe(member: Member, frame: Buffer): void {
    for (let index = 0; index < read.tagCountOf(frame); index++) {
      const tag = read.tagAt(frame, index);
      if (member.removeTag(tag)) this.#unsubscribeFrom(member, tag);
    }
  }

  #unsubscribeFrom(member: Member, tag: TagKey): void {
    this.#table.unsubscribe(tag, member);
    member.visitor?.countTags(-1);
    this.#junction?.release(tag);
  }

  /** Delivers, or holds the frame for the first who comes. */
  #keep(member: Member, frame: Buffer, nowMillis: number): void {
    const tag = read.tagOf(frame);
    const { seconds, publish } = read.keptOf(frame);
    const audience = this.#table.subscribers(tag);
    const isHeard = audience !== undefined && audience !== member;
    const { length: bytes } = publish;
    const waitMillis =
      (member.visitor?.spendKeep(nowMillis) ?? 0) ||
      (isHeard ? 0 : this.#charge(member, { cost: bytes, bytes, isBulk: false, nowMillis }));
    if (waitMillis > 0) {
      this.#hasten(member, { op: relayOps.keep, waitMillis, nowMillis });
      return;
    }
    const keptSeconds = Math.min(seconds, this.#limits.keepSecondsMax);
    if (isHeard) this.#forward(member, publish, nowMillis);
    else if (keptSeconds === 0) this.#junction?.forward(tag, publish, false);
    else this.#hold(member, { tag, publish, expiresMillis: nowMillis + keptSeconds * 1000 });
  }

  #hold(
    member: Member,
    { tag, publish, expiresMillis }: { tag: TagKey; publish: Buffer; expiresMillis: number },
  ): void {
    const name = this.#junction?.mint() ?? String(this.#nextKept++);
    const from = member.visitor?.hidden;
    if (this.isShort || this.#keeper.hold(tag, publish, { name, expiresMillis, from }) === "full") {
      this.#refuse(member, "full", relayOps.keep);
      return;
    }
    this.totals.kept += 1;
    this.#junction?.offer(name, tag, publish);
  }

  #releaseKept(tag: TagKey): void {
    const frames = this.#keeper.collect(tag, this.#nowMillis);
    const audience = frames.length === 0 ? undefined : this.#table.subscribers(tag);
    for (const frame of frames) {
      this.totals.keptDelivered += 1;
      if (audience !== undefined) this.#deliverTo(audience, frame);
      else this.#junction?.forward(tag, frame, false);
    }
  }

  #deliverRemote(frame: Buffer): number {
    const audience = this.#table.subscribers(read.tagOf(frame));
    return audience === undefined ? 0 : this.#deliverTo(audience, frame);
  }

  /** Refuses what came too fast. The first is answered; for a while more of the kind are left out in silence. */
  #hasten(
    member: Member,
    { op, waitMillis, nowMillis }: { op: number; waitMillis: number; nowMillis: number },
  ): void {
    if (member.spendSpeeding(nowMillis) > 0) {
      this.#expel(member, nowMillis);
      return;
    }
    member.hushedUntil ??= new Map();
    if (nowMillis < (member.hushedUntil.get(op) ?? nowMillis)) return;
    member.hushedUntil.set(op, nowMillis + Math.min(waitMillis, fixedLimits.hushMillisMax));
    this.totals.countRefused("too-fast");
    this.#say(member, write.writeRefused("too-fast", { retryMillis: waitMillis, op }));
  }

  #violate(
    member: Member,
    { reason, op, nowMillis }: { reason: RefusedReason; op: number; nowMillis: number },
  ): void {
    if (member.spendViolation(nowMillis) > 0) {
      this.#expel(member, nowMillis);
      return;
    }
    this.totals.countRefused(reason);
    this.#say(member, write.writeRefused(reason, { retryMillis: 0, op }));
  }

  #expel(member: Member, nowMillis: number): void {
    member.visitor?.blame(nowMillis);
    this.#close(member, 1008);
  }

  #refuse(member: Member, reason: RefusedReason, op: number): void {
    this.totals.countRefused(reason);
    this.#say(member, write.writeRefused(reason, { retryMillis: fixedLimits.crowdedMillis, op }));
  }

  /** Replies are never left out: a reader that lets them pile up is cut like any other. */
  #say(member: Member, message: Uint8Array): void {
    this.#deliver(member, frameMessage(message), false);
  }

  #close(member: Member, code: CloseCode): void {
    if (member.isClosing) return;
    this.leave(member);
    this.totals.countClosed(code);
    member.exit.close(code);
  }
}

interface Charge {
  /** What it is to the relay. */
  readonly cost: number;
  /** What goes over the wire. */
  readonly bytes: number;
  readonly isBulk: boolean;
  readonly nowMillis: number;
}

export interface HubCounts extends PresenceCounts {
  readonly tags: number;
  /** Of all tags together. */
  readonly readers: number;
  /** Whose message waits for a turn of the event loop with room. */
  readonly waitingSenders: number;
  readonly keptFrames: number;
  readonly keptBytes: number;
}

/** Of all tags: from here on each address may have few. */
const scarceShare = 0.8;
