/** The relay's port as HTTP: the app, its headers, and who may upgrade. */

import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";

import { openStage } from "./relay-scene.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skein-site-"));
  await mkdir(join(folder, "dist", "assets"), { recursive: true });
  await writeFile(join(folder, "dist", "index.html"), "<!doctype html><title>Skein</title>");
  await writeFile(join(folder, "dist", "assets", "main-0123abcd.js"), "export {};");
  await writeFile(join(folder, "secret.txt"), "secret");
});

afterAll(() => rm(folder, { recursive: true }));

const site = () => ({ app: join(folder, "dist") });

/** Asks with the path as it is: no client tidies it up on the way. */
async function ask(port: number, path: string, method = "GET") {
  const asked = request({ host: "127.0.0.1", port, path, method }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  for await (const piece of response) text += String(piece);
  return { status: response.statusCode, headers: response.headers, text };
}

/** The status an upgrade is answered with. */
async function knock(
  port: number,
  { path = "/relay", origin = "", protocol = "skein.relay.1", forwardedFor = "" },
) {
  const headers = forwardedFor === "" ? {} : { "x-forwarded-for": forwardedFor };
  const options = origin === "" ? { headers } : { headers, origin };
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol, options);
  webSocket.on("error", () => undefined);
  const refused = new Promise<number>((resolve) => {
    webSocket.on("unexpected-response", (_request, response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
  });
  const opened = new Promise<number>((resolve) => {
    webSocket.on("open", () => {
      webSocket.terminate();
      resolve(101);
    });
  });
  return Promise.race([refused, opened]);
}

test("the app and the relay share one port", async () => {
  await using stage = await openStage(site());
  const { port } = stage.relay;
  expect(await ask(port, "/r/some-repository")).toMatchObject({
    status: 200,
    text: "<!doctype html><title>Skein</title>",
  });
  expect(await knock(port, {})).toBe(101);
  expect(await ask(port, "/healthz")).toMatchObject({ status: 200 });
  expect(await ask(port, "/relay")).toMatchObject({ status: 426 });
});

test("every answer carries the strict headers", async () => {
  await using stage = await openStage(site());
  const paths = ["/", "/assets/main-0123abcd.js", "/gone.js", "/healthz", "/relay"];
  const answers = await Promise.all(paths.map((path) => ask(stage.relay.port, path)));
  for (const { headers } of answers) {
    expect(headers["content-security-policy"]).toBe(
      "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self' wss: https: ws://localhost:* ws://127.0.0.1:*; " +
        "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; " +
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default",
    );
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["referrer-policy"]).toBe("no-referrer");
    expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
  }
  expect(answers[1]?.headers["cache-control"]).toContain("immutable");
});

test("no path leads out of the app's folder", async () => {
  await using stage = await openStage(site());
  for (const path of [
    "/../secret.txt",
    "/..%2fsecret.txt",
    "//secret.txt",
    "/assets/../../secret.txt",
  ])
    expect(await ask(stage.relay.port, path)).toMatchObject({ status: 404 });
  expect(await ask(stage.relay.port, "/", "POST")).toMatchObject({ status: 405 });
  expect(await ask(stage.relay.port, "/", "HEAD")).toMatchObject({ status: 200, text: "" });
});

test("a relay without the app serves only the relay", async () => {
  await using stage = await openStage();
  expect(await ask(stage.relay.port, "/")).toMatchObject({ status: 404 });
  expect(await ask(stage.relay.port, "/index.html")).toMatchObject({ status: 404 });
  expect(await knock(stage.relay.port, {})).toBe(101);
});

test("foreign pages, other paths and other protocols are turned away before the handshake", async () => {
  await using stage = await openStage({ origins: ["https://app.example"] });
  const { port } = stage.relay;
  expect(await knock(port, { origin: "https://evil.example" })).toBe(403);
  expect(await knock(port, { origin: "https://app.example" })).toBe(101);
  expect(await knock(port, { origin: `http://127.0.0.1:${port}` })).toBe(101);
  expect(await knock(port, { path: "/" })).toBe(404);
  expect(await knock(port, { protocol: "skein.relay.9" })).toBe(400);
});

test("a full relay says so, and one address behind a proxy has only its share", async () => {
  await using full = await openStage({ limits: { connectionsMax: 1 } });
  await full.connect();
  expect(await knock(full.relay.port, {})).toBe(503);
  await using proxied = await openStage({
    isBehindProxy: true,
    limits: { upgradesPerAddressBurst: 2, upgradesPerAddressPerSecond: 0.001 },
  });
  const statuses = [];
  for (const forwardedFor of ["8.8.8.8, 192.0.2.1", "9.9.9.9, 192.0.2.1", "192.0.2.1", "192.0.2.2"])
    statuses.push(await knock(proxied.relay.port, { forwardedFor }));
  expect(statuses).toEqual([101, 101, 429, 101]);
});

test("a request that never ends, and one that is too long, are cut", async () => {
  await using stage = await openStage({ limits: { headersMillisMax: 100 } });
  const { port } = stage.relay;
  const slow = connectSocket(port, "127.0.0.1");
  slow.write("GET / HTTP/1.1\r\nHost: a\r\n");
  const long = connectSocket(port, "127.0.0.1");
  long.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(20_000)}\r\n\r\n`);
  for (const socket of [slow, long]) socket.on("error", () => undefined).resume();
  await Promise.all([once(slow, "close"), once(long, "close")]);
  expect(await ask(port, "/healthz")).toMatchObject({ status: 200 });
});

test("while Rita says goodbye, a balancer hears 503 and whoever comes anew is turned away", async () => {
  const stage = await openStage({ limits: { drainMillisPerConnection: 50, drainMillisMax: 500 } });
  const nodes = await Promise.all(Array.from({ length: 20 }, () => stage.connect()));
  const closing = stage.relay.close();
  const { status, text } = await ask(stage.relay.port, "/readyz");
  expect([status, text]).toEqual([503, expect.stringContaining('"closing"')]);
  expect(await knock(stage.relay.port, {})).toBe(503);
  await closing;
  expect(new Set(await Promise.all(nodes.map(({ ended }) => ended)))).toEqual(new Set([1012]));
});

test("an answer that nobody reads goes first where too much waits, and a socket gets one at a time", async () => {
  const app = join(folder, "large");
  await mkdir(app);
  await writeFile(join(app, "index.html"), "<!doctype html><title>Skein</title>");
  await writeFile(join(app, "large.js"), Buffer.alloc(8_000_000, 7));
  await using stage = await openStage({ app, limits: { backlogTotalBytesMax: 200_000 } });
  const { port, station } = stage.relay;
  const asked = "GET /large.js HTTP/1.1\r\nHost: a\r\n\r\n";
  const dial = () => connectSocket(port, "127.0.0.1").on("error", () => undefined);
  const alice = await stage.connect();
  const unread = Array.from({ length: 30 }, dial);
  for (const socket of unread) socket.pause().write(asked);
  await expect.poll(() => station.report().did.httpCut, { timeout: 5_000 }).toBeGreaterThan(20);
  expect(station.report().holds.answers).toBeLessThan(10);
  expect(await alice.hearAll()).toEqual([]);
  for (const socket of unread) socket.destroy();
  await expect.poll(() => station.report().holds.answers).toBe(0);
  const { httpCut, httpAnswers } = station.report().did;
  const upgrade =
    "GET /relay HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  const greedy = [dial().resume(), dial().resume()];
  greedy[0]?.write(asked.repeat(50));
  greedy[1]?.write(asked + upgrade);
  await Promise.all(greedy.map((socket) => once(socket, "close")));
  expect(station.report().did).toMatchObject({
    httpCut: httpCut + 2,
    httpAnswers: httpAnswers + 2,
  });
  expect((await ask(port, "/large.js")).text.length).toBe(8_000_000);
});

test("a relay that is short of memory ends the answers that nobody reads, and still answers who reads", async () => {
  const app = join(folder, "short");
  await mkdir(app);
  await writeFile(join(app, "index.html"), "<!doctype html><title>Skein</title>");
  await writeFile(join(app, "large.js"), Buffer.alloc(8_000_000, 7));
  // No memory is little enough, and nobody is cut for reading nothing.
  const limits = { memoryBytesMax: 1, stallMillisMax: 600_000 };
  await using stage = await openStage({ app, limits });
  const { port, station } = stage.relay;
  const unread = Array.from({ length: 8 }, () =>
    connectSocket(port, "127.0.0.1").on("error", () => undefined),
  );
  for (const socket of unread) socket.pause().write("GET /large.js HTTP/1.1\r\nHost: a\r\n\r\n");
  await expect.poll(() => station.report().did.httpAnswers).toBe(8);
  await expect
    .poll(
      () => {
        station.tick();
        return station.report().did.httpCut;
      },
      { timeout: 5_000 },
    )
    .toBe(8);
  await expect.poll(() => station.report().holds.answers).toBe(0);
  expect((await ask(port, "/large.js")).status).toBe(200);
  for (const socket of unread) socket.destroy();
});
