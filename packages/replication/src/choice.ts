/** Whom to ask for one writer's stream: who claims what is not here, and who of them kept their promises. */

import type { Instant, NodeId } from "@skein/protocol/ids";
import type { Neighbour } from "./neighbours.ts";
import { rests, type Trust } from "./trust.ts";
import { promises, type WriterStream } from "./writer-stream.ts";

export interface Candidate {
  readonly from: NodeId;
  readonly failures: number;
  /** It broke its promises, and is not asked before. */
  readonly restUntil: Instant | undefined;
  /** It claims records that are not here. */
  readonly records: boolean;
  /** It claims the objects of records that are here, up to this one. */
  readonly objectsUpTo: number | undefined;
}

interface Known {
  readonly neighbours: ReadonlyMap<NodeId, Neighbour>;
  readonly liars: ReadonlyMap<NodeId, Trust>;
  readonly now: Instant;
}

/** Who claims something of this stream that is not here, the best to ask first: who failed least, then the writer itself. */
export function candidatesFor(
  of: NodeId,
  stream: WriterStream,
  { neighbours, liars, now }: Known,
): ReadonlyArray<Candidate> {
  const found: Candidate[] = [];
  for (const [from, { claims }] of neighbours) {
    const claim = claims.get(of);
    if (claim === undefined) continue;
    const promise = promises(stream, claim);
    if (!promise.records && promise.objectsUpTo === undefined) continue;
    const trust = stream.trust.get(from);
    const liar = liars.get(from);
    const waits = [trust, liar].flatMap((one) =>
      one !== undefined && rests(one, now) ? [one.restUntil] : [],
    );
    const failures = (trust?.failures ?? 0) + 10 * (liar?.failures ?? 0);
    found.push({ from, failures, restUntil: waits.toSorted((a, b) => b - a)[0], ...promise });
  }
  return found.toSorted(
    (a, b) =>
      a.failures - b.failures ||
      Number(b.from === of) - Number(a.from === of) ||
      (b.objectsUpTo ?? 0) - (a.objectsUpTo ?? 0),
  );
}
