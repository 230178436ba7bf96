/**
 * What is passed on first when there is too much for one turn of the event loop.
 *
 * A message to one reader costs a thousandth of one to five hundred, and hundreds of those can come in one turn. While there is
 * room everything is passed on at once, as it comes. From then on each sender has a little more, so that who says little waits
 * for nobody, and the rest waits for the turns after: what costs least goes first, in classes that each cost twice the one
 * before; within a class, who came first; and in some turns the one who has waited longest, whatever that costs.
 *
 * Knows no sockets and no clock. Whoever waits is not read from, so each sender has one message here, and one read behind it,
 * which count as half received. Who is cut or goes while waiting is forgotten with it.
 */

import { fixedLimits } from "./fixed-limits.ts";
import type { Member } from "./member.ts";

interface Place {
  readonly cost: number;
  readonly class: Set<Member>;
}

export class FairQueue {
  readonly #later: (run: () => void) => void;
  /** In the order in which they came. */
  readonly #waiting = new Map<Member, Place>();
  /** The same by what it costs, the least first. */
  readonly #classes: ReadonlyArray<Set<Member>> = Array.from({ length: 32 }, () => new Set());
  #turn = 0;
  #spent = 0;
  #isAsked = false;

  /** `later` is to call back when the event loop has read from everybody. */
  constructor(later: (run: () => void) => void) {
    this.#later = later;
  }

  /** Whether a message may be passed on now. If not, its sender's way is told to go on when it may. */
  admits(member: Member, messageBytes: number, readers: number): boolean {
    const cost = (messageBytes + deliveryCostBytes) * readers;
    if (member.turn !== this.#turn) {
      member.turn = this.#turn;
      member.turnCost = 0;
    }
    this.#askLater();
    const isLittle = member.turnCost + cost <= turnShareBytes;
    if (!isLittle && (this.#waiting.size > 0 || this.#spent >= turnBytesMax)) {
      this.#wait(member, cost);
      return false;
    }
    member.turnCost += cost;
    this.#spent += cost;
    return true;
  }

  leave(member: Member): void {
    this.#waiting.get(member)?.class.delete(member);
    this.#waiting.delete(member);
  }

  #wait(member: Member, cost: number): void {
    const place = this.#classes[Math.min(Math.log2(cost) | 0, this.#classes.length - 1)];
    if (place === undefined) return;
    place.add(member);
    this.#waiting.set(member, { cost, class: place });
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
    member.exit.goOn();
  }
}

const { turnBytesMax, turnShareBytes, turnsPerLongest, deliveryCostBytes } = fixedLimits;
