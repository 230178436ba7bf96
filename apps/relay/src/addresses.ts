/** How many connections one address may have and how fast it may ask for more. Nothing of it is logged or kept. */

import { Budget } from "./budget.ts";

export interface AddressLimits {
  readonly connectionsPerAddressMax: number;
  readonly upgradesPerAddressBurst: number;
  readonly upgradesPerAddressPerSecond: number;
  readonly addressesMax: number;
}

export interface Addresses {
  /** Counts a connection, or answers the milliseconds after which to try again. */
  readonly enter: (address: string, nowMillis: number) => number;
  readonly leave: (address: string) => void;
  readonly size: () => number;
}

interface Known {
  connections: number;
  readonly upgrades: Budget;
}

export function openAddresses(limits: AddressLimits): Addresses {
  const known = new Map<string, Known>();

  function enter(address: string, nowMillis: number): number {
    const key = addressKey(address);
    if (key === undefined) return 0;
    const entry = known.get(key) ?? make(key, nowMillis);
    if (entry === undefined) return crowdedMillis;
    if (entry.connections >= limits.connectionsPerAddressMax) return crowdedMillis;
    const waitMillis = entry.upgrades.spend(1, nowMillis);
    if (waitMillis === 0) entry.connections++;
    return waitMillis;
  }

  function make(key: string, nowMillis: number): Known | undefined {
    if (known.size >= limits.addressesMax) forget(nowMillis);
    if (known.size >= limits.addressesMax) return undefined;
    const rate = {
      perSecond: limits.upgradesPerAddressPerSecond,
      burst: limits.upgradesPerAddressBurst,
    };
    const entry = { connections: 0, upgrades: new Budget(rate, nowMillis) };
    known.set(key, entry);
    return entry;
  }

  function forget(nowMillis: number): void {
    for (const [key, entry] of known)
      if (entry.connections === 0 && entry.upgrades.isFull(nowMillis)) known.delete(key);
  }

  return {
    enter,
    leave: (address) => {
      const entry = known.get(addressKey(address) ?? "");
      if (entry !== undefined && entry.connections > 0) entry.connections--;
    },
    size: () => known.size,
  };
}

/** What counts as one address: an IPv4 address or an IPv6 /64. Loopback is nobody's and has no limit. */
export function addressKey(address: string): string | undefined {
  const text = address
    .toLowerCase()
    .replace(/^::ffff:(?=\d+\.)/u, "")
    .replace(/%.*$/u, "");
  if (text === "::1" || text.startsWith("127.")) return undefined;
  return text.includes(":") ? prefix64(text) : text;
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

/** When an address that is at its limit may look again. */
const crowdedMillis = 30_000;
