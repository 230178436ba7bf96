/** The approver's nonce, sent once it holds the commitment. */

import { fixed, struct, type Decoded } from "../codec.ts";

export type ApprovalNonce = Decoded<typeof ApprovalNonce>;
export const ApprovalNonce = struct({ id: fixed(16), nonce: fixed(32) });
