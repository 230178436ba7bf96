/** The nodes that are connected: what each said it holds, and when it is told what we hold. */

import { later, type Instant, type NodeId } from "@skein/protocol/ids";
import type { Head, StreamHead } from "./sync-events.ts";

export interface Neighbour {
  readonly claims: ReadonlyMap<NodeId, Head>;
  readonly toldAt: Instant | undefined;
  /** When it is told (again). */
  readonly tellAt: Instant;
}

export function newNeighbour(now: Instant): Neighbour {
  return { claims: new Map(), toldAt: undefined, tellAt: now };
}

/** We hold more than before: it is told soon, together with what else happens until then. */
export function withNews(neighbour: Neighbour, now: Instant): Neighbour {
  return tellBy(neighbour, now, newsMillisMin);
}

export function hear(
  neighbour: Neighbour,
  {
    streams,
    held,
    now,
  }: {
    readonly streams: ReadonlyArray<StreamHead>;
    readonly held: ReadonlyArray<StreamHead>;
    readonly now: Instant;
  },
): Neighbour {
  const claims = new Map(streams.map(({ node, seq, hash }) => [node, { seq, hash }]));
  const next = { ...neighbour, claims };
  // It lacks something of ours: perhaps what we said was lost. That a thing it cannot take is not said in turns for
  // ever, only what changed is answered.
  const behind = held.some(({ node, seq }) => seq > (claims.get(node)?.seq ?? 0));
  return behind && changed(neighbour.claims, claims) ? tellBy(next, now, answerMillisMin) : next;
}

/** `chance` is from 0 to 1. */
export function told(neighbour: Neighbour, now: Instant, chance: number): Neighbour {
  const tellAt = later(now, Math.round(repeatMillis * (0.8 + 0.4 * chance)));
  return { ...neighbour, toldAt: now, tellAt };
}

function tellBy(neighbour: Neighbour, now: Instant, gapMillis: number): Neighbour {
  const earliest = neighbour.toldAt === undefined ? now : later(neighbour.toldAt, gapMillis);
  const at = earliest < now ? now : earliest;
  return at < neighbour.tellAt ? { ...neighbour, tellAt: at } : neighbour;
}

function changed(before: ReadonlyMap<NodeId, Head>, after: ReadonlyMap<NodeId, Head>): boolean {
  return (
    before.size !== after.size ||
    [...after].some(([node, { seq, hash }]) => {
      const known = before.get(node);
      return known?.seq !== seq || known.hash !== hash;
    })
  );
}

/** News is gathered for so long before it is told again. */
const newsMillisMin = 200;
const answerMillisMin = 5_000;
/** Everything is said again, give or take a fifth: what was lost is repaired within this. */
const repeatMillis = 30_000;
