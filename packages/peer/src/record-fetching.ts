/** Asks a node for the ref records of one stream, from a number on. */

import type { Bytes } from "@skein/protocol/bytes";
import type { NodeId, RepoId } from "@skein/protocol/ids";
import { logBytesMax, refRecordBytesMax } from "@skein/protocol/limits";
import type { AskNode } from "./flows.ts";
import { splitParts } from "./parts.ts";

/** Not judged yet; what cannot be read is nothing. Rejects as `ask` does. */
export async function fetchRecords(
  ask: AskNode,
  from: NodeId,
  {
    signal,
    ...wanted
  }: {
    readonly repo: RepoId;
    readonly node: NodeId;
    readonly from: number;
    readonly signal: AbortSignal;
  },
): Promise<ReadonlyArray<Bytes>> {
  const request = { type: "records", ...wanted } as const;
  const bytes = await ask(from, request, { bytesMax: logBytesMax, signal });
  return splitParts(bytes, { partBytesMax: refRecordBytesMax }) ?? [];
}
