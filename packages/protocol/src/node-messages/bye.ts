/** The sender is closing: do not wait for it. */

import { struct, type Decoded } from "../codec.ts";

export type Bye = Decoded<typeof Bye>;
export const Bye = struct({});
