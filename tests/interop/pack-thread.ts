/** A thread that receives packs, in a process of its own, and what that uses. */

import { fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { expect } from "vitest";
import { blobCode, entry, packOf } from "./pack-builder.ts";
import type { Used } from "./pack-process.ts";
import type { Received, Sent } from "./pack-worker.ts";

/** What became of it; what it took, and by how much the process has grown at the most since it began. */
export type Outcome = Received & { readonly cpuMillis: number; readonly grownBytes: number };

/** Of a processor, which a busy machine does not change: none takes a fifth of it. */
const cpuMillisMax = 10_000;
/** Since before the first of them: what one leaves behind counts against the next. */
const grownBytesMax = 256 * 2 ** 20;

export function expectBounded({ cpuMillis, grownBytes }: Outcome): void {
  expect(cpuMillis).toBeLessThan(cpuMillisMax);
  expect(grownBytes).toBeLessThan(grownBytesMax);
}

export interface PackThread {
  readonly receive: (bytes: Uint8Array, kind?: "pack" | "bundle") => Promise<Outcome>;
  /** Clones from a host that gives these answers, one after the other. */
  readonly clone: (answers: ReadonlyArray<Uint8Array>) => Promise<Outcome>;
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
  const receive = (
    kind: Sent["kind"],
    ...parts: ReadonlyArray<Uint8Array>
  ): Promise<Received & Used> => {
    const files = parts.map((bytes, at) => {
      const file = join(folder, `sent-${at}`);
      writeFileSync(file, bytes);
      return file;
    });
    return answerTo({ kind, files });
  };
  // It has received something small: from here on it grows by what is sent.
  const { peakBytes: before } = await receive("pack", packOf([entry(blobCode, "")]));
  const measured = ({ peakBytes, ...received }: Received & Used): Outcome => ({
    ...received,
    grownBytes: peakBytes - before,
  });
  return {
    receive: async (bytes, kind = "pack") => measured(await receive(kind, bytes)),
    clone: async (answers) => measured(await receive("host", ...answers)),
    close: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await gone;
      rmSync(folder, { recursive: true });
    },
  };
}
