/** Bytes of a stream, at their place in it. */

import { rest, struct, u48, type Decoded } from "../codec.ts";
import { streamId } from "../fields.ts";
import { chunkBytesMax } from "../limits.ts";

export type StreamChunk = Decoded<typeof StreamChunk>;
export const StreamChunk = struct({ stream: streamId, offset: u48, bytes: rest(chunkBytesMax) });
