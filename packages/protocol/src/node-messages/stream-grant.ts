/** The opener has everything before `from` and has room up to `until`. Repeated, it asks again for what was lost. */

import { struct, u48, type Decoded } from "../codec.ts";
import { streamId } from "../fields.ts";

export type StreamGrant = Decoded<typeof StreamGrant>;
export const StreamGrant = struct({ stream: streamId, from: u48, until: u48 });
