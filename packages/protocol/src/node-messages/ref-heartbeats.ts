/** For one repository: signed word of where nodes' streams end, made by each node itself and passed on by anybody. */

import { bytes, list, struct, type Decoded } from "../codec.ts";
import { repoId } from "../fields.ts";
import { nodesPerAccountMax, refHeartbeatBytesMax } from "../limits.ts";

export type RefHeartbeats = Decoded<typeof RefHeartbeats>;
export const RefHeartbeats = struct({
  repo: repoId,
  heartbeats: list(bytes(refHeartbeatBytesMax), nodesPerAccountMax),
});
