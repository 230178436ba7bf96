/** The nonce behind the commitment: both sides can now compute the six digits. */

import { fixed, struct, type Decoded } from "../codec.ts";

export type ApprovalReveal = Decoded<typeof ApprovalReveal>;
export const ApprovalReveal = struct({ id: fixed(16), nonce: fixed(32) });
