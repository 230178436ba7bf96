/**
 * Frames that wait for a reader who is away: in memory, sealed, each delivered once, all gone with the process.
 *
 * Off unless the operator gives it time (`keep-seconds-max`).
 */

import type { TagKey } from "./tag-table.ts";

export interface KeeperLimits {
  readonly keptPerTagMax: number;
  readonly keptBytesPerTagMax: number;
  readonly keptBytesPerAddressMax: number;
  readonly keptBytesMax: number;
}

export interface Keeper {
  /** Holds a publish frame, which it copies; `name` lets it be taken back before anybody came. */
  readonly hold: (tag: TagKey, frame: Uint8Array, terms: Terms) => "held" | "full";
  /** Hands out what waits under the tag, the oldest first, and forgets it. */
  readonly collect: (tag: TagKey, nowMillis: number) => ReadonlyArray<Buffer>;
  readonly takeBack: (name: string) => void;
  /** Forgets what has run out and answers how many that were. */
  readonly sweep: (nowMillis: number) => number;
  readonly counts: () => { readonly frames: number; readonly bytes: number };
}

export interface Terms {
  readonly name: string;
  readonly expiresMillis: number;
  /** Who left it, as an address is held; `undefined` for this machine, which has no limit of its own. */
  readonly from: string | undefined;
}

interface Held extends Terms {
  readonly tag: TagKey;
  readonly frame: Buffer;
}

/** Told when a frame begins to wait under a tag, and when it has ended to. */
export interface KeeperNews {
  readonly came: (tag: TagKey) => void;
  readonly gone: (tag: TagKey) => void;
}

export function openKeeper(
  limits: KeeperLimits,
  news: KeeperNews = { came: () => undefined, gone: () => undefined },
): Keeper {
  const byTag = new Map<TagKey, Held[]>();
  const byName = new Map<string, Held>();
  const bytesFrom = new Map<string, number>();
  let bytes = 0;

  function count(from: string | undefined, change: number): void {
    bytes += change;
    if (from === undefined) return;
    const left = (bytesFrom.get(from) ?? 0) + change;
    if (left === 0) bytesFrom.delete(from);
    else bytesFrom.set(from, left);
  }

  function forget(held: Held): void {
    if (!byName.delete(held.name)) return;
    count(held.from, -held.frame.length - heldCostBytes);
    const left = (byTag.get(held.tag) ?? []).filter((one) => one !== held);
    if (left.length === 0) byTag.delete(held.tag);
    else byTag.set(held.tag, left);
    news.gone(held.tag);
  }

  return {
    hold: (tag, frame, terms) => {
      const waiting = byTag.get(tag) ?? [];
      const size = frame.length + heldCostBytes;
      const tagBytes = waiting.reduce((sum, held) => sum + held.frame.length + heldCostBytes, size);
      if (waiting.length >= limits.keptPerTagMax || tagBytes > limits.keptBytesPerTagMax)
        return "full";
      if (bytes + size > limits.keptBytesMax) return "full";
      const { name, from } = terms;
      const fromBytes = from === undefined ? 0 : (bytesFrom.get(from) ?? 0) + size;
      if (fromBytes > limits.keptBytesPerAddressMax) return "full";
      // In memory of its own: it may wait for days, and would keep what lies beside it in a pool.
      const own = Buffer.allocUnsafeSlow(frame.length);
      own.set(frame);
      const held = { ...terms, tag, frame: own };
      byTag.set(tag, [...waiting, held]);
      byName.set(name, held);
      count(from, size);
      news.came(tag);
      return "held";
    },
    collect: (tag, nowMillis) => {
      const waiting = byTag.get(tag) ?? [];
      for (const held of waiting) forget(held);
      return waiting.filter((held) => held.expiresMillis > nowMillis).map(({ frame }) => frame);
    },
    takeBack: (name) => {
      const held = byName.get(name);
      if (held !== undefined) forget(held);
    },
    sweep: (nowMillis) => {
      const stale = [...byName.values()].filter((held) => held.expiresMillis <= nowMillis);
      for (const held of stale) forget(held);
      return stale.length;
    },
    counts: () => ({ frames: byName.size, bytes }),
  };
}

/** What holding one frame costs besides its bytes. */
const heldCostBytes = 256;
