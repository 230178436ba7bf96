/** One writer's stream as this node holds it: how far records and objects reach, and what is under way. */

import type { Bytes } from "@skein/protocol/bytes";
import type { Instant, NodeId } from "@skein/protocol/ids";
import type { Head } from "./sync-events.ts";
import type { Trust } from "./trust.ts";

export interface Unjudged {
  readonly from: NodeId;
  readonly bytes: Bytes;
}

export interface Fetch {
  readonly from: NodeId;
  readonly since: Instant;
}

export interface WriterStream {
  readonly records: Head | undefined;
  readonly objects: Head | undefined;
  /** Two records with one number exist: nothing of it is taken any more. */
  readonly frozen: boolean;
  /** Not a member that we know of: what came waits for the membership log. */
  readonly unknown: boolean;
  readonly pending: ReadonlyArray<Unjudged>;
  /** The first is with the judge. */
  readonly judging: ReadonlyArray<Unjudged>;
  /** Of those that came together, how many were taken. */
  readonly accepted: number;
  readonly recordsFetch: Fetch | undefined;
  readonly objectsFetch: Fetch | undefined;
  /** Nodes that did not deliver this stream. */
  readonly trust: ReadonlyMap<NodeId, Trust>;
}

export const emptyStream: WriterStream = {
  records: undefined,
  objects: undefined,
  frozen: false,
  unknown: false,
  pending: [],
  judging: [],
  accepted: 0,
  recordsFetch: undefined,
  objectsFetch: undefined,
  trust: new Map(),
};

/** What `claim` promises beyond what is here. Another record in the place of our last one convicts the writer. */
export function promises(
  stream: WriterStream,
  claim: Head,
): { readonly records: boolean; readonly objectsUpTo: number | undefined } {
  const recordsSeq = stream.records?.seq ?? 0;
  const isOther = stream.records?.seq === claim.seq && stream.records.hash !== claim.hash;
  const upTo = Math.min(recordsSeq, claim.seq);
  return {
    records: !stream.frozen && !stream.unknown && (claim.seq > recordsSeq || isOther),
    objectsUpTo: upTo > (stream.objects?.seq ?? 0) ? upTo : undefined,
  };
}

/** The records that wait for the membership log: as many as a limit allows, the first ones. */
export function keepPending(records: ReadonlyArray<Unjudged>): ReadonlyArray<Unjudged> {
  let room = pendingBytesMax;
  return records.slice(0, pendingRecordsMax).filter(({ bytes }) => (room -= bytes.length) >= 0);
}

/** A new device's first pushes, while its approval is on the way. More is asked for again. */
const pendingRecordsMax = 16;
const pendingBytesMax = 256 * 1024;
