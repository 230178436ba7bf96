/** The indexes under which other nodes send: random, and marked so that a node that forgot a session still knows with whom it was. */

import { concat, equal, parseHex, type Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";
import type { NodeId } from "@skein/protocol/ids";
import type { Random } from "./crypto/random.ts";
import { SecretKey } from "./crypto/secret.ts";
import type { Crypto } from "./crypto/sodium.ts";
import type { NodeKeys } from "./identity.ts";

export class IndexBook implements Disposable {
  readonly #crypto: Crypto;
  readonly #random: Random;
  readonly #key: SecretKey;

  constructor(options: {
    readonly crypto: Crypto;
    readonly random: Random;
    readonly keys: NodeKeys;
  }) {
    const { crypto, random, keys } = options;
    // The same in every run of the program, and known to nobody else.
    const own = keys.dh(keys.boxPublic);
    assert(own !== undefined, "our own key is of full order");
    this.#crypto = crypto;
    this.#random = random;
    this.#key = new SecretKey(own);
  }

  mint(node: NodeId): Bytes {
    return this.#mark(this.#random.bytes(4), node);
  }

  /** Whether this node, in this run or an earlier one, gave `index` out for a session with `node`. */
  wasGivenTo(node: NodeId, index: Uint8Array): boolean {
    return equal(this.#mark(index.slice(0, 4), node), index);
  }

  [Symbol.dispose](): void {
    this.#key[Symbol.dispose]();
  }

  #mark(nonce: Uint8Array, node: NodeId): Bytes {
    const named = parseHex(node);
    assert(named !== undefined, "a node id is hex");
    const mark = this.#crypto.keyedHash(this.#key, "session index", nonce, named);
    return concat(nonce, mark.slice(0, 4));
  }
}
