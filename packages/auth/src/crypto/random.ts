/** Chance comes in through this port: a browser's or Node's generator in the product, a seeded one in simulations. */

import type { Bytes } from "@skein/protocol/bytes";

export interface Random {
  readonly bytes: (length: number) => Bytes;
}
