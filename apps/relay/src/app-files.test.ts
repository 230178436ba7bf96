/** The web app as it is served. */

import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { answerFromApp, readAppFiles, type AppFiles } from "./app-files.ts";

let folder = "";
let files: AppFiles | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skein-app-"));
  await mkdir(join(folder, "dist", "assets"), { recursive: true });
  const put = (name: string, text: string) => writeFile(join(folder, "dist", name), text);
  await put("index.html", "<!doctype html>page");
  await put("sw.js", "worker");
  await put("assets/main-BfX3k2_9.js", "script");
  await put("assets/main-BfX3k2_9.js.br", "brotli");
  await put("assets/main-BfX3k2_9.js.gz", "gzip");
  await put("assets/main-BfX3k2_9.js.map", "map");
  await put("assets/readme.txt", "text");
  await put("sodium.wasm", "wasm");
  await put("manifest.webmanifest", "{}");
  await writeFile(join(folder, "secret.txt"), "secret");
  await symlink(join(folder, "secret.txt"), join(folder, "dist", "link.txt"));
  files = await readAppFiles(join(folder, "dist"));
});

afterAll(() => rm(folder, { recursive: true }));

function ask(target: string, headers: { accept?: string; tag?: string; method?: string } = {}) {
  const answer = answerFromApp(files, {
    method: headers.method ?? "GET",
    target,
    acceptEncoding: headers.accept,
    ifNoneMatch: headers.tag,
  });
  const body = typeof answer.body === "string" ? answer.body : Buffer.from(answer.body ?? "");
  return { ...answer, text: body.toString() };
}

test("every screen's address is the page, and a missing file is missing", () => {
  for (const path of ["/", "/network", "/r/abc?x=1", "/devices/", "/index.html"])
    expect(ask(path)).toMatchObject({ status: 200, text: "<!doctype html>page" });
  expect(ask("/assets/gone-12345678.js").status).toBe(404);
  expect(ask("/favicon.ico").status).toBe(404);
});

test("no path leads out of the folder", () => {
  const paths = [
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/assets/..%5c..%5csecret.txt",
    "/assets/%2e%2e%2f%2e%2e%2fsecret.txt",
    "//secret.txt",
    "/link.txt",
    "/%00.txt",
    "/constructor.js",
    "/__proto__.js",
    "/assets/main-BfX3k2_9.js.map",
  ];
  for (const path of paths) expect(ask(path)).toMatchObject({ status: 404 });
  expect(ask("/%ff").status).toBe(400);
  expect(ask("http://[bad/").status).toBe(400);
});

test("types are right, because nothing is sniffed", () => {
  const type = (path: string) => ask(path).headers["content-type"];
  expect(type("/")).toBe("text/html; charset=utf-8");
  expect(type("/sw.js")).toBe("text/javascript; charset=utf-8");
  expect(type("/sodium.wasm")).toBe("application/wasm");
  expect(type("/manifest.webmanifest")).toBe("application/manifest+json");
});

test("hashed files are kept for a year, everything else is asked for again", () => {
  const cache = (path: string) => ask(path).headers["cache-control"];
  expect(cache("/assets/main-BfX3k2_9.js")).toBe("public, max-age=31536000, immutable");
  for (const path of ["/", "/sw.js", "/manifest.webmanifest", "/assets/readme.txt"])
    expect(cache(path)).toBe("no-cache");
  const { etag = "" } = ask("/").headers;
  expect(ask("/", { tag: `W/${etag}` })).toMatchObject({ status: 304, body: undefined });
  expect(ask("/", { tag: '"other"' }).status).toBe(200);
});

test("what was compressed before is sent as the browser likes it", () => {
  const script = "/assets/main-BfX3k2_9.js";
  expect(ask(script, { accept: "gzip, br;q=0.9" }).text).toBe("brotli");
  expect(ask(script, { accept: "gzip" }).headers["content-encoding"]).toBe("gzip");
  expect(ask(script, { accept: "br;q=0, gzip;q=0.0" }).text).toBe("script");
  expect(ask(script).headers["content-encoding"]).toBeUndefined();
  expect(ask("/sw.js", { accept: "br" }).text).toBe("worker");
  expect(ask(script).headers["vary"]).toBe("accept-encoding");
});

test("the page may load nothing but itself, and every answer says so", () => {
  const answers = [ask("/"), ask("/gone.js"), ask("/", { method: "POST" }), ask("/%ff")];
  for (const { headers } of answers) {
    const policy = headers["content-security-policy"] ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toContain("unsafe-inline");
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
    });
  }
});

test("only reading is answered, and an app that is not built is said plainly", async () => {
  expect(ask("/", { method: "POST" })).toMatchObject({ status: 405 });
  expect(await readAppFiles(join(folder, "nowhere"))).toBeUndefined();
  const answer = answerFromApp(undefined, {
    method: "GET",
    target: "/",
    acceptEncoding: undefined,
    ifNoneMatch: undefined,
  });
  expect(answer.status).toBe(503);
});
