/** For one repository: how far the sender holds each node's stream of ref records, objects included. */

import { list, struct, u48, type Decoded } from "../codec.ts";
import { nodeId, recordHash, repoId } from "../fields.ts";
import { nodesPerAccountMax } from "../limits.ts";

export type RepoHeads = Decoded<typeof RepoHeads>;
export const RepoHeads = struct({
  repo: repoId,
  streams: list(struct({ node: nodeId, seq: u48, hash: recordHash }), nodesPerAccountMax * 2),
});
