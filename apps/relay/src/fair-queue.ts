/**
 * Fair queueing of publications: a turn of the event loop has room for so much, and what costs much waits for what costs little.
 *
 * A message to one reader costs a thousandth of one to five hundred, and hundreds of those can come in one turn. While there is
 * room everything is passed on at once, as it comes. From then on each sender has a little more, so that who says little waits
 * for nobody, and the rest goes on in the turns after, one sender after the other by deficit round robin (M. Shreedhar and
 * G. Varghese, "Efficient Fair Queuing Using Deficit Round-Robin", 1996): in each round everybody saves up the same, and goes on
 * when that pays for its message.
 *
 * Knows no sockets and no clock. Whoever waits is not read from, so it holds one read of a sender at most, which counts as half
 * received. Who is cut or goes while waiting is forgotten with it.
 */

import { fixedLimits } from "./fixed-limits.ts";
import type { Member } from "./member.ts";

interface Place {
  readonly cost: number;
  saved: number;
}

export class FairQueue {
  readonly #later: (run: () => void) => void;
  /** In the order in which they are asked. */
  readonly #waiting = new Map<Member, Place>();
  #turn = 0;
  #spent = 0;
  #isAsked = false;
  /** Who goes on at the moment, and what it has left over. */
  #called: Member | undefined = undefined;
  #savings = 0;

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
    const isSaved = member === this.#called && cost <= this.#savings;
    if (isSaved) this.#savings -= cost;
    const isLittle = isSaved || member.turnCost + cost <= turnShareBytes;
    this.#askLater();
    if (!isLittle && (this.#waiting.size > 0 || this.#spent >= turnBytesMax)) {
      const saved = this.#called === member ? this.#savings : 0;
      this.#waiting.set(member, { cost, saved });
      return false;
    }
    member.turnCost += cost;
    this.#spent += cost;
    return true;
  }

  leave(member: Member): void {
    this.#waiting.delete(member);
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
    while (this.#spent < turnBytesMax) {
      const [first] = this.#waiting;
      if (first === undefined) return;
      this.#call(...first);
    }
    this.#askLater();
  }

  #call(member: Member, place: Place): void {
    this.#waiting.delete(member);
    place.saved += turnQuantumBytes;
    if (place.saved < place.cost) {
      this.#waiting.set(member, place);
      return;
    }
    this.#called = member;
    this.#savings = place.saved - place.cost;
    this.#spent += place.cost;
    member.exit.goOn();
    this.#called = undefined;
  }
}

const { turnBytesMax, turnShareBytes, turnQuantumBytes, deliveryCostBytes } = fixedLimits;
