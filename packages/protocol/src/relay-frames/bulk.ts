/** As publish, for the bytes of a repository: charged to a budget of its own, so that a clone never starves an approval. */

import { rest, struct, type Decoded } from "../codec.ts";
import { tag } from "../fields.ts";
import { relayPayloadBytesMax } from "../limits.ts";

export type Bulk = Decoded<typeof Bulk>;
export const Bulk = struct({ tag, payload: rest(relayPayloadBytesMax) });
