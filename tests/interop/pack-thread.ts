/** A thread that receives packs, in a process of its own, and what that uses. */

import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { blobCode, entry, packOf } from "./pack-builder.ts";
import type { Used } from "./pack-process.ts";
import type { Received, Sent } from "./pack-worker.ts";

/** What became of it; what it took, and by how much the process has grown at the most since it began. */
export type Outcome = Received & { readonly cpuMillis: number; readonly grownBytes: number };

export interface PackThread {
  readonly receive: (bytes: Uint8Array, kind?: Sent["kind"]) => Promise<Outcome>;
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
        entry: {
          worker: join(import.meta.dirname, "pack-worker.ts"),
          process: join(import.meta.dirname, "pack-process.ts"),
        },
        formats: ["es"],
        fileName: (_, name) => `${name}.mjs`,
      },
      rolldownOptions: { external: [/^node:/u] },
    },
  });
  const child = fork(join(folder, "process.mjs"), { serialization: "advanced" });
  const answerTo = (sent: Sent): Promise<Received & Used> =>
    new Promise((resolve, reject) => {
      const ended = (code: number): void => reject(new Error(`the process ended with ${code}`));
      child.once("exit", ended);
      child.once("message", (received: Received & Used) => {
        child.off("exit", ended);
        resolve(received);
      });
      child.send(sent);
    });
  // It has received something small: from here on it grows by what is sent.
  const { peakBytes: before } = await answerTo({
    kind: "pack",
    bytes: packOf([entry(blobCode, "")]),
  });
  return {
    receive: async (bytes, kind = "pack") => {
      const { peakBytes, ...received } = await answerTo({ kind, bytes });
      return { ...received, grownBytes: peakBytes - before };
    },
    close: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await gone;
      rmSync(folder, { recursive: true });
    },
  };
}
