/** Both ways: the answer to a ping. */

import { struct, u32, type Decoded } from "../codec.ts";

export type RelayPong = Decoded<typeof RelayPong>;
export const RelayPong = struct({ nonce: u32 });
