/** Node to relay: publish this, and if nobody subscribes, hold it for the first who does, at most `seconds`. */

import { rest, struct, u32, type Decoded } from "../codec.ts";
import { tag } from "../fields.ts";
import { relayPayloadBytesMax } from "../limits.ts";

export type Keep = Decoded<typeof Keep>;
export const Keep = struct({ tag, seconds: u32, payload: rest(relayPayloadBytesMax) });
