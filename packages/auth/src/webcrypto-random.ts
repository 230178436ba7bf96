/** Chance from the platform: every browser, worker and Node has it. */

import type { Random } from "./crypto/random.ts";

export const webcryptoRandom: Random = {
  bytes: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
};
