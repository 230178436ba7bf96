/** Watches a storm: who heard what from whom, and whatever should never be. */

import type { Place } from "./session-form.ts";
import { pairKey } from "./session-paths.ts";

interface Said {
  readonly from: Place;
  readonly to: Place;
  readonly at: number;
}

/** One direction in which somebody talks. */
interface Talk {
  readonly from: Place;
  readonly to: Place;
  /** When what was said in the calm was first heard. */
  firstAt: number | undefined;
  lastAt: number;
  silence: number;
  /** The newest of what was heard of the calm. */
  newest: number;
  waiting: number;
  /** What was said since both heard each other in the calm, and not heard yet. */
  readonly unheard: Set<number>;
}

/** What a node has heard: its memory of it goes back with the rest of its memory. */
export type Hearings = Set<number>;

export class Judge {
  readonly #talks = new Map<number, Talk>();
  readonly #said: Said[] = [];
  readonly #wrongs: string[] = [];
  /** What is being delivered, if Mallory made it: nothing may come of it. */
  #forged: string | undefined;
  #calmFrom = Number.POSITIVE_INFINITY;
  #missing = 0;
  readonly #strictOrder: boolean;
  readonly #setBack = new Set<Place>();
  readonly #confused = new Set<number>();

  constructor({ strictOrder }: { readonly strictOrder: boolean }) {
    this.#strictOrder = strictOrder;
  }

  expect(from: Place, to: Place): void {
    this.#talks.set(keyOf(from, to), {
      from,
      to,
      firstAt: undefined,
      lastAt: 0,
      silence: 0,
      newest: -1,
      waiting: 0,
      unheard: new Set(),
    });
    this.#missing += 1;
  }

  talks(): ReadonlyArray<{ readonly from: Place; readonly to: Place }> {
    return [...this.#talks.values()];
  }

  calm(now: number): void {
    this.#calmFrom = now;
  }

  /** Whether every direction was heard again. */
  isAllWell(): boolean {
    return this.#missing === 0;
  }

  say(from: Place, to: Place, at: number): string {
    const talk = this.#talks.get(keyOf(from, to));
    const number = this.#said.length;
    this.#said.push({ from, to, at });
    if (talk !== undefined) {
      talk.waiting += 1;
      const isSetBack = this.#setBack.has(from) || this.#setBack.has(to);
      const isExcused = isSetBack || this.#confused.has(pairKey(from, to));
      if (this.#isWell(from, to) && !isExcused) talk.unheard.add(number);
    }
    return `${number}`;
  }

  /** A message left the queue, or was refused. */
  settled(from: Place, to: Place, now: number): void {
    const talk = this.#talks.get(keyOf(from, to));
    if (talk === undefined) return;
    talk.waiting = Math.max(0, talk.waiting - 1);
    if (talk.waiting > queueMax) this.#wrong(now, `${talk.waiting} messages wait for a session`);
  }

  /** Whoever had them in memory forgot them. */
  forgotten(from: Place, to: Place): void {
    const talk = this.#talks.get(keyOf(from, to));
    if (talk !== undefined) talk.waiting = 0;
  }

  /**
   * A program whose memory was set back counts from where it was: some of what it says looks heard already, and
   * answers that it has forgotten are still under way, until there is another session. Whether it gets one in time is judged as for all others.
   */
  started(place: Place, { isSetBack }: { readonly isSetBack: boolean }): void {
    if (isSetBack) this.#setBack.add(place);
    else this.#setBack.delete(place);
  }

  /**
   * A greeting of an earlier run of `one` came late, and may have taken the place of a newer one that was not confirmed
   * yet: what is said on that is lost until the timers notice. Whether they do in time is judged as for all others.
   */
  greetedLate(one: Place, other: Place): void {
    this.#confused.add(pairKey(one, other));
    for (const talk of [this.#talks.get(keyOf(one, other)), this.#talks.get(keyOf(other, one))])
      talk?.unheard.clear();
  }

  checkQueues(now: number): void {
    for (const { waiting } of this.#talks.values())
      if (waiting > queueMax) this.#wrong(now, `${waiting} messages wait for a session`);
  }

  delivering(forged: string | undefined): void {
    this.#forged = forged;
  }

  /** `line`: a sender whose memory was set back may say again what it had not sent then. */
  heard(
    now: number,
    { from, to, text }: { readonly from: Place; readonly to: Place; readonly text: string },
    { hearings, line }: { readonly hearings: Hearings; readonly line: number },
  ): void {
    if (this.#forged !== undefined) this.#wrong(now, `${this.#forged} was heard as a message`);
    const number = Number(text);
    const said = this.#said[number];
    if (said?.from !== from || said.to !== to) {
      this.#wrong(now, `"${text}" was heard, and never said so`);
      return;
    }
    const heard = number * 64 + line;
    if (hearings.has(heard)) this.#wrong(now, `message ${text} was heard twice`);
    hearings.add(heard);
    const talk = this.#talks.get(keyOf(from, to));
    if (talk === undefined || said.at < this.#calmFrom) return;
    if (this.#strictOrder && number < talk.newest)
      this.#wrong(now, `message ${text} was heard after message ${talk.newest}`);
    talk.unheard.delete(number);
    talk.newest = Math.max(talk.newest, number);
    this.#note(talk, now);
  }

  up(now: number): void {
    if (this.#forged !== undefined) this.#wrong(now, `${this.#forged} made a session`);
  }

  down(now: number, me: Place, other: Place): void {
    this.forgotten(me, other);
    if (this.#forged !== undefined) this.#wrong(now, `${this.#forged} ended a session`);
    const isExcused = this.#setBack.has(me) || this.#setBack.has(other);
    if (!isExcused && this.#isWell(me, other)) this.#wrong(now, `a session was lost in the calm`);
  }

  verdict(now: number): Verdict {
    const talks = [...this.#talks.values()];
    for (const { unheard } of talks)
      for (const number of unheard) {
        const { at = now } = this.#said[number] ?? {};
        if (now - at > patienceSeconds) this.#wrong(at, `message ${number} was lost in the calm`);
      }
    return {
      recovery: Math.max(
        ...talks.map(({ firstAt = Number.POSITIVE_INFINITY }) => firstAt - this.#calmFrom),
      ),
      silence: Math.max(
        ...talks.map(({ firstAt, lastAt, silence }) =>
          firstAt === undefined ? 0 : Math.max(silence, now - lastAt),
        ),
      ),
      wrongs: this.#wrongs,
    };
  }

  #note(talk: Talk, now: number): void {
    if (talk.firstAt === undefined) {
      talk.firstAt = now;
      this.#missing -= 1;
    } else talk.silence = Math.max(talk.silence, now - talk.lastAt);
    talk.lastAt = now;
  }

  /** Whether both have heard in the calm what they should. */
  #isWell(one: Place, other: Place): boolean {
    const both = [this.#talks.get(keyOf(one, other)), this.#talks.get(keyOf(other, one))];
    const talks = both.filter((talk) => talk !== undefined);
    return talks.length > 0 && talks.every(({ firstAt }) => firstAt !== undefined);
  }

  #wrong(now: number, what: string): void {
    if (this.#wrongs.length < wrongsMax) this.#wrongs.push(`${what} (${now.toFixed(1)} s)`);
  }
}

export interface Verdict {
  /** Seconds of calm until the last pair heard each other, each what was said after the last fault: infinite if one never did. */
  readonly recovery: number;
  /** The longest time from then on in which one of them heard nothing of another that talks. */
  readonly silence: number;
  /** What should never be: something heard twice, or that nobody said, a session lost to a forged packet, a queue without bounds. */
  readonly wrongs: ReadonlyArray<string>;
}

function keyOf(from: Place, to: Place): number {
  return from < to ? pairKey(from, to) : pairKey(from, to) + 64;
}

/** As rule 9 has it. */
const queueMax = 64;
/** Nothing takes as long in the calm. */
const patienceSeconds = 3;
const wrongsMax = 5;
