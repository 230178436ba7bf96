/** Which topics a relay has of ours, as far as we can know, and what to tell it so that it has those that are wanted. */

import type { Tag } from "@skein/protocol/ids";
import { tagsPerConnectionMax } from "@skein/protocol/limits";

export interface Subscriptions {
  /** What the relay was asked for, and not since to let go of. */
  readonly held: ReadonlyArray<Tag>;
  /** What it was lately asked to let go of, and may have had no time for. */
  readonly released: ReadonlyArray<Tag>;
}

/** What to unsubscribe from and to subscribe to, in that order, so that what is let go of makes room. */
export interface Wish {
  readonly next: Subscriptions;
  readonly unsubscribe: ReadonlyArray<Tag>;
  readonly subscribe: ReadonlyArray<Tag>;
  /** Wanted, and beyond what the relay lets one connection have. */
  readonly leftOut: number;
}

export const noSubscriptions: Subscriptions = { held: [], released: [] };

/** The first of what is wanted, as many as fit: only the difference is said. */
export function wish(
  { held, released }: Subscriptions,
  wanted: ReadonlyArray<Tag>,
  tagsMax: number,
): Wish {
  const fit = wanted.slice(0, Math.min(tagsMax, tagsPerConnectionMax));
  const [before, after] = [new Set(held), new Set(fit)];
  const gone = held.filter((tag) => !after.has(tag));
  const lately = [...gone, ...released.filter((tag) => !after.has(tag))];
  return {
    next: { held: fit, released: lately.slice(0, tagsPerConnectionMax) },
    unsubscribe: gone,
    subscribe: fit.filter((tag) => !before.has(tag)),
    leftOut: wanted.length - fit.length,
  };
}

/** A refusal does not say which tags it was about: everything is said again. Twice is once. */
export function wishAgain(
  subscriptions: Subscriptions,
  wanted: ReadonlyArray<Tag>,
  tagsMax: number,
): Wish {
  const { next, leftOut } = wish(subscriptions, wanted, tagsMax);
  return { next, unsubscribe: next.released, subscribe: next.held, leftOut };
}
