/** Sealed blobs kept under tags for whoever asks. Each dies with its time, at its owner's word, or with its owner's connection. */

import type { TagKey } from "./tag-table.ts";

export interface Discovery<Owner extends object> {
  /** Keeps the blob, in place of what this owner announced under the tag before. */
  readonly announce: (announcement: Announcement<Owner>) => "announced" | "full";
  readonly withdraw: (tag: TagKey, owner: Owner) => void;
  readonly withdrawAll: (owner: Owner) => void;
  readonly holds: (owner: Owner) => boolean;
  /** Whether the owner announces under the tag. */
  readonly has: (tag: TagKey, owner: Owner) => boolean;
  /** Withdraws what is chosen. */
  readonly forget: (isChosen: (tag: TagKey, owner: Owner) => boolean) => void;
  /** What stands under the tag now. */
  readonly under: (tag: TagKey) => ReadonlyArray<Announcement<Owner>>;
  readonly all: () => ReadonlyArray<Announcement<Owner>>;
  /** Up to `want` living blobs of others than `asker`, the most recently announced first. */
  readonly lookup: (question: Question<Owner>) => ReadonlyArray<Uint8Array>;
  /** Forgets what has run out. */
  readonly sweep: (nowMillis: number) => void;
  readonly size: () => number;
}

export interface Announcement<Owner> {
  readonly tag: TagKey;
  readonly owner: Owner;
  readonly blob: Uint8Array;
  readonly expiresMillis: number;
}

export interface Question<Owner> {
  readonly tag: TagKey;
  readonly asker: Owner;
  readonly want: number;
  readonly nowMillis: number;
}

export interface DiscoveryLimits {
  readonly announcementsPerConnectionMax: number;
  readonly announcementsPerTagMax: number;
}

/** Told when an owner begins to announce under a tag, and when that has ended, whatever ended it. */
export interface DiscoveryNews<Owner> {
  readonly came: (tag: TagKey, owner: Owner) => void;
  readonly gone: (tag: TagKey, owner: Owner) => void;
}

interface Kept {
  readonly blob: Uint8Array;
  readonly expiresMillis: number;
}

export function openDiscovery<Owner extends object>(
  limits: DiscoveryLimits,
  news: DiscoveryNews<Owner> = { came: () => undefined, gone: () => undefined },
): Discovery<Owner> {
  /** Under each tag in the order of announcing, so that the first is the longest not renewed. */
  const byTag = new Map<TagKey, Map<Owner, Kept>>();
  const byOwner = new Map<Owner, Set<TagKey>>();
  let size = 0;

  function announce(announcement: Announcement<Owner>): "announced" | "full" {
    const { tag, owner, blob, expiresMillis } = announcement;
    const tags = byOwner.get(owner) ?? new Set<TagKey>();
    if (!tags.has(tag) && tags.size >= limits.announcementsPerConnectionMax) return "full";
    const present = byTag.get(tag) ?? new Map<Owner, Kept>();
    const isNew = !present.delete(owner);
    present.set(owner, { blob, expiresMillis });
    byTag.set(tag, present);
    byOwner.set(owner, tags.add(tag));
    if (isNew) {
      size += 1;
      news.came(tag, owner);
    }
    const [oldest] = present.keys();
    if (present.size > limits.announcementsPerTagMax && oldest !== undefined) withdraw(tag, oldest);
    return "announced";
  }

  function withdraw(tag: TagKey, owner: Owner): void {
    const present = byTag.get(tag);
    if (present?.delete(owner) !== true) return;
    size -= 1;
    if (present.size === 0) byTag.delete(tag);
    const tags = byOwner.get(owner);
    if (tags?.delete(tag) && tags.size === 0) byOwner.delete(owner);
    news.gone(tag, owner);
  }

  function lookup({ tag, asker, want, nowMillis }: Question<Owner>): ReadonlyArray<Uint8Array> {
    const found: Uint8Array[] = [];
    for (const [owner, kept] of byTag.get(tag) ?? [])
      if (owner !== asker && kept.expiresMillis > nowMillis) found.push(kept.blob);
    return found.slice(Math.max(0, found.length - want)).toReversed();
  }

  function forget(isChosen: (tag: TagKey, owner: Owner, kept: Kept) => boolean): void {
    for (const [tag, present] of byTag)
      for (const [owner, kept] of present) if (isChosen(tag, owner, kept)) withdraw(tag, owner);
  }

  return {
    announce,
    withdraw,
    withdrawAll: (owner) => {
      // A set may lose what was already visited while it is walked.
      for (const tag of byOwner.get(owner) ?? []) withdraw(tag, owner);
    },
    holds: (owner) => byOwner.has(owner),
    has: (tag, owner) => byOwner.get(owner)?.has(tag) === true,
    forget,
    under: (tag) => listUnder(tag, byTag.get(tag)),
    all: () => [...byTag].flatMap(([tag, present]) => listUnder(tag, present)),
    lookup,
    sweep: (nowMillis) => forget((_tag, _owner, { expiresMillis }) => expiresMillis <= nowMillis),
    size: () => size,
  };
}

function listUnder<Owner>(
  tag: TagKey,
  present: ReadonlyMap<Owner, Kept> | undefined,
): ReadonlyArray<Announcement<Owner>> {
  return [...(present ?? [])].map(([owner, { blob, expiresMillis }]) => ({
    tag,
    owner,
    blob,
    expiresMillis,
  }));
}
