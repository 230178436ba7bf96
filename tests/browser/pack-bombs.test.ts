/**
 * Mallory's packs in a real worker of a real Chromium, through the real receive path into IndexedDB: each is refused for
 * what is wrong with it. Of those that are to choke a tab the page notices nothing.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type BrowserServer, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "vite";
import { descendantsOf, hasThread, residentBytes, treeCpuMillis } from "../../bench/processes.ts";
import { blobCode, commitCode, entry, idOf, packOf, treeCode } from "../interop/pack-builder.ts";
import { soundCommit } from "../interop/pack-shapes.ts";
import { accepted, refused } from "../interop/pack-table.ts";
import { namedTrees } from "../interop/tree-table.ts";
import { executablePath, quietArgs } from "./chromium.ts";
import type { Answer } from "./pack-receiver.ts";

interface Shape {
  readonly name: string;
  readonly make: () => Uint8Array;
  readonly outcome: string;
}

const shapes: ReadonlyArray<Shape> = [
  ...refused.map(([name, outcome, make]) => ({ name, make, outcome })),
  ...accepted.map(([name, make]) => ({ name, make, outcome: "kept" })),
];
/** Those that are large, deep or many; and one that is sound. */
const isBomb = ({ name }: Shape): boolean => /^(?:46|5\d|65) /u.test(name);
const bombs = shapes.filter(isBomb);
const others = shapes.filter((shape) => !isBomb(shape));
const sound: Shape = {
  name: "sound",
  make: () => packOf([entry(blobCode, "sound")]),
  outcome: "kept",
};
/** What Mallory calls what she sends. */
const names: ReadonlyArray<Shape> = namedTrees.map(({ name, fault, entries }) => ({
  name: `a tree with ${name}`,
  make: () => packOf(entries),
  outcome: fault === undefined ? "kept" : `unsound-object: ${fault}`,
}));
const refs: ReadonlyArray<Shape> = [
  { name: "a million refs", ...bundleOf(1_000_000, (at) => `refs/heads/many/${at}`) },
  { name: "a ref of a megabyte", ...bundleOf(1, () => `refs/heads/${"x/".repeat(500_000)}x`) },
];
const packs = new Map(
  [...shapes, ...names, ...refs, sound].map((shape) => [pathOf(shape), shape.make]),
);
/** Bounds, not timings: 256 MB since before the first, 10 s of a processor each, and a page that answers within the second. */
const grownBytesMax = 256 * 2 ** 20;
const cpuMillisMax = 10_000;
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

test("each of Mallory's packs comes to the end in Chromium that it comes to in Node", async () => {
  for (const shape of others) {
    const answer = await page.evaluate((path) => globalThis.bombs.receive(path), pathOf(shape));
    const files = shape.outcome === "kept" && !shape.name.startsWith("08") ? 2 : 0;
    expect(answer, shape.name).toEqual({ outcome: shape.outcome, files });
  }
  expect(others.length).toBeGreaterThan(70);
}, 120_000);

test("each of Mallory's names comes to the end in Chromium that it comes to in Node", async () => {
  for (const shape of names) {
    const { outcome } = await page.evaluate(
      (path) => globalThis.bombs.receive(path),
      pathOf(shape),
    );
    expect(outcome, shape.name).toBe(shape.outcome);
  }
  expect(names.length).toBeGreaterThan(100);
}, 120_000);

test("the page goes on while its worker meets one bomb after the other", async () => {
  await page.evaluate((path) => globalThis.bombs.watch(path), pathOf(sound));
  const renderer = rendererOf(chromiumServer.process().pid ?? 0);
  const before = residentBytes(renderer);
  for (const shape of [...bombs, ...refs]) {
    let isOver = false;
    const cpuBefore = treeCpuMillis(renderer);
    const received = page
      .evaluate((path) => globalThis.bombs.watch(path), pathOf(shape))
      .finally(() => (isOver = true));
    let most = 0;
    while (!(await Promise.race([received.then(() => true), wait(20).then(() => isOver)])))
      most = Math.max(most, residentBytes(renderer));
    const { answer, ticks, frames, silentMillis } = await received;
    expect(answer, shape.name).toEqual({
      outcome: shape.outcome,
      files: shape.outcome === "kept" ? 2 : 0,
    });
    expect(ticks + frames, shape.name).toBeGreaterThan(0);
    expect(silentMillis, shape.name).toBeLessThan(silentMillisMax);
    expect(most - before, shape.name).toBeLessThan(grownBytesMax);
    expect(treeCpuMillis(renderer) - cpuBefore, shape.name).toBeLessThan(cpuMillisMax);
  }
  expect(bombs.length).toBeGreaterThan(10);
}, 300_000);

test("a worker that is ended in the middle of a bomb leaves storage that the next one works with", async () => {
  const bomb = bombs.find(({ name }) => name.startsWith("57 "));
  if (bomb === undefined) throw new Error("there is a bomb that takes its time");
  for (const millis of [5, 50, 300, 900]) {
    await page.evaluate(([path, millis]) => globalThis.bombs.killDuring(path, millis), [
      pathOf(bomb),
      millis,
    ] as const);
    const { outcome } = await page.evaluate(
      (path) => globalThis.bombs.receive(path, "killed"),
      pathOf(sound),
    );
    expect(outcome).toBe("kept");
  }
}, 120_000);

/** With a pack that is sound: it is the refs that are too much. */
function bundleOf(count: number, refAt: (at: number) => string): Omit<Shape, "name"> {
  const tip = idOf("commit", soundCommit);
  const make = (): Uint8Array => {
    const lines = Array.from({ length: count }, (_, at) => `${tip} ${refAt(at)}\n`);
    const pack = packOf([entry(treeCode, ""), entry(commitCode, soundCommit)]);
    return Buffer.concat([Buffer.from(`# v2 git bundle\n${lines.join("")}\n`), pack]);
  };
  return { make, outcome: "bundle" };
}

function pathOf(shape: Shape): string {
  const folder = refs.includes(shape) ? "bundle" : "pack";
  return `/${folder}/${encodeURIComponent(shape.name)}`;
}

interface Bombs {
  /** Into a database of its own, unless another is named. */
  readonly receive: (path: string, database?: string) => Promise<Answer>;
  /** The same, and how alive the page was meanwhile. */
  readonly watch: (path: string) => Promise<{
    readonly answer: Answer;
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
  const receive: Bombs["receive"] = (address, database = `own ${address}`) =>
    new Promise((resolve, reject) => {
      worker.addEventListener("error", ({ message }) => reject(new Error(message)));
      worker.addEventListener("message", ({ data }) => resolve(data), { once: true });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none.
      worker.postMessage({ address, database });
    });
  globalThis.bombs = {
    receive,
    watch: async (path) => {
      [ticks, frames, silentMillis] = [0, 0, 0];
      const answer = await receive(path);
      await new Promise((resolve) => setTimeout(resolve, 30));
      heard();
      return { answer, ticks, frames, silentMillis };
    },
    killDuring: async (address, millis) => {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none.
      worker.postMessage({ address, database: "killed" });
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
