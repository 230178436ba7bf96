/** Opens a stream and says what should flow in it, towards the opener. */

import {
  list,
  optional,
  struct,
  u32,
  u48,
  variants,
  type Codec,
  type Decoded,
  type Variant,
} from "../codec.ts";
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
  /**
   * A part of that history, for whoever cannot take all of it at once: what comes behind `after`, as far as `bytesMax`
   * goes. It brings a `SliceHead`, and then a pack that is whole together with what came before.
   */
  slice: [
    0x05,
    struct({
      repo: repoId,
      wants: list(objectId, objectIdsPerWantMax),
      haves: list(objectId, objectIdsPerWantMax),
      after: optional(objectId),
      bytesMax: u32,
    }),
  ],
} as const;

export type StreamRequest = Variant<typeof requests>;
export const StreamRequest: Codec<StreamRequest> = variants(requests);

export type StreamOpen = Decoded<typeof StreamOpen>;
export const StreamOpen = struct({ stream: streamId, request: StreamRequest });

/** Before the pack of a slice: up to which object the history is whole then, and how many objects come behind it. */
export type SliceHead = Decoded<typeof SliceHead>;
export const SliceHead = struct({ last: objectId, left: u32 });
export const sliceHeadBytes = 24;
