/** The sender is closing: do not wait for it. */

import { struct, type Decoded } from "../codec.ts";

// oxlint-disable-next-line typescript/no-generated-empty-object-type -- a message that says all there is to say by its type.
export type Bye = Decoded<typeof Bye>;
export const Bye = struct({});
