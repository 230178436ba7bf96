/** Opens a stream and says what should flow in it, towards the opener. */

import { list, struct, u48, variants, type Codec, type Decoded, type Variant } from "../codec.ts";
import { entryId, nodeId, objectId, repoId, streamId } from "../fields.ts";
import { objectIdsPerWantMax } from "../limits.ts";

const requests = {
  /** Membership entries that are not ancestors of these heads. */
  entries: [0x01, struct({ heads: list(entryId, 64) })],
  /** The signed genesis of a repository. */
  genesis: [0x02, struct({ repo: repoId })],
  /** One node's ref records from number `from` on. */
  records: [0x03, struct({ repo: repoId, node: nodeId, from: u48 })],
  /** A pack with the history of `wants`, less that of `haves` (gitprotocol-pack, the same words). */
  pack: [
    0x04,
    struct({
      repo: repoId,
      wants: list(objectId, objectIdsPerWantMax),
      haves: list(objectId, objectIdsPerWantMax),
    }),
  ],
} as const;

export type StreamRequest = Variant<typeof requests>;
export const StreamRequest: Codec<StreamRequest> = variants(requests);

export type StreamOpen = Decoded<typeof StreamOpen>;
export const StreamOpen = struct({ stream: streamId, request: StreamRequest });
