/** Node to relay: deliver what is published under these tags from now on. */

import { list, struct, type Decoded } from "../codec.ts";
import { tag } from "../fields.ts";
import { tagsPerConnectionMax } from "../limits.ts";

export type Subscribe = Decoded<typeof Subscribe>;
export const Subscribe = struct({ tags: list(tag, tagsPerConnectionMax) });
