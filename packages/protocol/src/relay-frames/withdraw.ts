/** Node to relay: forget what I announced under the tag. */

import { struct, type Decoded } from "../codec.ts";
import { tag } from "../fields.ts";

export type Withdraw = Decoded<typeof Withdraw>;
export const Withdraw = struct({ tag });
