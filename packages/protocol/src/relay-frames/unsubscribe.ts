/** Node to relay: stop delivering these tags. */

import { list, struct, type Decoded } from "../codec.ts";
import { tag } from "../fields.ts";
import { tagsPerConnectionMax } from "../limits.ts";

export type Unsubscribe = Decoded<typeof Unsubscribe>;
export const Unsubscribe = struct({ tags: list(tag, tagsPerConnectionMax) });
