/** The answer to an open: how many bytes will flow, and how many objects they hold. The opener may refuse before the first. */

import { struct, u32, u48, type Decoded } from "../codec.ts";
import { streamId } from "../fields.ts";

export type StreamOffer = Decoded<typeof StreamOffer>;
export const StreamOffer = struct({ stream: streamId, bytes: u48, objects: u32 });
