/** Door passes: made by a node while its owner's passphrase is open, judged by every node of the account. */

import type { Instant, NodeId } from "@skein/protocol/ids";
import { Bug } from "@skein/protocol/errors";
import type { Pass } from "@skein/protocol/topic-messages/pass";
import type { Crypto } from "./crypto/sodium.ts";
import type { Door } from "./door.ts";
import type { NodeKeys } from "./identity.ts";

export interface PassRequest {
  readonly crypto: Crypto;
  readonly door: Door;
  readonly keys: NodeKeys;
  readonly name: string;
  readonly platform: string;
  readonly at: Instant;
}

export function makePass(request: PassRequest): Pass {
  throw new Bug(`written within minutes ${request.name}`);
}

/** The node that the pass is for, or `undefined` if the door did not sign it. */
export function judgePass(
  crypto: Crypto,
  doorSignPublic: Uint8Array,
  pass: Pass,
): NodeId | undefined {
  throw new Bug(`written within minutes ${crypto} ${doorSignPublic} ${pass}`);
}

/** A name fit to be shown and signed: one line, nothing invisible, nothing that turns text around, at most `nameBytesMax` bytes. */
export function cleanName(text: string): string {
  throw new Bug(`written within minutes ${text}`);
}
