/** What a repository at this node needs from the rest of the peer. */

import type { NodeId } from "@skein/protocol/ids";
import type { AskNode } from "./flows.ts";
import type { HeartbeatsWorld } from "./heartbeats.ts";
import type { Inbox } from "./inbox.ts";
import type { Notice } from "./notices.ts";
import type { Tasks } from "./tasks.ts";

export interface RepositoryWorld extends HeartbeatsWorld {
  readonly seed: () => number;
  /** Another program holds this node's keys: nothing is signed. */
  readonly standsStill: () => boolean;
  readonly inbox: Inbox;
  readonly tasks: Tasks;
  readonly ask: AskNode;
  readonly sliceBytesMax?: number | undefined;
  readonly drop: (node: NodeId) => void;
  readonly nameOf: (node: NodeId) => string;
  readonly notice: (notice: Notice) => void;
  /** A repository is stored here and cannot be read. */
  readonly cannotOpen: (name: string, cause: unknown) => void;
}
