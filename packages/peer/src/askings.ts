/** What is being asked of other nodes: not waited for once the node is gone. */

import type { NodeId } from "@skein/protocol/ids";

export class Askings {
  readonly #running = new Map<NodeId, Set<AbortController>>();

  async whileConnected(
    node: NodeId,
    parent: AbortSignal,
    ask: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const controller = new AbortController();
    const follow = (): void => controller.abort(parent.reason);
    parent.addEventListener("abort", follow, { once: true });
    const asking = this.#running.get(node) ?? new Set();
    this.#running.set(node, asking.add(controller));
    try {
      await ask(controller.signal);
    } finally {
      parent.removeEventListener("abort", follow);
      asking.delete(controller);
    }
  }

  gone(node: NodeId): void {
    for (const controller of this.#running.get(node) ?? [])
      controller.abort(new Error("the node is gone"));
  }

  stopAll(why: string): void {
    for (const asking of this.#running.values())
      for (const controller of asking) controller.abort(new Error(why));
  }
}
