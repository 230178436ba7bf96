/** Greetings from clocks that are further off than is allowed: refused, and told of once. */

import type { NodeId } from "@skein/protocol/ids";

export interface MaxSkew {
  readonly millis: number;
  /** Nothing was answered. A person should look at the clocks: `theirs` is what the other side's says. */
  readonly tooFar: (node: NodeId, theirs: number) => void;
}

export class SkewWatch {
  readonly #maxSkew: MaxSkew | undefined;
  /** The last stamp of each node that was told of. */
  readonly #told = new Map<NodeId, number>();

  constructor(maxSkew: MaxSkew | undefined) {
    this.#maxSkew = maxSkew;
  }

  /** Only a stamp above all that were seen is told of: anybody may show us an old greeting again. */
  isTooFar(
    node: NodeId,
    {
      stamp,
      seen,
      clock = stamp,
    }: { readonly stamp: number; readonly seen: number; readonly clock: number | undefined },
  ): boolean {
    if (this.#maxSkew === undefined || Math.abs(stamp - clock) <= this.#maxSkew.millis)
      return false;
    if (stamp <= Math.max(seen, this.#told.get(node) ?? 0)) return true;
    this.#told.delete(node);
    this.#told.set(node, stamp);
    const oldest = this.#told.keys().next();
    if (this.#told.size > toldMax && oldest.done !== true) this.#told.delete(oldest.value);
    this.#maxSkew.tooFar(node, stamp);
    return true;
  }
}

/** Nodes of which it is remembered: as many as there may be sessions with. */
const toldMax = 256;
