/** What is asked of nodes, for as long as each of them is there: nothing waits for a node that is gone. */

import type { NodeId } from "@skein/protocol/ids";

export class ConnectedAsking {
  readonly #asking = new Map<NodeId, Set<AbortController>>();

  async whileConnected(
    node: NodeId,
    parent: AbortSignal,
    ask: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const controller = new AbortController();
    const follow = (): void => controller.abort(parent.reason);
    parent.addEventListener("abort", follow, { once: true });
    const asking = this.#asking.get(node) ?? new Set();
    this.#asking.set(node, asking.add(controller));
    try {
      await ask(controller.signal);
    } finally {
      parent.removeEventListener("abort", follow);
      asking.delete(controller);
    }
  }

  end(node: NodeId, why: string): void {
    for (const controller of this.#asking.get(node) ?? []) controller.abort(new Error(why));
  }

  endAll(why: string): void {
    for (const node of this.#asking.keys()) this.end(node, why);
  }
}
