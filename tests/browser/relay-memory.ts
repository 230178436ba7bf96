/** What is in a relay's memory: every object of its heap, through Node's own inspector, and every byte of its process. */

import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { WebSocket } from "ws";

/** For a relay that was started with `--inspect=127.0.0.1:0`: `said` is what it printed. Garbage is collected first. */
export async function heapOf(said: string): Promise<string> {
  const inspector = await openInspector(said);
  const chunks: string[] = [];
  inspector.listen = (method, { chunk }) => {
    if (method === "HeapProfiler.addHeapSnapshotChunk") chunks.push(String(chunk));
  };
  const params = { reportProgress: false, captureNumericValue: true };
  await inspector.ask("HeapProfiler.takeHeapSnapshot", params);
  inspector.close();
  return chunks.join("");
}

/**
 * Which of these bytes are in any buffer that the relay still holds, its pools included. A heap snapshot has no bytes of
 * buffers, and the process's whole memory has those of freed ones, which nobody overwrites before they are used again.
 */
export async function buffersWith(
  said: string,
  canaries: ReadonlyArray<Uint8Array>,
): Promise<{ readonly bytes: number; readonly found: ReadonlyArray<number> }> {
  const inspector = await openInspector(said);
  const prototype = await inspector.ask("Runtime.evaluate", {
    expression: "ArrayBuffer.prototype",
    objectGroup,
  });
  const prototypeObjectId = idOf(prototype["result"]);
  const { objects } = await inspector.ask("Runtime.queryObjects", {
    prototypeObjectId,
    objectGroup,
  });
  const answer = await inspector.ask("Runtime.callFunctionOn", {
    objectId: idOf(objects),
    functionDeclaration: searching,
    arguments: [{ value: canaries.map((bytes) => [...bytes]) }],
    returnByValue: true,
  });
  // Or the next look would find what this one holds.
  await inspector.ask("Runtime.releaseObjectGroup", { objectGroup });
  inspector.close();
  return (answer["result"] as { readonly value: { bytes: number; found: number[] } }).value;
}

const objectGroup = "buffers";

/** Runs in the relay, and puts nothing of what it looks for into a pool. */
const searching = `function (canaries) {
  const wanted = canaries.map((bytes) => Uint8Array.from(bytes));
  const found = new Set();
  let bytes = 0;
  for (const each of this) {
    const buffer = Buffer.from(each);
    bytes += buffer.length;
    for (const [index, one] of wanted.entries())
      if (each !== one.buffer && buffer.includes(one)) found.add(index);
  }
  return { bytes, found: [...found] };
}`;

function idOf(remote: unknown): string {
  return String((remote as { readonly objectId?: unknown }).objectId);
}

type Told = Readonly<Record<string, unknown>>;

async function openInspector(said: string) {
  const [address] = /ws:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]+/u.exec(said) ?? [];
  if (address === undefined) throw new Error(`no inspector listens: ${said}`);
  const inspector = new WebSocket(address);
  await once(inspector, "open");
  const waiting = new Map<number, (result: Told) => void>();
  const opened = {
    listen: (_method: string, _params: Told): void => undefined,
    ask: (method: string, params: object): Promise<Told> => {
      const id = waiting.size + 1;
      inspector.send(JSON.stringify({ id, method, params }));
      return new Promise((resolve) => waiting.set(id, resolve));
    },
    close: () => inspector.terminate(),
  };
  inspector.on("message", (text: Buffer) => {
    const { id, method, params, result } = JSON.parse(text.toString()) as {
      readonly id?: number;
      readonly method?: string;
      readonly params?: Told;
      readonly result?: Told;
    };
    if (id !== undefined) waiting.get(id)?.(result ?? {});
    else if (method !== undefined) opened.listen(method, params ?? {});
  });
  return opened;
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
