/** Looking for what other nodes ask for: a few at a time, in turn among the nodes, and stopped when nobody waits any more. */

import type { NodeId, StreamId } from "@skein/protocol/ids";
import { searchesMax, searchesPerNodeMax } from "@skein/protocol/limits";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import type { Scope } from "./scope.ts";

export type Find<Found> = (
  node: NodeId,
  request: StreamRequest,
  signal: AbortSignal,
) => Promise<Found>;

interface Search<Found> {
  readonly node: NodeId;
  readonly stream: StreamId;
  readonly request: StreamRequest;
  readonly controller: AbortController;
  readonly done: (found: Found) => void;
}

export class Searches<Found> {
  readonly #scope: Scope;
  readonly #find: Find<Found>;
  readonly #waiting: Array<Search<Found>> = [];
  readonly #running = new Set<Search<Found>>();

  constructor(scope: Scope, find: Find<Found>) {
    this.#scope = scope;
    this.#find = find;
  }

  /** `done` is not called for a search that was cancelled. */
  begin(search: Omit<Search<Found>, "controller">): void {
    this.#waiting.push({ ...search, controller: new AbortController() });
    this.#next();
  }

  cancel(node: NodeId, stream: StreamId): void {
    const isIt = (search: Search<Found>): boolean =>
      search.node === node && search.stream === stream;
    const index = this.#waiting.findIndex(isIt);
    if (index >= 0) this.#waiting.splice(index, 1);
    for (const search of this.#running)
      if (isIt(search)) search.controller.abort(new Error("nobody waits for it"));
  }

  #next(): void {
    while (this.#running.size < searchesMax) {
      const index = this.#waiting.findIndex(({ node }) => this.#countOf(node) < searchesPerNodeMax);
      const [search] = index < 0 ? [] : this.#waiting.splice(index, 1);
      if (search === undefined) return;
      this.#running.add(search);
      this.#scope.start((signal) => this.#run(search, signal));
    }
  }

  async #run(search: Search<Found>, parent: AbortSignal): Promise<void> {
    const { node, request, controller, done } = search;
    const follow = (): void => controller.abort(parent.reason);
    parent.addEventListener("abort", follow, { once: true });
    try {
      const found = await this.#find(node, request, controller.signal);
      if (!controller.signal.aborted) done(found);
    } catch (error) {
      if (!controller.signal.aborted) throw error;
    } finally {
      parent.removeEventListener("abort", follow);
      this.#running.delete(search);
      this.#next();
    }
  }

  #countOf(node: NodeId): number {
    return [...this.#running].filter((search) => search.node === node).length;
  }
}
