/**
 * What one address may have and spend: connections, upgrades, bytes, frames left for others.
 *
 * Nothing of it is logged. An address is held as a keyed hash whose key ends with the process, and is forgotten as soon
 * as forgetting it changes nothing.
 */

import { createHmac, randomBytes } from "node:crypto";

import { Budget } from "./budget.ts";
import type { Limits } from "./limits.ts";

export type AddressLimits = Pick<
  Limits,
  | "connectionsPerAddressMax"
  | "connectionsPerSiteMax"
  | "upgradesPerAddressBurst"
  | "upgradesPerAddressPerSecond"
  | "addressesMax"
  | "addressesPerSiteMax"
  | "bytesPerAddressPerSecond"
  | "bytesPerAddressBurst"
  | "bulkBytesPerAddressPerDay"
  | "keepsPerAddressPerMinute"
  | "banMillis"
  | "banMillisMax"
>;

export type Entered =
  | { readonly kind: "entered"; readonly visitor: Visitor | undefined }
  | { readonly kind: "refused"; readonly waitMillis: number };

export interface Addresses {
  /** Counts a connection, or answers when to try again. Loopback has no limits and no visitor. */
  readonly enter: (address: string, nowMillis: number) => Entered;
  readonly leave: (visitor: Visitor | undefined) => void;
  readonly size: () => number;
  /** Forgets some of those about whom there is nothing to remember. To be called now and then. */
  readonly sweep: (nowMillis: number) => void;
}

/** An IPv6 /48, for as long as one of its addresses is known. */
interface Site {
  readonly hidden: string;
  connections: number;
  readonly visitors: Map<string, Visitor>;
}

/** One address with connections, or with something it still has to wait for. */
export class Visitor {
  readonly #limits: AddressLimits;
  readonly site: Site | undefined;
  connections = 0;
  readonly upgrades: Budget;
  #bytes: Budget | undefined;
  #day: Budget | undefined;
  #keeps: Budget | undefined;
  #strikes = 0;
  #bannedUntil = 0;

  constructor(limits: AddressLimits, site: Site | undefined, nowMillis: number) {
    this.#limits = limits;
    this.site = site;
    const perSecond = limits.upgradesPerAddressPerSecond;
    this.upgrades = new Budget({ perSecond, burst: limits.upgradesPerAddressBurst }, nowMillis);
  }

  /** Spends bytes passed on, or answers the milliseconds to wait. */
  spend(bytes: number, isBulk: boolean, nowMillis: number): number {
    const { bytesPerAddressPerSecond: perSecond, bytesPerAddressBurst: burst } = this.#limits;
    this.#bytes ??= new Budget({ perSecond, burst }, nowMillis);
    const waitMillis = this.#bytes.spend(bytes, nowMillis);
    if (waitMillis > 0 || !isBulk) return waitMillis;
    const daily = this.#limits.bulkBytesPerAddressPerDay;
    this.#day ??= new Budget({ perSecond: daily / daySeconds, burst: daily }, nowMillis);
    return this.#day.spend(bytes, nowMillis);
  }

  spendKeep(nowMillis: number): number {
    const { keepsPerAddressPerMinute: burst } = this.#limits;
    this.#keeps ??= new Budget({ perSecond: burst / 60, burst }, nowMillis);
    return this.#keeps.spend(1, nowMillis);
  }

  /** A connection from here broke the rules. */
  blame(nowMillis: number): void {
    const { banMillis, banMillisMax } = this.#limits;
    const millis = Math.min(banMillisMax, banMillis * 2 ** Math.min(this.#strikes, 20));
    this.#strikes += 1;
    this.#bannedUntil = nowMillis + millis;
  }

  bannedMillis(nowMillis: number): number {
    return Math.max(0, this.#bannedUntil - nowMillis);
  }

  /** Whether forgetting it changes nothing: strikes are forgotten an hour after they ran out. */
  isForgettable(nowMillis: number): boolean {
    if (this.connections > 0 || nowMillis < this.#bannedUntil) return false;
    if (this.#strikes > 0 && nowMillis < this.#bannedUntil + this.#limits.banMillisMax)
      return false;
    return [this.upgrades, this.#bytes, this.#day, this.#keeps].every(
      (budget) => budget === undefined || budget.isFull(nowMillis),
    );
  }
}

export function openAddresses(limits: AddressLimits): Addresses {
  const { find, size, sweep } = openRegister(limits);

  function enter(address: string, nowMillis: number): Entered {
    const key = addressKey(address);
    if (key === undefined) return { kind: "entered", visitor: undefined };
    const visitor = find(key, nowMillis);
    if (visitor === undefined) return refuse(crowdedMillis);
    const bannedMillis = visitor.bannedMillis(nowMillis);
    if (bannedMillis > 0) return refuse(bannedMillis);
    const { site } = visitor;
    if (visitor.connections >= limits.connectionsPerAddressMax) return refuse(crowdedMillis);
    if (site !== undefined && site.connections >= limits.connectionsPerSiteMax)
      return refuse(crowdedMillis);
    const waitMillis = visitor.upgrades.spend(1, nowMillis);
    if (waitMillis > 0) return refuse(waitMillis);
    visitor.connections++;
    if (site !== undefined) site.connections++;
    return { kind: "entered", visitor };
  }

  return {
    enter,
    leave: (visitor) => {
      if (visitor === undefined || visitor.connections === 0) return;
      visitor.connections--;
      if (visitor.site !== undefined && visitor.site.connections > 0) visitor.site.connections--;
    },
    size,
    sweep,
  };
}

interface Register extends Pick<Addresses, "size" | "sweep"> {
  /** The visitor, met before or new; `undefined` while there is no room for another. */
  readonly find: (key: string, nowMillis: number) => Visitor | undefined;
}

/** Who is known, and of which /48. */
function openRegister(limits: AddressLimits): Register {
  const known = new Map<string, Visitor>();
  const sites = new Map<string, Site>();
  let roomMillis = Number.NEGATIVE_INFINITY;
  const hide = openHiding();

  function find(key: string, nowMillis: number): Visitor | undefined {
    const hidden = hide(key);
    const present = known.get(hidden);
    if (present !== undefined) return present;
    if (known.size >= limits.addressesMax) makeRoom(nowMillis);
    if (known.size >= limits.addressesMax) return undefined;
    const prefix = siteKey(key);
    const hiddenSite = prefix === undefined ? undefined : hide(prefix);
    const site = hiddenSite === undefined ? undefined : sites.get(hiddenSite);
    if (site !== undefined && site.visitors.size >= limits.addressesPerSiteMax) {
      const absent = chooseAbsent(site, nowMillis);
      if (absent === undefined) return undefined;
      forget(...absent);
    }
    return remember(hidden, hiddenSite, nowMillis);
  }

  function remember(hidden: string, hiddenSite: string | undefined, nowMillis: number): Visitor {
    const site = hiddenSite === undefined ? undefined : findSite(hiddenSite);
    const made = new Visitor(limits, site, nowMillis);
    known.set(hidden, made);
    site?.visitors.set(hidden, made);
    return made;
  }

  function findSite(hidden: string): Site {
    const site = sites.get(hidden) ?? { hidden, connections: 0, visitors: new Map() };
    sites.set(hidden, site);
    return site;
  }

  function forget(hidden: string, { site }: Visitor): void {
    known.delete(hidden);
    site?.visitors.delete(hidden);
    if (site?.visitors.size === 0) sites.delete(site.hidden);
  }

  /** Goes through everybody, so no more than once in a while; the /48 with the most addresses pays first. */
  function makeRoom(nowMillis: number): void {
    if (nowMillis < roomMillis + betweenRoomsMillis) return;
    roomMillis = nowMillis;
    sweep(nowMillis);
    const aim = limits.addressesMax - Math.ceil(limits.addressesMax / spareShare);
    if (known.size <= aim) return;
    for (const site of [...sites.values()].toSorted((a, b) => b.visitors.size - a.visitors.size))
      for (const [hidden, visitor] of site.visitors) {
        if (known.size <= aim) return;
        if (visitor.connections === 0) forget(hidden, visitor);
      }
  }

  function sweep(nowMillis: number): void {
    for (const [hidden, visitor] of known)
      if (visitor.isForgettable(nowMillis)) forget(hidden, visitor);
  }

  return { find, size: () => known.size, sweep };
}

/** Who is not there: rather one that is not banned, rather the one longest known. */
function chooseAbsent({ visitors }: Site, nowMillis: number): [string, Visitor] | undefined {
  const absent = [...visitors].filter(([, visitor]) => visitor.connections === 0);
  return absent.find(([, visitor]) => visitor.bannedMillis(nowMillis) === 0) ?? absent[0];
}

function openHiding(): (text: string) => string {
  const hashKey = randomBytes(32);
  return (text) => createHmac("sha256", hashKey).update(text).digest().toString("latin1", 0, 12);
}

function refuse(waitMillis: number): Entered {
  return { kind: "refused", waitMillis };
}

/** What counts as one address: an IPv4 address or an IPv6 /64. Loopback is nobody's and has no limit. */
export function addressKey(address: string): string | undefined {
  const text = plainAddress(address);
  if (text === "::1" || text.startsWith("127.")) return undefined;
  return text.includes(":") ? prefix64(text) : text;
}

/** The /48 of an IPv6 /64; IPv4 has none. */
export function siteKey(key: string): string | undefined {
  return key.includes(":") ? key.split(":").slice(0, 3).join(":") : undefined;
}

function plainAddress(address: string): string {
  return address
    .toLowerCase()
    .replace(/^::ffff:(?=\d+\.)/u, "")
    .replace(/%.*$/u, "");
}

function prefix64(text: string): string {
  const [head = "", tail] = text.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => "0");
  const groups = tail === undefined ? first : [...first, ...zeros, ...last];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/u, ""))
    .join(":");
}

/**
 * Whose connection it is, when a proxy stands in front: the last address the proxy wrote down itself.
 * Whatever stands before it came from the other side and proves nothing.
 */
export function forwardedAddress(remote: string, forwardedFor: string | undefined): string {
  const last = forwardedFor?.split(",").at(-1)?.trim();
  return last === undefined || last === "" ? remote : last;
}

/** Whether a proxy may be there: on this machine, on a private network, or named by the operator. */
export function mayBeProxy(remote: string, proxies: ReadonlyArray<string>): boolean {
  const text = plainAddress(remote);
  return isPrivate(text) || proxies.some((proxy) => plainAddress(proxy) === text);
}

/** Loopback, RFC 1918, RFC 4193 and link-local. */
export function isPrivate(address: string): boolean {
  return /^(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|::1$|f[cd][\da-f]{2}:|fe[89ab][\da-f]:)/u.test(
    plainAddress(address),
  );
}

/** When an address that is at its limit may look again. */
const crowdedMillis = 30_000;
/** Between two times of making room where there is none. */
const betweenRoomsMillis = 1_000;
/** Room is made for one in so many. */
const spareShare = 20;
const daySeconds = 86_400;
