/** Both ways: sealed bytes for whoever subscribes to the tag. The relay forwards the frame byte for byte, never to its sender. */

import { rest, struct, type Decoded } from "../codec.ts";
import { tag } from "../fields.ts";
import { relayPayloadBytesMax } from "../limits.ts";

export type Publish = Decoded<typeof Publish>;
export const Publish = struct({ tag, payload: rest(relayPayloadBytesMax) });
