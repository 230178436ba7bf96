/** Everything that reads what others wrote. Whoever writes a new decoder adds it here. */

import { authDecoders } from "./auth-decoders.ts";
import type { Decoder } from "./fuzz.ts";
import { gitDecoders } from "./git-decoders.ts";
import { packDecoder } from "./pack-decoder.ts";
import { wireDecoders } from "./wire-decoders.ts";

export const decoders: ReadonlyArray<Decoder> = [
  packDecoder,
  ...gitDecoders,
  ...authDecoders,
  ...wireDecoders,
];
