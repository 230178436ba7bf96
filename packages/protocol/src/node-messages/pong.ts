/** The answer to a ping, on the path the ping came by. */

import { struct, u32, type Decoded } from "../codec.ts";

export type NodePong = Decoded<typeof NodePong>;
export const NodePong = struct({ nonce: u32 });
