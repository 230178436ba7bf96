/** Both ways: are you there? Answered by a pong with the same nonce. The relay asks, because hidden tabs cannot keep time. */

import { struct, u32, type Decoded } from "../codec.ts";

export type RelayPing = Decoded<typeof RelayPing>;
export const RelayPing = struct({ nonce: u32 });
