/** Everything that reads what others wrote. Whoever writes a new decoder adds it here. */

import { arrivingDecoders } from "./arriving-decoders.ts";
import { authDecoders } from "./auth-decoders.ts";
import type { Decoder } from "./fuzz.ts";
import { gitDecoders } from "./git-decoders.ts";
import { keptDecoders } from "./kept-decoders.ts";
import { packDecoder } from "./pack-decoder.ts";
import { wireDecoders } from "./wire-decoders.ts";

export const decoders: ReadonlyArray<Decoder> = [
  packDecoder,
  ...arrivingDecoders,
  ...gitDecoders,
  ...keptDecoders,
  ...authDecoders,
  ...wireDecoders,
];
