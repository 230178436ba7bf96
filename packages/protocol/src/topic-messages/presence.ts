/** "This node is here, and these are its keys": sealed into the blob that a relay keeps while the node is connected. */

import { fixed, struct, u48, type Decoded } from "../codec.ts";

export type Presence = Decoded<typeof Presence>;
export const Presence = struct({ sign: fixed(32), box: fixed(32), at: u48 });
