/**
 * A door pass: proof that a node's owner knew the passphrase. It makes a replica, never a writer.
 * `signature` is by the door key, over every field before it (label "door pass").
 */

import { fixed, struct, u48, type Decoded } from "../codec.ts";
import { name } from "../fields.ts";

export type Pass = Decoded<typeof Pass>;
export const Pass = struct({
  sign: fixed(32),
  box: fixed(32),
  name,
  platform: name,
  /** Milliseconds since the epoch, by the new node's clock. For display and coarse expiry of knocks only. */
  at: u48,
  signature: fixed(64),
});
