/** Who may come in, and who may ask over HTTP: room for more, what an address has left, and what everybody has. */

import type { IncomingMessage } from "node:http";

import {
  forwardedAddress,
  mayBeProxy,
  openAddresses,
  type Addresses,
  type Visitor,
} from "./addresses.ts";
import { Budget } from "./budget.ts";
import { fixedLimits } from "./fixed-limits.ts";
import type { Clock } from "./hub.ts";
import type { Limits } from "./limits.ts";
import type { Purse } from "./purse.ts";
import type { UpgradeRefused } from "./upgrade.ts";
import type { Room } from "./watchdog.ts";

export interface EntranceRules {
  readonly limits: Limits;
  readonly isBehindProxy: boolean;
  readonly proxies: ReadonlyArray<string>;
  readonly clock: Clock;
  readonly purse: Purse;
}

export type Readiness = "ready" | "closing" | "full" | Exclude<Room, "free">;

type Refused = UpgradeRefused & { readonly retrySeconds: number };

export type Judged =
  | Refused
  | { readonly verdict: "accepted"; readonly visitor: Visitor | undefined };

export type Asked =
  | Refused
  | {
      readonly verdict: "accepted";
      /** Spends an answer's bytes, or answers the seconds to wait. */
      readonly spend: (bytes: number) => number;
    };

export class Entrance {
  readonly #rules: EntranceRules;
  readonly #addresses: Addresses;
  readonly #upgrades: Budget;
  readonly #requests: Budget;

  constructor(rules: EntranceRules) {
    const { limits, clock } = rules;
    this.#rules = rules;
    this.#addresses = openAddresses(limits);
    const nowMillis = clock.monotonicMillis();
    const budget = (perSecond: number): Budget =>
      new Budget({ perSecond, burst: perSecond }, nowMillis);
    this.#upgrades = budget(limits.upgradesPerSecond);
    this.#requests = budget(limits.httpRequestsPerSecond);
  }

  /** The address a request comes from, as the limits see it. For the one who asks, and for nobody else. */
  addressOf(request: IncomingMessage): string {
    const remote = request.socket.remoteAddress ?? "";
    const { isBehindProxy, proxies } = this.#rules;
    if (!isBehindProxy || !mayBeProxy(remote, proxies)) return remote;
    const forwarded = request.headers["x-forwarded-for"];
    return forwardedAddress(remote, Array.isArray(forwarded) ? forwarded.at(-1) : forwarded);
  }

  /** Counts a connection, or something that costs as much. */
  enter(request: IncomingMessage, readiness: Readiness): Judged {
    if (readiness !== "ready") return this.#unready(readiness);
    const nowMillis = this.#rules.clock.monotonicMillis();
    const entered = this.#addresses.enter(this.addressOf(request), nowMillis);
    if (entered.kind === "refused") return tooMany(entered.waitMillis);
    const { visitor } = entered;
    const stormMillis = visitor === undefined ? 0 : this.#upgrades.spend(1, nowMillis);
    if (stormMillis === 0) return { verdict: "accepted", visitor };
    this.#addresses.leave(visitor);
    return unavailable("Too many at once.", Math.ceil(stormMillis / 1000));
  }

  /** Counts a question over HTTP. A vital one, such as a balancer's, waits for nobody else's. */
  ask(request: IncomingMessage, isVital: boolean): Asked {
    const nowMillis = this.#rules.clock.monotonicMillis();
    const entered = this.#addresses.ask(this.addressOf(request), nowMillis);
    if (entered.kind === "refused") return tooMany(entered.waitMillis);
    const { visitor } = entered;
    const isFree = visitor === undefined || isVital;
    const stormMillis = isFree ? 0 : this.#requests.spend(1, nowMillis);
    if (stormMillis > 0) return unavailable("Too many at once.", Math.ceil(stormMillis / 1000));
    return {
      verdict: "accepted",
      spend: (bytes) => {
        const waitMillis = visitor?.spend(bytes, false, nowMillis) ?? 0;
        if (waitMillis === 0) this.#rules.purse.spend(bytes, false, nowMillis);
        return Math.ceil(waitMillis / 1000);
      },
    };
  }

  leave(visitor: Visitor | undefined): void {
    this.#addresses.leave(visitor);
  }

  /** How many addresses are known. */
  size(): number {
    return this.#addresses.size();
  }

  sweep(nowMillis: number): void {
    this.#addresses.sweep(nowMillis);
  }

  #unready(readiness: Exclude<Readiness, "ready">): Refused {
    const { drainMillisMax, lingerMillisMax } = this.#rules.limits;
    if (readiness === "closing")
      return unavailable(
        "This relay is stopping, and may be back soon.",
        Math.ceil((drainMillisMax + lingerMillisMax) / 1000),
      );
    if (readiness === "full")
      return unavailable(
        "This relay is full: it holds as many as it may.",
        fixedLimits.crowdedMillis / 1000,
      );
    return unavailable(
      "This relay has too much to do for more at the moment.",
      fixedLimits.crowdedMillis / 1000,
    );
  }
}

function unavailable(why: string, retrySeconds: number): Refused {
  return { verdict: "refused", status: 503, why, retrySeconds };
}

function tooMany(waitMillis: number): Refused {
  const retrySeconds = Math.ceil(waitMillis / 1000);
  return { verdict: "refused", status: 429, why: "Too many from your address.", retrySeconds };
}
