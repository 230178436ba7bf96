/** A sealed message: the receiver's index, a counter that is the AEAD nonce and the replay guard, and the ciphertext. */

import { fixed, rest, struct, u48, type Decoded } from "../codec.ts";
import { nodeMessageBytesMax } from "../limits.ts";

export type SessionPacketData = Decoded<typeof SessionPacketData>;
export const SessionPacketData = struct({
  to: fixed(8),
  counter: u48,
  ciphertext: rest(nodeMessageBytesMax + 16),
});
