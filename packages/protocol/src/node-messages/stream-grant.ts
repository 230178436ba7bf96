/** The opener lacks the bytes from `from` up to `until` and has room for them. Said again, it asks again for what was lost. */

import { struct, u48, type Decoded } from "../codec.ts";
import { streamId } from "../fields.ts";

export type StreamGrant = Decoded<typeof StreamGrant>;
export const StreamGrant = struct({ stream: streamId, from: u48, until: u48 });
