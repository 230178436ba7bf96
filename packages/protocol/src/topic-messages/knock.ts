/** A new device at the door: its public keys and names, signed with the door key that only the passphrase yields. */

import { fixed, struct, type Decoded } from "../codec.ts";
import { Pass } from "./pass.ts";

export type Knock = Decoded<typeof Knock>;
export const Knock = struct({ id: fixed(16), pass: Pass });
