/** How a replica becomes a writer: two machines that lead a person to compare six digits neither side can choose. */

import type { Bytes } from "@skein/protocol/bytes";
import { Bug } from "@skein/protocol/errors";
import type { AccountId, NodeId } from "@skein/protocol/ids";
import type { ApprovalNews } from "@skein/protocol/node-messages/approval-news";
import type { ApprovalNonce } from "@skein/protocol/node-messages/approval-nonce";
import type { ApprovalRequest } from "@skein/protocol/node-messages/approval-request";
import type { ApprovalReveal } from "@skein/protocol/node-messages/approval-reveal";
import type { Crypto } from "./crypto/sodium.ts";

export type ApprovalMessage =
  | ({ readonly type: "approval-request" } & ApprovalRequest)
  | ({ readonly type: "approval-nonce" } & ApprovalNonce)
  | ({ readonly type: "approval-reveal" } & ApprovalReveal)
  | ({ readonly type: "approval-news" } & ApprovalNews);

export interface ApprovalParties {
  readonly handshakeHash: Uint8Array;
  readonly account: AccountId;
  readonly asker: NodeId;
  readonly approver: NodeId;
}

/** What the asker says first: it binds the nonce it will reveal. */
export function approvalCommitment(
  crypto: Crypto,
  options: { readonly handshakeHash: Uint8Array; readonly askerNonce: Uint8Array },
): Bytes {
  throw new Bug(`written within the hour ${crypto} ${options.askerNonce.length}`);
}

/** The six digits that both sides compute. */
export function approvalDigits(
  crypto: Crypto,
  options: ApprovalParties & { readonly askerNonce: Uint8Array; readonly approverNonce: Uint8Array },
): string {
  throw new Bug(`written within the hour ${crypto} ${options.asker}`);
}

