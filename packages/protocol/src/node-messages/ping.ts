/** Does the other node's program still run, and how far away is it? */

import { struct, u32, type Decoded } from "../codec.ts";

export type NodePing = Decoded<typeof NodePing>;
export const NodePing = struct({ nonce: u32 });
