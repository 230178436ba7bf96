/** Which nodes hold everything that is here: as they say themselves, and as they last said before they went away. */

import type { NodeId } from "@skein/protocol/ids";
import { nodesPerAccountMax } from "@skein/protocol/limits";
import type { StreamHead } from "@skein/replication/repo-sync";

export class Copies {
  #holders: ReadonlySet<NodeId>;
  readonly #claims = new Map<NodeId, ReadonlyMap<NodeId, number>>();

  constructor(stored: ReadonlyArray<NodeId>) {
    this.#holders = new Set(stored);
  }

  holders(): ReadonlySet<NodeId> {
    return this.#holders;
  }

  /** What a node says that it holds. */
  claimed(node: NodeId, heads: ReadonlyArray<StreamHead>): void {
    if (this.#claims.size >= nodesPerAccountMax * 2) this.#claims.clear();
    this.#claims.set(node, new Map(heads.map((head) => [head.node, head.seq])));
  }

  /**
   * Compares claims with how far each stream is known here. `grown`: something new came, so that a word from before says
   * nothing any more. Answers whether the holders are others than before.
   */
  compare(known: ReadonlyMap<NodeId, { readonly seq: number }>, grown: boolean): boolean {
    const before = this.#holders;
    const remembered = grown ? [] : [...before].filter((node) => !this.#claims.has(node));
    const proven = [...this.#claims]
      .filter(([, theirs]) => known.size > 0 && holdsAll(theirs, known))
      .map(([node]) => node);
    this.#holders = new Set([...remembered, ...proven]);
    return (
      this.#holders.size !== before.size || [...before].some((node) => !this.#holders.has(node))
    );
  }
}

function holdsAll(
  theirs: ReadonlyMap<NodeId, number>,
  known: ReadonlyMap<NodeId, { readonly seq: number }>,
): boolean {
  return [...known].every(([node, { seq }]) => (theirs.get(node) ?? 0) >= seq);
}
