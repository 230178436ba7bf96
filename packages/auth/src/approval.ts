/** The six digits by which a person lets a device in: neither side can choose them, and both must have them alike. */

import { parseHex, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import type { AccountId, NodeId } from "@skein/protocol/ids";
import type { ApprovalNews } from "@skein/protocol/node-messages/approval-news";
import type { ApprovalNonce } from "@skein/protocol/node-messages/approval-nonce";
import type { ApprovalRequest } from "@skein/protocol/node-messages/approval-request";
import type { ApprovalReveal } from "@skein/protocol/node-messages/approval-reveal";
import type { Crypto } from "./crypto/sodium.ts";

/** The node messages by which the asker's machine and the approver's talk. */
export type ApprovalMessage =
  | ({ readonly type: "approval-request" } & ApprovalRequest)
  | ({ readonly type: "approval-nonce" } & ApprovalNonce)
  | ({ readonly type: "approval-reveal" } & ApprovalReveal)
  | ({ readonly type: "approval-news" } & ApprovalNews);

/** How long one request is good for, on both sides. */
export const approvalMillis = 5 * 60_000;
/** How often what was not answered is said again: sessions lose messages. */
export const approvalRepeatMillis = 5_000;
/** Wrong numbers that void a request. */
export const wrongNumbersMax = 3;

export interface ApprovalParties {
  readonly account: AccountId;
  readonly asker: NodeId;
  readonly approver: NodeId;
}

/** What the asker says first: it binds the nonce that it will reveal, and the session they talk in. */
export function approvalCommitment(
  crypto: Crypto,
  options: { readonly handshakeHash: Uint8Array; readonly askerNonce: Uint8Array },
): Bytes {
  return crypto.hash("approval commitment", options.askerNonce, options.handshakeHash);
}

/** What the entry that lets the asker in quotes: the request that a person answered. */
export function approvalRequestHash(
  crypto: Crypto,
  request: { readonly id: Uint8Array; readonly commitment: Uint8Array },
): Bytes {
  return crypto.hash("approval request", request.id, request.commitment);
}

/** The digits that both sides compute and a person compares. */
export function approvalDigits(
  crypto: Crypto,
  options: ApprovalParties & {
    readonly handshakeHash: Uint8Array;
    readonly askerNonce: Uint8Array;
    readonly approverNonce: Uint8Array;
  },
): string {
  const hash = crypto.keyedHash(
    options.handshakeHash,
    "approval digits",
    options.askerNonce,
    options.approverNonce,
    ...[options.account, options.asker, options.approver].map(bytesOf),
  );
  // 2^48 is so much larger than 10^6 that no digits are likelier than others by more than one in 10^8.
  let number = 0;
  for (const byte of hash.subarray(0, 6)) number = number * 256 + byte;
  return String(number % 1_000_000).padStart(6, "0");
}

/**
 * The digits, if what was revealed is what was committed to. The session may have renewed its keys since the request,
 * so every handshake with the asker that is remembered may be the one it meant.
 */
export function judgeReveal(
  crypto: Crypto,
  options: ApprovalParties & {
    readonly handshakes: ReadonlyArray<Uint8Array>;
    readonly commitment: Uint8Array;
    readonly askerNonce: Uint8Array;
    readonly approverNonce: Uint8Array;
  },
): string | undefined {
  const { handshakes, commitment, askerNonce } = options;
  const meant = handshakes.find((handshakeHash) =>
    crypto.secretsEqual(approvalCommitment(crypto, { handshakeHash, askerNonce }), commitment),
  );
  return meant && approvalDigits(crypto, { ...options, handshakeHash: meant });
}

function bytesOf(id: AccountId | NodeId): Bytes {
  const raw = parseHex(id);
  assert(raw !== undefined, "an id is hex");
  return raw;
}
