/** The ways between the nodes of a storm: a relay, a direct channel for each pair, or both; what is under way when one breaks is gone. */

import type { Path, Place } from "./session-form.ts";

export type Paths = "relay" | "direct" | "both";

interface Way {
  isOpen: boolean;
  /** Counts how often it broke: what left before does not arrive after. */
  age: number;
  /** When its newest parcel arrives, by direction: in the calm nothing overtakes. */
  readonly last: [number, number];
}

export class Ways {
  readonly kind: Paths;
  readonly #relay: Way = { isOpen: true, age: 0, last: [0, 0] };
  readonly #channels = new Map<number, Way>();
  readonly #relayed = new Map<number, Way>();

  constructor(kind: Paths) {
    this.kind = kind;
  }

  /** By which path a packet leaves, if any. */
  choose(from: Place, to: Place, wanted: Path | undefined): Path | undefined {
    if (wanted !== undefined && this.isOpen(wanted, from, to)) return wanted;
    if (this.isOpen("direct", from, to)) return "direct";
    return this.isOpen("relay", from, to) ? "relay" : undefined;
  }

  isOpen(path: Path, from: Place, to: Place): boolean {
    if (path === "relay") return this.kind !== "direct" && this.#relay.isOpen;
    return this.kind !== "relay" && this.#channel(from, to).isOpen;
  }

  age(path: Path, from: Place, to: Place): number {
    return path === "relay" ? this.#relay.age : this.#channel(from, to).age;
  }

  breakRelay(): void {
    this.#relay.isOpen = false;
    this.#relay.age += 1;
  }

  mendRelay(): void {
    this.#relay.isOpen = true;
  }

  breakChannel(one: Place, other: Place): void {
    const channel = this.#channel(one, other);
    channel.isOpen = false;
    channel.age += 1;
  }

  mendChannel(one: Place, other: Place): void {
    this.#channel(one, other).isOpen = true;
  }

  /** The moment from `at` on at which nothing overtakes what was sent this way before. */
  inOrder(path: Path, from: Place, to: Place, at: number): number {
    const way = path === "direct" ? this.#channel(from, to) : pairOf(this.#relayed, from, to);
    const side = from < to ? 0 : 1;
    way.last[side] = Math.max(at, way.last[side]);
    return way.last[side];
  }

  #channel(one: Place, other: Place): Way {
    return pairOf(this.#channels, one, other);
  }
}

function pairOf(ways: Map<number, Way>, one: Place, other: Place): Way {
  const key = pairKey(one, other);
  const known = ways.get(key);
  if (known !== undefined) return known;
  const way: Way = { isOpen: true, age: 0, last: [0, 0] };
  ways.set(key, way);
  return way;
}

/** One number for both directions. */
export function pairKey(one: Place, other: Place): number {
  return Math.min(one, other) * 8 + Math.max(one, other);
}
