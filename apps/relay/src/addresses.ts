/**
 * What one address may have and spend: connections, upgrades, bytes, frames left for others.
 *
 * Nothing of it is logged. An address is held as a keyed hash whose key ends with the process, and is forgotten as soon
 * as forgetting it changes nothing.
 */

import { createHmac, randomBytes } from "node:crypto";

import { Budget } from "./budget.ts";
import { fixedLimits } from "./fixed-limits.ts";
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
  | "httpRequestsPerAddressBurst"
  | "httpRequestsPerAddressPerSecond"
  | "tagsPerAddressMax"
  | "tagsPerSiteMax"
  | "scarceTagsPerAddressMax"
  | "banMillis"
  | "banMillisMax"
>;

export type Entered =
  | { readonly kind: "entered"; readonly visitor: Visitor | undefined }
  | { readonly kind: "refused"; readonly waitMillis: number };

export interface Addresses {
  /** Counts a connection, or answers when to try again. Loopback has no limits and no visitor. */
  readonly enter: (address: string, nowMillis: number) => Entered;
  /** Counts a question over HTTP, or answers when to ask again. */
  readonly ask: (address: string, nowMillis: number) => Entered;
  readonly leave: (visitor: Visitor | undefined) => void;
  readonly size: () => number;
  /** Forgets some of those about whom there is nothing to remember. To be called now and then. */
  readonly sweep: (nowMillis: number) => void;
}

/** An IPv6 /48, for as long as one of its addresses is known. */
interface Site {
  readonly hidden: string;
  connections: number;
  tags: number;
  readonly visitors: Set<Visitor>;
}

/** One address with connections, or with something it still has to wait for. */
export class Visitor {
  readonly #limits: AddressLimits;
  readonly hidden: string;
  readonly site: Site | undefined;
  connections = 0;
  /** Tags that its connections subscribe to. */
  #tags = 0;
  /** Its connections' questions to other relays. */
  questions = 0;
  #upgrades: Budget | undefined;
  #requests: Budget | undefined;
  #bytes: Budget | undefined;
  #day: Budget | undefined;
  #keeps: Budget | undefined;
  #strikes = 0;
  #bannedUntil = 0;

  constructor(limits: AddressLimits, hidden: string, site: Site | undefined) {
    this.#limits = limits;
    this.hidden = hidden;
    this.site = site;
  }

  get hasStrikes(): boolean {
    return this.#strikes > 0;
  }

  spendUpgrade(nowMillis: number): number {
    const { upgradesPerAddressPerSecond: perSecond, upgradesPerAddressBurst: burst } = this.#limits;
    this.#upgrades ??= new Budget({ perSecond, burst }, nowMillis);
    return this.#upgrades.spend(1, nowMillis);
  }

  spendRequest(nowMillis: number): number {
    const { httpRequestsPerAddressPerSecond: perSecond, httpRequestsPerAddressBurst: burst } =
      this.#limits;
    this.#requests ??= new Budget({ perSecond, burst }, nowMillis);
    return this.#requests.spend(1, nowMillis);
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

  /** Whether it may have one tag more; when tags are scarce it may have fewer. */
  hasTagRoom(isScarce: boolean): boolean {
    const { tagsPerAddressMax, tagsPerSiteMax, scarceTagsPerAddressMax: few } = this.#limits;
    if (this.#tags >= (isScarce ? Math.min(few, tagsPerAddressMax) : tagsPerAddressMax))
      return false;
    const siteMax = isScarce ? Math.min(few * addressesASite, tagsPerSiteMax) : tagsPerSiteMax;
    return this.site === undefined || this.site.tags < siteMax;
  }

  /** So many tags more, or fewer. */
  countTags(change: number): void {
    this.#tags += change;
    if (this.site !== undefined) this.site.tags += change;
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
    return [this.#upgrades, this.#requests, this.#bytes, this.#day, this.#keeps].every(
      (budget) => budget === undefined || budget.isFull(nowMillis),
    );
  }
}

export function openAddresses(limits: AddressLimits): Addresses {
  const { find, settle, size, sweep } = openRegister(limits);

  function enter(address: string, nowMillis: number): Entered {
    const key = addressKey(address);
    if (key === undefined) return { kind: "entered", visitor: undefined };
    const visitor = find(key, nowMillis);
    if (visitor === undefined) return refuse(fixedLimits.crowdedMillis);
    const bannedMillis = visitor.bannedMillis(nowMillis);
    if (bannedMillis > 0) return refuse(bannedMillis);
    const { site } = visitor;
    if (visitor.connections >= limits.connectionsPerAddressMax)
      return refuse(fixedLimits.crowdedMillis);
    if (site !== undefined && site.connections >= limits.connectionsPerSiteMax)
      return refuse(fixedLimits.crowdedMillis);
    const waitMillis = visitor.spendUpgrade(nowMillis);
    if (waitMillis > 0) return refuse(waitMillis);
    visitor.connections++;
    if (site !== undefined) site.connections++;
    settle(visitor);
    return { kind: "entered", visitor };
  }

  function ask(address: string, nowMillis: number): Entered {
    const key = addressKey(address);
    if (key === undefined) return { kind: "entered", visitor: undefined };
    const visitor = find(key, nowMillis);
    const waitMillis = visitor?.spendRequest(nowMillis) ?? fixedLimits.crowdedMillis;
    return waitMillis > 0 ? refuse(waitMillis) : { kind: "entered", visitor };
  }

  return {
    enter,
    ask,
    leave: (visitor) => {
      if (visitor === undefined || visitor.connections === 0) return;
      visitor.connections--;
      if (visitor.site !== undefined && visitor.site.connections > 0) visitor.site.connections--;
      settle(visitor);
    },
    size,
    sweep,
  };
}

interface Register extends Pick<Addresses, "size" | "sweep"> {
  /** The visitor, met before or new; `undefined` while everybody who is known is there. */
  readonly find: (key: string, nowMillis: number) => Visitor | undefined;
  /** To be told when a visitor came or went. */
  readonly settle: (visitor: Visitor) => void;
}

/** Who is known, and of which /48. With all places taken, a newcomer gets that of the one who is longest gone. */
function openRegister(limits: AddressLimits): Register {
  const known = new Map<string, Visitor>();
  const sites = new Map<string, Site>();
  /** Who is not there, the longest gone first; whoever broke the rules apart, to be forgotten after all others. */
  const [calm, struck] = [new Set<Visitor>(), new Set<Visitor>()];
  const hide = openHiding();

  function find(key: string, nowMillis: number): Visitor | undefined {
    const hidden = hide(key);
    const present = known.get(hidden);
    if (present !== undefined) return present;
    const prefix = siteKey(key);
    const hiddenSite = prefix === undefined ? undefined : hide(prefix);
    const site = hiddenSite === undefined ? undefined : sites.get(hiddenSite);
    const isSiteFull = site !== undefined && site.visitors.size >= limits.addressesPerSiteMax;
    if (isSiteFull || known.size >= limits.addressesMax) {
      const absent = isSiteFull ? chooseAbsent(site, nowMillis) : longestGone();
      if (absent === undefined) return undefined;
      forget(absent);
    }
    return remember(hidden, hiddenSite);
  }

  function longestGone(): Visitor | undefined {
    return calm.values().next().value ?? struck.values().next().value;
  }

  function remember(hidden: string, hiddenSite: string | undefined): Visitor {
    const site = hiddenSite === undefined ? undefined : findSite(hiddenSite);
    const made = new Visitor(limits, hidden, site);
    known.set(hidden, made);
    site?.visitors.add(made);
    calm.add(made);
    return made;
  }

  function findSite(hidden: string): Site {
    const site = sites.get(hidden) ?? { hidden, connections: 0, tags: 0, visitors: new Set() };
    sites.set(hidden, site);
    return site;
  }

  function settle(visitor: Visitor): void {
    calm.delete(visitor);
    struck.delete(visitor);
    if (visitor.connections === 0) (visitor.hasStrikes ? struck : calm).add(visitor);
  }

  function forget(visitor: Visitor): void {
    const { hidden, site } = visitor;
    known.delete(hidden);
    calm.delete(visitor);
    struck.delete(visitor);
    site?.visitors.delete(visitor);
    if (site?.visitors.size === 0) sites.delete(site.hidden);
  }

  function sweep(nowMillis: number): void {
    for (const visitor of known.values()) if (visitor.isForgettable(nowMillis)) forget(visitor);
  }

  return { find, settle, size: () => known.size, sweep };
}

/** Who is not there: rather one that is not banned, rather the one longest known. */
function chooseAbsent({ visitors }: Site, nowMillis: number): Visitor | undefined {
  const absent = [...visitors].filter(({ connections }) => connections === 0);
  return absent.find((visitor) => visitor.bannedMillis(nowMillis) === 0) ?? absent[0];
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
  return last === undefined || last === "" ? remote : withoutPort(last);
}

/** Some proxies write the port too: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(text: string): string {
  const match = /^(?:\[([^\]]*)\](?::\d+)?|([^:]+):\d+)$/u.exec(text);
  return match?.[1] ?? match?.[2] ?? text;
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

const daySeconds = 86_400;
/** A /48 counts as so many addresses. */
const addressesASite = 4;
