/** A secret that cannot be printed, and that is wiped when its owner is done with it (`using`). */

import type { Bytes } from "@skein/protocol/bytes";
import { assert } from "@skein/protocol/errors";

export class SecretKey implements Disposable {
  #bytes: Bytes | undefined;

  /** Takes the bytes over: they are this key's now, and are overwritten when it is disposed of. */
  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** Lends the bytes themselves, not a copy, for one call. */
  reveal<T>(use: (bytes: Bytes) => T): T {
    assert(this.#bytes !== undefined, "a wiped key is never used");
    return use(this.#bytes);
  }

  /** A second key with the same bytes, for an owner that lives longer. */
  copy(): SecretKey {
    return new SecretKey(this.reveal((bytes) => bytes.slice()));
  }

  [Symbol.dispose](): void {
    this.#bytes?.fill(0);
    this.#bytes = undefined;
  }

  toJSON(): string {
    return printed;
  }

  toString(): string {
    return printed;
  }

  /** What Node's console prints. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return printed;
  }
}

const printed = "[SecretKey]";
