/** "This node is here": sealed into the blob that a relay keeps while the node is connected. */

import { struct, u48, type Decoded } from "../codec.ts";
import { nodeId } from "../fields.ts";

export type Presence = Decoded<typeof Presence>;
export const Presence = struct({ node: nodeId, at: u48 });
