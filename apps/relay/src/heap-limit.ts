/** How much V8 lets its objects take, which it chooses by the machine's memory and not by what the relay may use. */

import { getHeapStatistics, type HeapInfo } from "node:v8";

/** What is less than was wanted, for the operator. */
export interface SmallHeap {
  readonly heapBytes: number;
  readonly memoryBytesMax: number;
}

/** Of what V8 may use for objects; at the whole of it the process ends, however much memory the machine has. */
export function heapShare(): number {
  const { used_heap_size: used, heap_size_limit: most } = getHeapStatistics();
  return used / most;
}

export function findSmallHeap(
  memoryBytesMax: number,
  { heap_size_limit: heapBytes }: Pick<HeapInfo, "heap_size_limit"> = getHeapStatistics(),
): SmallHeap | undefined {
  return heapBytes < memoryBytesMax ? { heapBytes, memoryBytesMax } : undefined;
}

export function saySmallHeap({ heapBytes, memoryBytesMax }: SmallHeap): string {
  const [heap, most] = [heapBytes, memoryBytesMax].map((bytes) => Math.round(bytes / 1024 ** 2));
  return `Node lets its objects take ${heap} MiB, less than --memory-bytes-max: at 80 % of that nobody new comes in. \`node --max-old-space-size=${most}\` raises it.`;
}
