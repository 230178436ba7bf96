/** A thread that receives packs, and what the process grows by meanwhile. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { build } from "vite";
import type { Received, Sent } from "./pack-worker.ts";

export interface PackThread {
  /** What became of the pack, and by how many bytes the process grew at the most. */
  readonly receive: (
    bytes: Uint8Array,
    kind?: Sent["kind"],
  ) => Promise<Received & { readonly grew: number }>;
  /** Ends the thread in the middle of whatever it does. The next pack gets a new one. */
  readonly kill: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Node runs no TypeScript in a worker: the receiver is bundled first, as it is for a browser. */
export async function openPackThread(): Promise<PackThread> {
  const folder = mkdtempSync(join(tmpdir(), "skein-thread-"));
  await build({
    configFile: false,
    logLevel: "error",
    build: {
      outDir: folder,
      target: "es2023",
      minify: false,
      lib: {
        entry: join(import.meta.dirname, "pack-worker.ts"),
        formats: ["es"],
        fileName: () => "worker.mjs",
      },
      rolldownOptions: { external: [/^node:/u] },
    },
  });
  let worker: Worker | undefined;
  const kill = async (): Promise<void> => {
    await worker?.terminate();
    worker = undefined;
  };
  return {
    receive: async (bytes, kind = "pack") => {
      worker ??= new Worker(join(folder, "worker.mjs"));
      const before = process.memoryUsage.rss();
      let most = before;
      const watch = setInterval(() => {
        most = Math.max(most, process.memoryUsage.rss());
      }, 5);
      try {
        const received = await answerOf(worker, { kind, bytes });
        return { ...received, grew: Math.max(most, process.memoryUsage.rss()) - before };
      } finally {
        clearInterval(watch);
      }
    },
    kill,
    close: async () => {
      await kill();
      rmSync(folder, { recursive: true });
    },
  };
}

function answerOf(worker: Worker, sent: Sent): Promise<Received> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error("the thread ended"));
    worker.once("exit", ended);
    worker.once("error", reject);
    worker.once("message", (received: Received) => {
      worker.off("exit", ended);
      worker.off("error", reject);
      resolve(received);
    });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none.
    worker.postMessage(sent);
  });
}
