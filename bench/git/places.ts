/** Where the work is done, in Chromium or in Node, as processes whose use of the processor and of memory can be read. */

import { fork, type ChildProcess } from "node:child_process";
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { chromium, type Page } from "playwright-core";
import { build } from "vite";
import { executablePath, quietArgs } from "../../tests/browser/chromium.ts";
import { descendantsOf, hasThread, residentBytes, treeCpuMillis } from "../processes.ts";
import type { Answer, Given, Job } from "./job.ts";

export interface Place {
  readonly name: "Chromium" | "Node";
  readonly prepare: (job: Job, given: Given) => Promise<void>;
  /** Answers what the job answers. Throws `TooLongError`, and then the worker is a new one. */
  readonly run: (options?: { readonly millisMax: number }) => Promise<number>;
  /** A worker that has done nothing yet. */
  readonly renew: () => Promise<void>;
  /** Milliseconds on a processor until now, of everything that belongs to the place. */
  readonly cpuMillis: () => number;
  /** Bytes in memory now: of the process the worker is in. */
  readonly residentBytes: () => number;
  readonly close: () => Promise<void>;
}

export class TooLongError extends Error {}

type Untold =
  | { readonly kind: "prepare"; readonly job: Job; readonly given: Given }
  | { readonly kind: "run" };

/** Sends what is to be done, and passes the answer on. */
interface Worker {
  readonly tell: (told: Untold & { readonly id: number }) => Promise<Answer>;
  readonly renew: () => Promise<void>;
}

let ids = 0;

function tellWorker(worker: Worker): Pick<Place, "prepare" | "run" | "renew"> {
  const tell = async (told: Untold): Promise<number> => {
    const answer = await worker.tell({ ...told, id: ids++ });
    if (!answer.ok) throw new Error(answer.why);
    return answer.value;
  };
  return {
    prepare: async (job, given) => void (await tell({ kind: "prepare", job, given })),
    run: async ({ millisMax = 600_000 } = { millisMax: 600_000 }) => {
      const running = tell({ kind: "run" });
      const alarm = new AbortController();
      const tooLong = wait(millisMax, undefined, { signal: alarm.signal }).then(() => {
        throw new TooLongError();
      });
      try {
        return await Promise.race([running, tooLong]);
      } catch (error) {
        if (error instanceof TooLongError) {
          running.catch(forgetTheOldWorker);
          await worker.renew();
        }
        throw error;
      } finally {
        tooLong.catch(forgetTheOldWorker);
        alarm.abort();
      }
    },
    renew: worker.renew,
  };
}

function forgetTheOldWorker(): void {
  // It was ended on purpose, or the alarm was.
}

/** A process of its own. */
export async function openNodePlace(folder: string): Promise<Place> {
  await bundle(folder, "node-worker");
  const start = (): ChildProcess =>
    fork(join(folder, "node-worker.mjs"), { stdio: ["ignore", 2, 2, "ipc"] });
  let child = start();
  const pid = (): number => child.pid ?? 0;
  return {
    name: "Node",
    ...tellWorker({
      tell: (told) =>
        new Promise((resolve, reject) => {
          child.once("exit", () => reject(new Error("the process ended")));
          child.once("message", (answer: Answer) => {
            child.removeAllListeners("exit");
            resolve(answer);
          });
          child.send(told);
        }),
      renew: async () => {
        child.kill("SIGKILL");
        child = start();
      },
    }),
    cpuMillis: () => treeCpuMillis(pid()),
    residentBytes: () => residentBytes(pid()),
    close: async () => void child.kill("SIGKILL"),
  };
}

/** A Chromium of its own, with one page and one worker. `homes` are the folders that it may read from. */
export async function openChromiumPlace(
  folder: string,
  homes: ReadonlyMap<string, string>,
): Promise<Place & { readonly origin: string }> {
  await bundle(folder, "web-worker");
  const files = await serveFiles(new Map([...homes, ["", folder]]));
  const browser = await chromium.launchServer({ executablePath, args: [...quietArgs] });
  const connection = await chromium.connect(browser.wsEndpoint());
  const page = await connection.newPage();
  await page.goto(`${files.origin}/page.html`);
  await page.evaluate(startWorker);
  const pid = browser.process().pid ?? 0;
  return {
    name: "Chromium",
    origin: files.origin,
    ...tellWorker({
      tell: (told) => page.evaluate((told) => globalThis.skeinBench.tell(told), told),
      renew: () => renew(page),
    }),
    cpuMillis: () => treeCpuMillis(pid),
    residentBytes: () => residentBytes(rendererOf(pid)),
    close: async () => {
      await connection.close();
      await browser.close();
      await files.close();
    },
  };
}

/** The process with the worker. */
function rendererOf(browser: number): number {
  const renderer = descendantsOf(browser).find((pid) => hasThread(pid, "DedicatedWorker"));
  if (renderer === undefined) throw new Error("no process has the worker");
  return renderer;
}

declare global {
  var skeinBench: { readonly tell: (told: unknown) => Promise<Answer>; readonly end: () => void };
}

async function renew(page: Page): Promise<void> {
  await page.evaluate(() => globalThis.skeinBench.end());
  await page.evaluate(startWorker);
}

/** Runs in the page. */
function startWorker(): void {
  const worker = new Worker("/web-worker.mjs", { type: "module" });
  globalThis.skeinBench = {
    end: () => worker.terminate(),
    tell: (told: unknown) =>
      new Promise((resolve, reject) => {
        worker.addEventListener("error", ({ message }) => reject(new Error(message)), {
          once: true,
        });
        worker.addEventListener("message", ({ data }) => resolve(data), { once: true });
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none.
        worker.postMessage(told);
      }),
  };
}

interface FileHost {
  readonly origin: string;
  readonly close: () => Promise<void>;
}

/** Each folder under its own name. */
async function serveFiles(homes: ReadonlyMap<string, string>): Promise<FileHost> {
  const host = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "/");
    if (path === "/page.html") {
      response.setHeader("content-type", "text/html");
      response.end("<!doctype html><title>bench</title>");
      return;
    }
    const [, first = "", ...rest] = path.split("/");
    const home = homes.get(rest.length === 0 ? "" : first);
    const file = join(home ?? "", rest.length === 0 ? first : rest.join("/"));
    if (home === undefined || path.includes("..") || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    const type = file.endsWith(".mjs") ? "text/javascript" : "application/octet-stream";
    response.setHeader("content-type", type);
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
  const address = host.address();
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return {
    origin: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        host.closeAllConnections();
        host.close(() => resolve());
      }),
  };
}

/** One file with all it needs, so that nothing of a test runner is measured. */
async function bundle(folder: string, name: string): Promise<void> {
  await build({
    configFile: false,
    logLevel: "error",
    define: { global: "globalThis", "process.env.NODE_ENV": '"production"' },
    build: {
      outDir: folder,
      emptyOutDir: false,
      target: "es2023",
      lib: {
        entry: join(import.meta.dirname, `${name}.ts`),
        formats: ["es"],
        fileName: () => `${name}.mjs`,
      },
      rolldownOptions: { external: name === "node-worker" ? [/^node:/u, "isomorphic-git"] : [] },
    },
  });
}
