/** The relay as people run it: the bundled file, alone in a folder, as a process of its own. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build } from "vite";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { connect, readHealth, tagOf } from "./relay-scene.ts";

const relayFolder = join(import.meta.dirname, "..", "..", "apps", "relay");
let folder = "";
const running = new Set<ChildProcess>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skein-relay-"));
  await build({
    root: relayFolder,
    configFile: join(relayFolder, "vite.config.ts"),
    logLevel: "error",
    build: { outDir: folder },
  });
}, 60_000);

afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
});

afterAll(() => rm(folder, { recursive: true }));

function run(args: ReadonlyArray<string>, environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(folder, "relay.mjs"), ...args], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", ...environment },
  });
  running.add(child);
  const said = { text: "" };
  const ended = once(child, "exit").then(([code]: unknown[]) => {
    running.delete(child);
    return code;
  });
  const greeted = new Promise<void>((resolve) => {
    const listen = (piece: Buffer): void => {
      said.text += piece.toString("latin1");
      if (said.text.includes("Ctrl+C")) resolve();
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
  });
  return { child, said, ended, started: Promise.race([greeted, ended]) };
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("one file is all there is, and it serves nodes without the app", async () => {
  expect(await readdir(folder)).toEqual(["relay.mjs"]);
  const text = await readFile(join(folder, "relay.mjs"), "utf8");
  const imported = [...text.matchAll(/(?:^import\b[^"]*?|\bimport\(|\brequire\()"([^"]+)"/gmu)];
  expect(imported.length).toBeGreaterThan(5);
  expect(imported.filter(([, name = ""]) => !isBuiltin(name)).map(([whole]) => whole)).toEqual([]);
  // 0.7 MB now; what would double it is a dependency that nobody meant.
  expect(text.length).toBeLessThan(1_500_000);
  const port = await findFreePort();
  const rita = run(["--no-app"], { PORT: String(port) });
  await rita.started;
  expect(rita.said.text).toContain(`http://localhost:${port}`);
  const response = await fetch(`http://127.0.0.1:${port}/`);
  expect(response.status).toBe(404);
  expect(await readHealth(port)).toMatchObject({ status: "ok", connections: 0 });
});

test("what Rita prints tells nothing of who spoke and about what, and a signal ends her with a goodbye", async () => {
  const port = await findFreePort();
  const rita = run(["--port", String(port)]);
  await rita.started;
  const [alice, bob] = [await connect(port), await connect(port)];
  const tag = tagOf(0xc5);
  const payload = new Uint8Array(Buffer.from("canary-payload"));
  bob.tell({ type: "subscribe", tags: [tag] });
  await bob.hearAll();
  alice.tell({ type: "publish", tag, payload });
  expect(await bob.hear()).toEqual({ type: "publish", tag, payload });
  alice.tell({ type: "announce", tag, seconds: 60, want: 1, blob: payload });
  await alice.hear();
  const mallory = await connect(port);
  for (let index = 0; index < 4; index++) mallory.tellBytes(Buffer.from(`\x42${tag}`));
  expect(await mallory.ended).toBe(1008);
  await fetch(`http://127.0.0.1:${port}/${tag}?canary-payload`);

  rita.child.kill("SIGTERM");
  expect(await Promise.all([alice.ended, bob.ended, rita.ended])).toEqual([1012, 1012, 0]);
  const raw = Buffer.alloc(16, 0xc5);
  const canaries = [tag, raw.toString("latin1"), raw.toString("base64"), "canary-payload"];
  for (const canary of [...canaries, "127.0.0.1", "::1"])
    expect(rita.said.text).not.toContain(canary);
  expect(await readdir(folder)).toEqual(["relay.mjs"]);
});

test("a second signal does not wait for anyone", async () => {
  const port = await findFreePort();
  const rita = run(["--no-app", "--port", String(port)]);
  await rita.started;
  const mallory = await connect(port);
  mallory.webSocket.pause();
  rita.child.kill("SIGINT");
  await expect.poll(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(503);
  rita.child.kill("SIGINT");
  expect(await rita.ended).toBe(1);
  mallory.webSocket.terminate();
});

test("a port that is taken and a setting that is wrong end with a sentence that helps", async () => {
  const port = await findFreePort();
  const rita = run(["--no-app", "--port", String(port)]);
  await rita.started;
  const second = run(["--no-app", "--port", String(port)]);
  expect(await second.ended).toBe(1);
  expect(second.said.text).toContain(`Port ${port} is in use`);
  expect(second.said.text).toContain(`PORT=${port + 1}`);
  const wrong = run(["--port", "many"]);
  expect(await wrong.ended).toBe(2);
  expect(wrong.said.text).toContain("The port is a number");
});
