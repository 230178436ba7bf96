/** Sessions with any number of nodes: keys, ciphers and replay windows here, decisions in `session-machine.ts`. */

import type { Bytes } from "@skein/protocol/bytes";
import { Bug } from "@skein/protocol/errors";
import type { Instant, NodeId } from "@skein/protocol/ids";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Random } from "./crypto/random.ts";
import type { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import type { NodeKeys } from "./identity.ts";

/** Who is on the other side, as proven by the handshake; `pass` is what it shows, and still to be judged. */
export interface Introduction {
  readonly node: NodeId;
  readonly sign: Bytes;
  readonly box: Bytes;
  readonly pass: Pass | undefined;
}

/** Why there is no session any more. */
export type DownReason = "silent" | "dropped";

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
  | {
      readonly type: "up";
      readonly node: NodeId;
      readonly introduction: Introduction;
      readonly handshakeHash: Bytes;
    }
  | { readonly type: "down"; readonly node: NodeId; readonly why: DownReason }
  /** A message that found no room in the queue of a session that is still being set up. */
  | { readonly type: "refused"; readonly node: NodeId; readonly message: Bytes }
  /** We met ourselves: a copied browser profile, or a mirror. Nothing was answered. */
  | { readonly type: "self" };

export interface Sessions extends Disposable {
  /** Wants a session with this node: does nothing if there is one, or one is being set up. */
  readonly connect: (
    peer: { readonly node: NodeId; readonly box: Uint8Array },
    now: Instant,
  ) => SessionOutput[];
  /** Takes in a session packet that came by `path`. Never throws, whatever the bytes are. */
  readonly receive: (packet: Uint8Array, path: string, now: Instant) => SessionOutput[];
  /** Sends, or queues while a session is being set up. The node must have been connected to, or have come up. */
  readonly send: (
    node: NodeId,
    message: Uint8Array,
    now: Instant,
    path?: string,
  ) => SessionOutput[];
  readonly tick: (now: Instant) => SessionOutput[];
  readonly nextWake: () => Instant | undefined;
  /** Forgets a node and its keys. */
  readonly drop: (node: NodeId) => SessionOutput[];
  /** The network or the page came back: do not wait out a pause. */
  readonly nudge: (node: NodeId | "all", now: Instant) => SessionOutput[];
  /** Hashes of the handshakes with this node while it has been up, newest first: either side may hold one more than the other. */
  readonly handshakes: (node: NodeId) => ReadonlyArray<Bytes>;
}

export function openSessions(options: {
  readonly crypto: Crypto;
  readonly keys: NodeKeys;
  readonly psk: SecretKey;
  /** The door pass to show, as long as this node is not in the log. */
  readonly pass: () => Pass | undefined;
  /** Judged before anything is answered. */
  readonly mayConnect: (introduction: Introduction) => boolean;
  readonly random: Random;
}): Sessions {
  throw new Bug(`written within the hour ${options.keys.id}`);
}
