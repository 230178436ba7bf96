/**
 * What everybody together makes the relay hold: messages and pages that wait for readers, and messages that have not come whole.
 *
 * Both are bounded at any moment, not only when somebody looks. Who is cut is chosen by walking over everybody, so that is
 * done only when a sixteenth of what may wait has been added since the last time.
 */

import type { Waiting } from "./answers.ts";
import { fixedLimits } from "./fixed-limits.ts";
import type { Limits } from "./limits.ts";
import type { Member } from "./member.ts";

export interface BurdenSetup {
  readonly limits: Pick<
    Limits,
    "backlogTotalBytesMax" | "halfReceivedTotalBytesMax" | "memoryBytesMax"
  >;
  readonly members: ReadonlySet<Member>;
  readonly cut: (member: Member) => void;
}

interface Weighed extends Waiting {
  readonly weight: number;
}

export class Burden {
  readonly #setup: BurdenSetup;
  /** What waited for readers at the last walk, and what was handed out since. */
  #weighedBytes = 0;
  #sinceBytes = 0;
  #halfBytes = 0;
  /** Whose they are: few of all. */
  readonly #halves = new Set<Member>();
  #answers: { readonly waiting: () => Iterable<Waiting> } = { waiting: () => [] };

  constructor(setup: BurdenSetup) {
    this.#setup = setup;
  }

  /** From now on what these wait with counts as well, and they may be cut. */
  countAnswers(answers: { readonly waiting: () => Iterable<Waiting> }): void {
    this.#answers = answers;
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

  /** So many bytes more, or fewer, have come of a member's message whose end has not. */
  addHalf(member: Member, bytes: number): void {
    this.#halfBytes += bytes;
    if (member.exit.halfReceivedBytes() > 0) this.#halves.add(member);
    else this.#halves.delete(member);
    const { halfReceivedTotalBytesMax: most } = this.#setup.limits;
    if (bytes > 0 && this.#halfBytes > most) this.#cutHalves(most * relief);
  }

  /** Counts what waits, and cuts the slowest where that is nearly too much. */
  weigh(): void {
    const { backlogTotalBytesMax: most } = this.#setup.limits;
    this.#sinceBytes = 0;
    this.#weighedBytes = 0;
    for (const { exit } of this.#setup.members) this.#weighedBytes += exit.backlogBytes();
    for (const { bytes } of this.#answers.waiting()) this.#weighedBytes += bytes;
    if (this.#weighedBytes > most * nearly) this.#cutSlowest(most * relief);
  }

  /** The process is short of memory: half of what waits goes, and half of what has come by halves; unless that is little, and it is something else that stands. */
  relieve(): void {
    this.weigh();
    const worthwhile = this.#setup.limits.memoryBytesMax / fixedLimits.reliefParts;
    if (this.#weighedBytes + this.#halfBytes < worthwhile) return;
    this.#cutSlowest(this.#weighedBytes / 2);
    this.#cutHalves(this.#halfBytes / 2);
  }

  /** The slowest readers first, until no more than this waits for the rest. */
  #cutSlowest(bytesMax: number): void {
    if (this.#weighedBytes <= bytesMax) return;
    const { members, cut } = this.#setup;
    const bytesOf = ({ exit }: Member): number => exit.backlogBytes();
    const all = weighAll(members, { bytesOf, weightOf: bytesOf, cut });
    for (const one of this.#answers.waiting()) all.push({ ...one, weight: one.bytes });
    this.#weighedBytes = cutHeaviest(all, this.#weighedBytes, bytesMax);
  }

  /** Whoever's address makes the relay hold most first: an honest node shares its with few. */
  #cutHalves(bytesMax: number): void {
    if (this.#halfBytes <= bytesMax) return;
    const bytesOf = ({ exit }: Member): number => exit.halfReceivedBytes();
    const shares = new Map<object, number>();
    for (const member of this.#halves) {
      const { home } = member;
      shares.set(home, (shares.get(home) ?? 0) + bytesOf(member));
    }
    const weightOf = ({ home }: Member): number => shares.get(home) ?? 0;
    const all = weighAll(this.#halves, { bytesOf, weightOf, cut: this.#setup.cut });
    cutHeaviest(all, this.#halfBytes, bytesMax);
  }
}

interface Scales {
  readonly bytesOf: (member: Member) => number;
  readonly weightOf: (member: Member) => number;
  readonly cut: (member: Member) => void;
}

/** Of those who have anything, what each has and how much it counts. */
function weighAll(members: Iterable<Member>, { bytesOf, weightOf, cut }: Scales): Weighed[] {
  const all: Weighed[] = [];
  for (const member of members) {
    const bytes = bytesOf(member);
    if (bytes > 0) all.push({ bytes, weight: weightOf(member), cut: () => cut(member) });
  }
  return all;
}

/** Cuts the heaviest, and answers what is left. */
function cutHeaviest(all: ReadonlyArray<Weighed>, bytes: number, bytesMax: number): number {
  let left = bytes;
  const heaviestFirst = all.toSorted((a, b) => b.weight - a.weight || b.bytes - a.bytes);
  for (const one of heaviestFirst) {
    if (left <= bytesMax) return left;
    one.cut();
    left -= one.bytes;
  }
  return left;
}

/** Cut is when so much of what may be held is held, down to so much. */
const nearly = 15 / 16;
const relief = 3 / 4;
