/** Commits waiting for their turn in a walk: the latest first, and of equals the one that came first. */

import type { ObjectId } from "@skein/protocol/ids";

interface Waiting {
  readonly oid: ObjectId;
  readonly at: number;
  readonly order: number;
}

export interface CommitQueue {
  readonly push: (oid: ObjectId, at: number) => void;
  readonly pop: () => ObjectId | undefined;
  readonly length: () => number;
}

/** A binary heap: its parent's turn comes before its children's. */
export function openCommitQueue(): CommitQueue {
  const heap: Waiting[] = [];
  let order = 0;
  return {
    length: () => heap.length,
    push: (oid, at) => {
      heap.push({ oid, at, order: order++ });
      rise(heap, heap.length - 1);
    },
    pop: () => {
      const [first] = heap;
      const last = heap.pop();
      if (first !== undefined && last !== undefined && heap.length > 0) {
        heap[0] = last;
        sink(heap, 0);
      }
      return first?.oid;
    },
  };
}

function rise(heap: Waiting[], from: number): void {
  for (let index = from; index > 0;) {
    const above = (index - 1) >> 1;
    if (!swapIfLater(heap, above, index)) return;
    index = above;
  }
}

function sink(heap: Waiting[], from: number): void {
  for (let index = from; ;) {
    const left = index * 2 + 1;
    const right = left + 1;
    const next = isBefore(heap[right], heap[left]) ? right : left;
    if (!swapIfLater(heap, index, next)) return;
    index = next;
  }
}

/** Swaps when the lower one's turn comes first, and says so. */
function swapIfLater(heap: Waiting[], above: number, below: number): boolean {
  const upper = heap[above];
  const lower = heap[below];
  if (upper === undefined || lower === undefined || !isBefore(lower, upper)) return false;
  heap[above] = lower;
  heap[below] = upper;
  return true;
}

function isBefore(one: Waiting | undefined, other: Waiting | undefined): boolean {
  if (one === undefined) return false;
  if (other === undefined) return true;
  return one.at === other.at ? one.order < other.order : one.at > other.at;
}
