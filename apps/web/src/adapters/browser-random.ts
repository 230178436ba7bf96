/** Chance from the browser's generator. */

import type { Random } from "@skein/auth/crypto/random";

export const browserRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};
