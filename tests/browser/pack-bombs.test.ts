/** Packs that are to choke a tab, in a real worker of a real Chromium: they are refused, and the page is alive all the time. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type BrowserServer, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "vite";
import { descendantsOf, hasThread, residentBytes } from "../../bench/processes.ts";
import { entry, blobCode, packOf } from "../interop/pack-builder.ts";
import { accepted, refused } from "../interop/pack-table.ts";
import { executablePath, quietArgs } from "./chromium.ts";

/** Those that are large, deep or many; and one that is sound. */
const isBomb = ([name]: readonly [string, unknown]): boolean => /^(?:46|5\d|65) /u.test(name);
const bombs = [
  ...refused.filter(isBomb).map(([name, make]) => ({ name, make, what: "refused" })),
  ...accepted.filter(isBomb).map(([name, make]) => ({ name, make, what: "kept" })),
];
const packs = new Map<string, () => Uint8Array>([
  ...bombs.map(({ name, make }) => [`/pack/${encodeURIComponent(name)}`, make] as const),
  ["/pack/sound", () => packOf([entry(blobCode, "sound")])],
]);
/** Bounds, not timings: what is asked for is 256 MB, and a page that answers within the second. */
const grownBytesMax = 256 * 2 ** 20;
const silentMillisMax = 1_000;

const folder = mkdtempSync(join(tmpdir(), "skein-bombs-"));
let host: Server;
let chromiumServer: BrowserServer;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  await build({
    configFile: false,
    logLevel: "error",
    build: {
      outDir: folder,
      target: "es2023",
      lib: {
        entry: join(import.meta.dirname, "pack-receiver.ts"),
        formats: ["es"],
        fileName: () => "worker.mjs",
      },
    },
  });
  host = createServer(({ url = "/" }, response) => {
    const make = packs.get(url);
    response.setHeader("content-type", url.endsWith(".mjs") ? "text/javascript" : "text/html");
    if (make !== undefined) response.end(make());
    else if (url === "/worker.mjs") response.end(readFileSync(join(folder, "worker.mjs")));
    else response.end("<!doctype html><title>bombs</title>");
  });
  await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
  const address = host.address();
  if (address === null || typeof address === "string") throw new Error("no port is free");
  chromiumServer = await chromium.launchServer({ executablePath, args: [...quietArgs] });
  browser = await chromium.connect(chromiumServer.wsEndpoint());
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${address.port}/`);
  await page.evaluate(attach);
});

afterAll(async () => {
  await browser.close();
  await chromiumServer.close();
  host.closeAllConnections();
  await new Promise((resolve) => host.close(resolve));
  rmSync(folder, { recursive: true });
});

test("the page goes on while its worker meets one bomb after the other", async () => {
  for (const { name, what } of bombs) {
    let isOver = false;
    const received = page
      .evaluate((path) => globalThis.bombs.receive(path), `/pack/${encodeURIComponent(name)}`)
      .finally(() => (isOver = true));
    let [least, most] = [Infinity, 0];
    while (!(await Promise.race([received.then(() => true), wait(20).then(() => isOver)]))) {
      const resident = residentBytes(rendererOf(chromiumServer.process().pid ?? 0));
      [least, most] = [Math.min(least, resident), Math.max(most, resident)];
    }
    const { outcome, ticks, frames, silentMillis } = await received;
    expect(outcome, name).toBe(what);
    expect(ticks + frames, name).toBeGreaterThan(0);
    expect(silentMillis, name).toBeLessThan(silentMillisMax);
    if (most > 0) expect(most - least, name).toBeLessThan(grownBytesMax);
  }
  expect(bombs.length).toBeGreaterThan(10);
}, 300_000);

test("a worker that is ended in the middle of a bomb leaves storage that the next one works with", async () => {
  const bomb = "/pack/" + encodeURIComponent("57 300,000 tiny objects");
  expect(packs.has(bomb)).toBe(true);
  for (const millis of [5, 50, 300, 900]) {
    await page.evaluate(([path, millis]) => globalThis.bombs.killDuring(path, millis), [
      bomb,
      millis,
    ] as const);
    const { outcome } = await page.evaluate(() => globalThis.bombs.receive("/pack/sound"));
    expect(outcome).toBe("kept");
  }
}, 120_000);

interface Bombs {
  /** What became of it, and how alive the page was meanwhile. */
  readonly receive: (path: string) => Promise<{
    readonly outcome: string;
    readonly ticks: number;
    readonly frames: number;
    readonly silentMillis: number;
  }>;
  readonly killDuring: (path: string, millis: number) => Promise<void>;
}

declare global {
  var bombs: Bombs;
}

/** Runs in the page. */
function attach(): void {
  const start = (): Worker => new Worker("/worker.mjs", { type: "module" });
  let worker = start();
  let ticks = 0;
  let frames = 0;
  let silentMillis = 0;
  let last = performance.now();
  const heard = (): void => {
    const now = performance.now();
    silentMillis = Math.max(silentMillis, now - last);
    last = now;
  };
  setInterval(() => {
    ticks++;
    heard();
  }, 10);
  const frame = (): void => {
    frames++;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  globalThis.bombs = {
    receive: async (path) => {
      [ticks, frames, silentMillis] = [0, 0, 0];
      const outcome = await new Promise<string>((resolve, reject) => {
        worker.addEventListener("error", ({ message }) => reject(new Error(message)));
        worker.addEventListener("message", ({ data }) => resolve(data), { once: true });
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none.
        worker.postMessage(path);
      });
      await new Promise((resolve) => setTimeout(resolve, 30));
      heard();
      return { outcome, ticks, frames, silentMillis };
    },
    killDuring: async (path, millis) => {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none.
      worker.postMessage(path);
      await new Promise((resolve) => setTimeout(resolve, millis));
      worker.terminate();
      worker = start();
    },
  };
}

function rendererOf(pid: number): number {
  const found = descendantsOf(pid).find((one) => hasThread(one, "DedicatedWorker"));
  if (found === undefined) throw new Error("no process has the worker");
  return found;
}

function wait(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
