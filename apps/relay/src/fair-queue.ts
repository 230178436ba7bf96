/**
 * What is passed on first when there is too much for one turn of the event loop.
 *
 * A message to one reader costs a thousandth of one to five hundred, and hundreds of those can come in one turn. While there is
 * room everything is passed on at once, as it comes. From then on each sender has a little more, so that who says little waits
 * for nobody, and the rest waits for the turns after: what costs least goes first, in classes that each cost twice the one
 * before; within a class, who came first; and in some turns the one who has waited longest, whatever that costs.
 *
 * Knows no sockets and no clock. Whoever waits is not read from, so each sender has one message here, and one read behind it,
 * which count as half received. Who is cut or goes while waiting is forgotten with it. So many may wait, and for so many turns:
 * what is beyond is given up, first of all what comes from the address of which most waits.
 */

import { fixedLimits } from "./fixed-limits.ts";
import type { Limits } from "./limits.ts";
import type { Member } from "./member.ts";

interface Place {
  readonly readers: number;
  readonly cost: number;
  /** Which of the classes. */
  readonly rank: number;
  /** In which it came. */
  readonly turn: number;
}

/** `never`: more wait than may. */
type Verdict = "now" | "later" | "never";

export interface FairQueueSetup {
  readonly limits: Pick<Limits, "turnBytesMax" | "turnWaitingMax">;
  /** Calls back when the event loop has read from everybody. */
  readonly later: (run: () => void) => void;
}

export class FairQueue {
  readonly #setup: FairQueueSetup;
  /** In the order in which they came. */
  readonly #waiting = new Map<Member, Place>();
  /** The same by what it costs, the least first. */
  readonly #classes: ReadonlyArray<Set<Member>> = Array.from({ length: 53 }, () => new Set());
  /** The same by whose they are. */
  readonly #homes = new Map<object, Set<Member>>();
  readonly #givenUp: Member[] = [];
  #turn = 0;
  #spent = 0;
  #calledReaders = 0;
  #isAsked = false;

  constructor(setup: FairQueueSetup) {
    this.#setup = setup;
  }

  /** When a message may be passed on. Until then its sender's way holds it, and is told to go on. */
  admit(member: Member, frame: Buffer, readers: number): Verdict {
    // One that nobody hears is only looked at.
    const cost = Math.max(deliveryCostBytes, workOf(frame.length, readers));
    if (member.turn !== this.#turn) {
      member.turn = this.#turn;
      member.turnCost = 0;
    }
    this.#askLater();
    const { turnBytesMax } = this.#setup.limits;
    const isLittle = member.turnCost + cost <= turnShareBytes;
    const spentMax = isLittle ? turnBytesMax * littleParts : turnBytesMax;
    if (this.#spent >= spentMax || (!isLittle && this.#waiting.size > 0))
      return this.#wait(
        member,
        { readers, cost, rank: Math.floor(Math.log2(cost)), turn: this.#turn },
        frame,
      );
    member.turnCost += cost;
    this.#spent += cost;
    return "now";
  }

  /** How many senders wait. */
  get size(): number {
    return this.#waiting.size;
  }

  leave(member: Member): void {
    const place = this.#waiting.get(member);
    if (place === undefined) return;
    this.#classes[place.rank]?.delete(member);
    this.#waiting.delete(member);
    const home = this.#homes.get(member.home);
    home?.delete(member);
    if (home?.size === 0) this.#homes.delete(member.home);
  }

  #wait(member: Member, place: Place, frame: Buffer): Verdict {
    this.leave(member);
    const isFull = this.#waiting.size >= this.#setup.limits.turnWaitingMax;
    const givenUp = isFull ? this.#chooseOne(member, place.rank) : undefined;
    if (givenUp === member) return "never";
    this.#classes[place.rank]?.add(member);
    this.#waiting.set(member, place);
    const home = this.#homes.get(member.home);
    if (home === undefined) this.#homes.set(member.home, new Set([member]));
    else home.add(member);
    member.exit.hold(frame);
    if (givenUp !== undefined) this.#giveUp(givenUp);
    return "later";
  }

  /** Of the address of which most waits, the newcomer counted with it, what costs most. Of one each it does not matter whose. */
  #chooseOne(newcomer: Member, rank: number): Member {
    const own = this.#homes.get(newcomer.home);
    const ownSize = (own?.size ?? 0) + 1;
    const largest = this.#largestHome();
    if (largest.size > ownSize) return this.#costliestOf(largest) ?? newcomer;
    const costliest = ownSize > 1 ? this.#costliestOf(own ?? []) : this.#costliestOfAll();
    return this.#rankOf(costliest) > rank ? (costliest ?? newcomer) : newcomer;
  }

  #largestHome(): ReadonlySet<Member> {
    let largest: ReadonlySet<Member> = new Set();
    for (const members of this.#homes.values()) if (members.size > largest.size) largest = members;
    return largest;
  }

  /** Never who has waited longest. */
  #costliestOf(members: Iterable<Member>): Member | undefined {
    const [longest] = this.#waiting.keys();
    let costliest: Member | undefined;
    for (const member of members)
      if (member !== longest && this.#rankOf(member) > this.#rankOf(costliest)) costliest = member;
    return costliest;
  }

  #costliestOfAll(): Member | undefined {
    const [longest] = this.#waiting.keys();
    for (const members of this.#classes.toReversed())
      for (const member of members) if (member !== longest) return member;
    return undefined;
  }

  #rankOf(member: Member | undefined): number {
    return member === undefined ? -1 : (this.#waiting.get(member)?.rank ?? -1);
  }

  /** One after the other: what comes next from one of them may be the end of another. */
  #giveUp(member: Member): void {
    this.leave(member);
    this.#givenUp.push(member);
    if (this.#givenUp.length > 1) return;
    for (const each of this.#givenUp) each.exit.goOn(false);
    this.#givenUp.length = 0;
  }

  #askLater(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#setup.later(() => this.#beginTurn());
  }

  #beginTurn(): void {
    this.#isAsked = false;
    this.#turn += 1;
    this.#spent = 0;
    const { turnBytesMax } = this.#setup.limits;
    const [longest] = this.#waiting.keys();
    let next = this.#turn % turnsPerLongest === 0 ? longest : this.#cheapest();
    for (; next !== undefined && this.#spent < turnBytesMax; next = this.#cheapest())
      this.#call(next);
    for (const [member, { turn }] of this.#waiting) {
      if (this.#turn - turn < turnsWaitMax) break;
      this.#giveUp(member);
    }
    if (this.#waiting.size > 0) this.#askLater();
  }

  #cheapest(): Member | undefined {
    for (const [first] of this.#classes) if (first !== undefined) return first;
    return undefined;
  }

  #call(member: Member): void {
    const { cost = 0, readers = 0 } = this.#waiting.get(member) ?? {};
    this.#spent += cost;
    this.leave(member);
    this.#calledReaders = readers;
    member.exit.goOn(true);
  }

  /** Whether a message that was told to go on may be passed to so many. Those who came while it waited are not paid for. */
  admitsAgain(readers: number): boolean {
    return readers <= Math.max(lateReadersMin, this.#calledReaders * lateReadersParts);
  }
}

/** What a message to so many costs, in bytes: each reader costs beside its own copy what handing it over does. */
export function workOf(messageBytes: number, readers: number): number {
  return (messageBytes + deliveryCostBytes) * readers;
}

const {
  turnShareBytes,
  littleParts,
  turnsPerLongest,
  turnsWaitMax,
  deliveryCostBytes,
  lateReadersMin,
  lateReadersParts,
} = fixedLimits;
