/** What is in a relay's memory: every object of its heap, through Node's own inspector, and every byte of its process. */

import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { WebSocket } from "ws";

/** For a relay that was started with `--inspect=127.0.0.1:0`: `said` is what it printed. Garbage is collected first. */
export async function heapOf(said: string): Promise<string> {
  const [address] = /ws:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]+/u.exec(said) ?? [];
  if (address === undefined) throw new Error(`no inspector listens: ${said}`);
  const inspector = new WebSocket(address);
  await once(inspector, "open");
  const chunks: string[] = [];
  const done = new Promise<void>((resolve) => {
    inspector.on("message", (text: Buffer) => {
      const { id, method, params } = JSON.parse(text.toString());
      if (method === "HeapProfiler.addHeapSnapshotChunk") chunks.push(String(params.chunk));
      if (id === 1) resolve();
    });
  });
  const params = { reportProgress: false, captureNumericValue: true };
  inspector.send(JSON.stringify({ id: 1, method: "HeapProfiler.takeHeapSnapshot", params }));
  await done;
  inspector.terminate();
  return chunks.join("");
}

/** The texts of a heap's strings, as the program has them. */
export function stringsOf(heap: string): ReadonlyArray<string> {
  const { strings } = JSON.parse(heap) as { readonly strings: ReadonlyArray<string> };
  return strings;
}

/** Everything that a process may write to: heaps, stacks and buffers, freed parts included. Linux only. */
export async function bytesOf(pid: number): Promise<ReadonlyArray<Buffer>> {
  const maps = await readFile(`/proc/${pid}/maps`, "utf8");
  const memory = await open(`/proc/${pid}/mem`, "r");
  const parts: Buffer[] = [];
  try {
    for (const line of maps.split("\n")) {
      const [, from = "", to = ""] = /^([0-9a-f]+)-([0-9a-f]+) rw/u.exec(line) ?? [];
      const start = Number.parseInt(from, 16);
      const length = Number.parseInt(to, 16) - start;
      if (from === "" || line.includes("[v") || length > partBytesMax) continue;
      const bytes = Buffer.alloc(length);
      // A part may be given back while it is read.
      const read = await memory.read(bytes, 0, length, start).catch(() => undefined);
      if (read !== undefined) parts.push(bytes.subarray(0, read.bytesRead));
    }
  } finally {
    await memory.close();
  }
  return parts;
}

/** Address space that is set aside and never touched is larger. */
const partBytesMax = 512 * 1024 * 1024;
