/** Node to relay: answer with up to `want` blobs announced under the tag, without announcing one. */

import { struct, u8, type Decoded } from "../codec.ts";
import { tag } from "../fields.ts";

export type Lookup = Decoded<typeof Lookup>;
export const Lookup = struct({ tag, want: u8 });
