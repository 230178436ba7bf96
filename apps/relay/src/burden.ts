/**
 * What everybody together makes the relay hold: messages that wait for readers, and messages that have not come whole.
 *
 * Both are bounded at any moment, not only when somebody looks. Who is cut is chosen by walking over everybody, so that is
 * done only when a sixteenth of what may wait has been added since the last time.
 */

import type { Limits } from "./limits.ts";
import type { Member } from "./member.ts";

export interface BurdenSetup {
  readonly limits: Pick<Limits, "backlogTotalBytesMax" | "halfReceivedTotalBytesMax">;
  readonly members: ReadonlySet<Member>;
  readonly cut: (member: Member) => void;
}

export class Burden {
  readonly #setup: BurdenSetup;
  /** What waited for readers at the last walk, and what was handed out since. */
  #weighedBytes = 0;
  #sinceBytes = 0;
  #halfBytes = 0;

  constructor(setup: BurdenSetup) {
    this.#setup = setup;
  }

  /** Bytes that waited for readers when that was last counted, a second ago at most. */
  waitingBytes(): number {
    return this.#weighedBytes;
  }

  /** Bytes of messages that have not come whole, and what they keep from being freed. */
  halfReceivedBytes(): number {
    return this.#halfBytes;
  }

  /** A message was handed out, and waits perhaps. */
  add(bytes: number): void {
    this.#sinceBytes += bytes;
    if (this.#weighedBytes + this.#sinceBytes > this.#setup.limits.backlogTotalBytesMax)
      this.weigh();
  }

  /** So many bytes more, or fewer, have come of a message whose end has not. */
  addHalf(bytes: number): void {
    this.#halfBytes += bytes;
    const { halfReceivedTotalBytesMax: most } = this.#setup.limits;
    if (bytes > 0 && this.#halfBytes > most) this.#cutHalves(most * relief);
  }

  /** Counts what waits, and cuts the slowest where that is nearly too much. */
  weigh(): void {
    const { backlogTotalBytesMax: most } = this.#setup.limits;
    this.#sinceBytes = 0;
    this.#weighedBytes = 0;
    for (const { exit } of this.#setup.members) this.#weighedBytes += exit.backlogBytes();
    if (this.#weighedBytes > most * nearly) this.#cutSlowest(most * relief);
  }

  /** The process is short of memory: half of what waits goes, and half of what has come by halves. */
  relieve(): void {
    this.weigh();
    this.#cutSlowest(this.#weighedBytes / 2);
    this.#cutHalves(this.#halfBytes / 2);
  }

  /** The slowest readers first, until no more than this waits for the rest. */
  #cutSlowest(bytesMax: number): void {
    const bytesOf = ({ exit }: Member): number => exit.backlogBytes();
    this.#weighedBytes = this.#cut(bytesOf, bytesOf, { bytes: this.#weighedBytes, bytesMax });
  }

  /** Whoever's address makes the relay hold most first: an honest node shares its with few. */
  #cutHalves(bytesMax: number): void {
    const bytesOf = ({ exit }: Member): number => exit.halfReceivedBytes();
    const shares = new Map<object, number>();
    for (const member of this.#setup.members) {
      const whose = member.visitor ?? member;
      shares.set(whose, (shares.get(whose) ?? 0) + bytesOf(member));
    }
    const weightOf = (member: Member): number => shares.get(member.visitor ?? member) ?? 0;
    this.#cut(bytesOf, weightOf, { bytes: this.#halfBytes, bytesMax });
  }

  /** Cuts the heaviest of those who have anything, and answers what is left. */
  #cut(
    bytesOf: (member: Member) => number,
    weightOf: (member: Member) => number,
    { bytes, bytesMax }: { readonly bytes: number; readonly bytesMax: number },
  ): number {
    let left = bytes;
    if (left <= bytesMax) return left;
    const heaviestFirst = Array.from(this.#setup.members, (member) => ({
      member,
      bytes: bytesOf(member),
      weight: weightOf(member),
    }))
      .filter((one) => one.bytes > 0)
      .toSorted((a, b) => b.weight - a.weight || b.bytes - a.bytes);
    for (const { member, bytes: own } of heaviestFirst) {
      if (left <= bytesMax) return left;
      this.#setup.cut(member);
      left -= own;
    }
    return left;
  }
}

/** Cut is when so much of what may be held is held, down to so much. */
const nearly = 15 / 16;
const relief = 3 / 4;
