/** One connection as the hub sees it, from the upgrade to its end: its way out, its tags and what it may still spend. */

import type { Visitor } from "./addresses.ts";
import { Budget, type Rate } from "./budget.ts";
import type { Limits } from "./limits.ts";
import type { Framed } from "./outbox.ts";
import type { TagKey } from "./tag-table.ts";

/** The way to one connection. */
export interface Exit {
  readonly push: (framed: Framed) => void;
  readonly backlogBytes: () => number;
  /** Of a message whose end has not come. */
  readonly halfReceivedBytes: () => number;
  /** Keeps a message, and reads no further, until it is told to go on. */
  readonly hold: (frame: Buffer) => void;
  /** Hands the held message to `Hub.goOn`, and reads further. */
  readonly goOn: (isAdmitted: boolean) => void;
  readonly close: (code: CloseCode) => void;
}

/** 1003 text where only binary is spoken, 1008 against the rules, 1013 too slow: try again later. */
export type CloseCode = 1003 | 1008 | 1013;

export type Spending =
  | "publishes"
  | "publishBytes"
  | "bulkBytes"
  | "requests"
  | "violations"
  | "speedings";

/** The rates of all members: one object each, shared. */
export type Rates = Readonly<Record<Spending, Rate>>;

export function ratesOf(limits: Limits): Rates {
  const rate = (perSecond: number, burst: number): Rate => ({ perSecond, burst });
  return {
    publishes: rate(limits.publishesPerSecond, limits.publishesBurst),
    publishBytes: rate(limits.publishBytesPerSecond, limits.publishBytesBurst),
    bulkBytes: rate(limits.bulkBytesPerSecond, limits.bulkBytesBurst),
    requests: rate(limits.requestsPerSecond, limits.requestsBurst),
    violations: rate(1000 / limits.violationForgivenMillis, limits.violationsMax),
    speedings: rate(limits.speedingsForgivenPerSecond, limits.speedingsMax),
  };
}

export interface MemberSetup {
  readonly exit: Exit;
  readonly rates: Rates;
  /** Who pays with it, where its address is known. */
  readonly visitor: Visitor | undefined;
}

/** Most connections say next to nothing: what they do not use, they do not have. */
export class Member {
  readonly exit: Exit;
  readonly visitor: Visitor | undefined;
  readonly #rates: Rates;
  /** To give them back at the end; the table knows who subscribes to what. A list: a set would double what a topic costs. */
  #tags: TagKey | TagKey[] | undefined = undefined;
  #publishes: Budget | undefined = undefined;
  #publishBytes: Budget | undefined = undefined;
  #bulkBytes: Budget | undefined = undefined;
  #requests: Budget | undefined = undefined;
  #violations: Budget | undefined = undefined;
  #speedings: Budget | undefined = undefined;
  /** Until when a refusal for haste is not repeated, by op. */
  hushedUntil: Map<number, number> | undefined = undefined;
  /** Its name among relays, once it has one. */
  owner: string | undefined = undefined;
  /** What it had passed on in a turn of the event loop, and in which. */
  turn = 0;
  turnCost = 0;
  heardMillis: number;
  greetedMillis: number;
  hasSpoken = false;
  isClosing = false;

  constructor({ exit, rates, visitor }: MemberSetup, nowMillis: number) {
    this.exit = exit;
    this.visitor = visitor;
    this.#rates = rates;
    this.heardMillis = nowMillis;
    this.greetedMillis = nowMillis;
  }

  /** What it is counted with: its address, where that is known. */
  get home(): object {
    return this.visitor ?? this;
  }

  spendPublish(bytes: number, nowMillis: number): number {
    this.#publishes ??= new Budget(this.#rates.publishes, nowMillis);
    this.#publishBytes ??= new Budget(this.#rates.publishBytes, nowMillis);
    return this.#publishes.spend(1, nowMillis) || this.#publishBytes.spend(bytes, nowMillis);
  }

  spendBulk(bytes: number, nowMillis: number): number {
    this.#bulkBytes ??= new Budget(this.#rates.bulkBytes, nowMillis);
    return this.#bulkBytes.spend(bytes, nowMillis);
  }

  spendRequest(cost: number, nowMillis: number): number {
    this.#requests ??= new Budget(this.#rates.requests, nowMillis);
    return this.#requests.spend(cost, nowMillis);
  }

  spendViolation(nowMillis: number): number {
    this.#violations ??= new Budget(this.#rates.violations, nowMillis);
    return this.#violations.spend(1, nowMillis);
  }

  spendSpeeding(nowMillis: number): number {
    this.#speedings ??= new Budget(this.#rates.speedings, nowMillis);
    return this.#speedings.spend(1, nowMillis);
  }

  /** Lets go of every budget that is full again: a new one is the same. */
  rest(nowMillis: number): void {
    this.#publishes = left(this.#publishes, nowMillis);
    this.#publishBytes = left(this.#publishBytes, nowMillis);
    this.#bulkBytes = left(this.#bulkBytes, nowMillis);
    this.#requests = left(this.#requests, nowMillis);
    this.#violations = left(this.#violations, nowMillis);
    this.#speedings = left(this.#speedings, nowMillis);
    if (this.#speedings === undefined) this.hushedUntil = undefined;
  }

  tagCount(): number {
    if (this.#tags === undefined) return 0;
    return typeof this.#tags === "string" ? 1 : this.#tags.length;
  }

  /** A tag that it does not have yet. */
  addTag(tag: TagKey): void {
    if (this.#tags === undefined) this.#tags = tag;
    else if (typeof this.#tags === "string") this.#tags = [this.#tags, tag];
    else this.#tags.push(tag);
  }

  removeTag(tag: TagKey): boolean {
    const tags = this.#tags;
    if (tags === undefined || typeof tags === "string") {
      if (tags !== tag) return false;
      this.#tags = undefined;
      return true;
    }
    const at = tags.indexOf(tag);
    const last = tags.at(-1);
    if (at < 0 || last === undefined) return false;
    tags[at] = last;
    tags.pop();
    return true;
  }

  takeTags(): ReadonlyArray<TagKey> {
    const tags = this.#tags;
    this.#tags = undefined;
    return typeof tags === "string" ? [tags] : (tags ?? []);
  }
}

function left(budget: Budget | undefined, nowMillis: number): Budget | undefined {
  return budget?.isFull(nowMillis) === true ? undefined : budget;
}
