/** Node to relay: keep this sealed blob under the tag while I am connected, at most `seconds`; answer with up to `want` others. */

import { bytes, struct, u16, u8, type Decoded } from "../codec.ts";
import { tag } from "../fields.ts";
import { presenceBlobBytesMax } from "../limits.ts";

export type Announce = Decoded<typeof Announce>;
export const Announce = struct({
  tag,
  seconds: u16,
  want: u8,
  blob: bytes(presenceBlobBytesMax),
});
