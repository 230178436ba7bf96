/** A replica asks to become a writer. `commitment` binds it to a nonce that it reveals after the approver's. */

import { fixed, struct, u48, type Decoded } from "../codec.ts";
import { name } from "../fields.ts";

export type ApprovalRequest = Decoded<typeof ApprovalRequest>;
export const ApprovalRequest = struct({
  id: fixed(16),
  commitment: fixed(32),
  name,
  platform: name,
  askedAt: u48,
});
