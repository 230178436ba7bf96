/**
 * What is passed on first when there is too much for one turn of the event loop.
 *
 * A message to one reader costs a thousandth of one to five hundred, and hundreds of those can come in one turn. While there is
 * room everything is passed on at once, as it comes. From then on each sender has a little more, so that who says little waits
 * for nobody, and the rest waits for the turns after: what costs least goes first, in classes that each cost twice the one
 * before; within a class, who came first; and in some turns the one who has waited longest, whatever that costs.
 *
 * Knows no sockets and no clock. Whoever waits is not read from, so each sender has one message here, and one read behind it,
 * which count as half received. Who is cut or goes while waiting is forgotten with it. When too many wait, what costs most is
 * given up.
 */

import { fixedLimits } from "./fixed-limits.ts";
import type { Member } from "./member.ts";

interface Place {
  readonly cost: number;
  /** Which of the classes. */
  readonly rank: number;
}

/** `never`: more wait than may, and nothing that costs more. */
type Verdict = "now" | "later" | "never";

export class FairQueue {
  readonly #later: (run: () => void) => void;
  /** In the order in which they came. */
  readonly #waiting = new Map<Member, Place>();
  /** The same by what it costs, the least first. */
  readonly #classes: ReadonlyArray<Set<Member>> = Array.from({ length: 53 }, () => new Set());
  #turn = 0;
  #spent = 0;
  #isAsked = false;

  /** `later` is to call back when the event loop has read from everybody. */
  constructor(later: (run: () => void) => void) {
    this.#later = later;
  }

  /** When a message may be passed on. Until then its sender's way holds it, and is told to go on. */
  admit(member: Member, frame: Buffer, readers: number): Verdict {
    const cost = (frame.length + deliveryCostBytes) * readers;
    if (member.turn !== this.#turn) {
      member.turn = this.#turn;
      member.turnCost = 0;
    }
    this.#askLater();
    const isLittle = member.turnCost + cost <= turnShareBytes;
    if (!isLittle && (this.#waiting.size > 0 || this.#spent >= turnBytesMax))
      return this.#wait(member, { cost, rank: Math.floor(Math.log2(cost)) }, frame);
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
  }

  #wait(member: Member, place: Place, frame: Buffer): Verdict {
    const isFull = this.#waiting.size >= turnWaitingMax;
    const costliest = isFull ? this.#classes.findLast(({ size }) => size > 0) : undefined;
    const [givenUp] = costliest ?? [];
    const rank = givenUp === undefined ? undefined : this.#waiting.get(givenUp)?.rank;
    if (rank !== undefined && rank <= place.rank) return "never";
    this.#classes[place.rank]?.add(member);
    this.#waiting.set(member, place);
    member.exit.hold(frame);
    if (givenUp !== undefined) {
      this.leave(givenUp);
      givenUp.exit.goOn(false);
    }
    return "later";
  }

  #askLater(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#later(() => this.#beginTurn());
  }

  #beginTurn(): void {
    this.#isAsked = false;
    this.#turn += 1;
    this.#spent = 0;
    const [longest] = this.#waiting.keys();
    let next = this.#turn % turnsPerLongest === 0 ? longest : this.#cheapest();
    for (; next !== undefined && this.#spent < turnBytesMax; next = this.#cheapest())
      this.#call(next);
    if (this.#waiting.size > 0) this.#askLater();
  }

  #cheapest(): Member | undefined {
    for (const [first] of this.#classes) if (first !== undefined) return first;
    return undefined;
  }

  #call(member: Member): void {
    this.#spent += this.#waiting.get(member)?.cost ?? 0;
    this.leave(member);
    member.exit.goOn(true);
  }
}

const { turnBytesMax, turnShareBytes, turnWaitingMax, turnsPerLongest, deliveryCostBytes } =
  fixedLimits;
