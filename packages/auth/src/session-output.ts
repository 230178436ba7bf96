/** What sessions ask of whoever keeps them: packets to send, messages to hear, and news of who is up. */

import type { Bytes } from "@skein/protocol/bytes";
import type { NodeId } from "@skein/protocol/ids";
import type { Introduction } from "./session-handshake.ts";

/** Why there is no session any more. After `restarted` another one is up at once, with a node that forgot everything. */
export type DownReason = "silent" | "dropped" | "restarted";

export type SessionOutput =
  /** `path` is the path it should leave by; `undefined`: the best there is. `bulk`: may wait behind what is not. */
  | {
      readonly type: "packet";
      readonly node: NodeId;
      readonly packet: Bytes;
      readonly path: string | undefined;
      readonly bulk: boolean;
    }
  | {
      readonly type: "message";
      readonly node: NodeId;
      readonly message: Bytes;
      readonly path: string;
    }
  /** Its packets come by this path now: it can be reached there. */
  | { readonly type: "heard"; readonly node: NodeId; readonly path: string }
  | {
      readonly type: "up";
      readonly node: NodeId;
      readonly introduction: Introduction;
      readonly handshakeHash: Bytes;
    }
  | { readonly type: "down"; readonly node: NodeId; readonly why: DownReason }
  /** A message that found no room in the queue of a session that is still being set up, or that has no node to go to. */
  | { readonly type: "refused"; readonly node: NodeId; readonly message: Bytes }
  /** We met ourselves: a copied browser profile, or a mirror. Nothing was answered. */
  | { readonly type: "self" };

export function packetTo(
  node: NodeId,
  packet: Bytes,
  path: string | undefined,
): Extract<SessionOutput, { readonly type: "packet" }> {
  return { type: "packet", node, packet, path, bulk: false };
}
