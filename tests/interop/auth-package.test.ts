/** packages/auth as others get it: packed, installed without a network into a folder of its own, and used there. */

import { execFile } from "node:child_process";
import { createServer } from "node:http";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openCrypto } from "@skein/auth/crypto/sodium";
import { formatLogFile } from "@skein/auth/explain";
import { makeUpAccount } from "@skein/auth/testing/account";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "../browser/chromium.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const auth = join(root, "packages", "auth");
const folder = mkdtempSync(join(tmpdir(), "skein-auth-"));
/** As it is named by whoever installed it. */
const packed = "@skein/auth";
const installed = join(folder, "node_modules", "@skein", "auth");
const readme = readFileSync(join(auth, "README.md"), "utf8");
const example = /```js\n(?<code>.*?)```/su.exec(readme)?.groups?.["code"] ?? "";

beforeAll(async () => {
  const own = await pack(auth);
  const sodium = await realpath(join(auth, "node_modules", "libsodium-wrappers"));
  const sumo = await realpath(join(auth, "node_modules", "libsodium-wrappers-sumo"));
  const libraries = [
    sodium,
    join(sodium, "..", "libsodium"),
    sumo,
    join(sumo, "..", "libsodium-sumo"),
  ];
  const all = [own, ...(await Promise.all(libraries.map(pack)))];
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  // The cache is empty and the registry is nowhere: what is not in these files is not to be had.
  const alone = ["--offline", "--no-audit", "--no-fund", "--cache", join(folder, "cache")];
  await run("npm", ["install", ...alone, ...all], { cwd: folder });
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function pack(from: string): Promise<string> {
  const to = join(folder, "tarballs");
  mkdirSync(to, { recursive: true });
  const told = await run("npm", ["pack", "--json", "--pack-destination", to], { cwd: from });
  const [{ filename }] = JSON.parse(told.stdout.slice(told.stdout.indexOf("[")));
  return join(to, filename);
}

test("the package of authorisation needs libsodium-wrappers and nothing else, and has all of its own modules", () => {
  const { dependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(
    readFileSync(join(installed, "package.json"), "utf8"),
  );
  expect(Object.keys(dependencies)).toEqual(["libsodium-wrappers"]);
  expect(Object.keys(peerDependencies)).toEqual(["libsodium-wrappers-sumo"]);
  expect(peerDependenciesMeta).toEqual({ "libsodium-wrappers-sumo": { optional: true } });
  const modules = readdirSync(join(installed, "lib"), { recursive: true, encoding: "utf8" }).filter(
    (path) => /\.(?:js|d\.ts)$/u.test(path),
  );
  expect(modules.length).toBeGreaterThan(100);
  const named = new Map<string, string>();
  for (const module of modules)
    for (const name of packagesIn(readFileSync(join(installed, "lib", module), "utf8")))
      named.set(name, module);
  expect([...named.keys()].toSorted()).toEqual(["libsodium-wrappers", "libsodium-wrappers-sumo"]);
  expect(modules.filter((module) => module.includes(".test."))).toEqual([]);
});

function packagesIn(module: string): ReadonlyArray<string> {
  return [
    ...module.matchAll(/(?:^import|\bfrom|\bimport\()\s*["'](?<name>[^."'][^"']*)["']/gmu),
  ].map(({ groups }) => groups?.["name"] ?? "");
}

test("the example in its README runs in plain Node, and is short enough to read", async () => {
  const lines = example.split("\n").filter((line) => line.trim() !== "");
  expect(lines.length).toBeGreaterThan(15);
  expect(lines.length).toBeLessThanOrEqual(25);
  writeFileSync(join(folder, "example.js"), example);
  // Its own assertions throw if it does not do what it says.
  await run(process.execPath, ["example.js"], { cwd: folder });
});

test("the package brings its license, and its README leads nowhere that it does not have", () => {
  const license = readFileSync(join(installed, "LICENSE"), "utf8");
  expect(license).toBe(readFileSync(join(root, "LICENSE"), "utf8"));
  const links = [...readme.matchAll(/\]\((?<target>[^)#\s]+)/gu)].map(
    ({ groups }) => groups?.["target"] ?? "",
  );
  const relative = links.filter((target) => !/^[a-z]+:/u.test(target));
  expect(relative.filter((target) => !existsSync(join(installed, target)))).toEqual([]);
});

test("every door of the package opens in Chromium, and the example in its README runs there", async () => {
  const doors = doorsOfPackage();
  const opened = doors.map((door) => `import ${JSON.stringify(door)};`);
  const page = `<!doctype html><script type="importmap">${JSON.stringify({ imports: importsOf(doors) })}</script>
    <script type="module">${opened.join("")}${example};document.title = "done";</script>`;
  const server = createServer(({ url = "/" }, response) => {
    const path = join(folder, url);
    if (url === "/") response.setHeader("content-type", "text/html").end(page);
    else if (/\.m?js$/u.test(url) && existsSync(path))
      response.setHeader("content-type", "text/javascript").end(readFileSync(path));
    else response.writeHead(url === "/favicon.ico" ? 204 : 404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await launch();
  try {
    const tab = await browser.newPage();
    const errors: string[] = [];
    tab.on("pageerror", ({ message }) => errors.push(message));
    tab.on("console", (said) => errors.push(said.text()));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    await tab.goto(`http://127.0.0.1:${port}/`);
    await expect
      .poll(async () => [await tab.title(), ...errors], { timeout: 30_000 })
      .toEqual(["done"]);
  } finally {
    await browser.close();
    server.close();
  }
}, 60_000);

/** What a bundler would find for each name, and an assertion in place of Node's. */
function importsOf(doors: ReadonlyArray<string>): Readonly<Record<string, string>> {
  const fileOf = (door: string): string =>
    `/node_modules/@skein/auth/lib/${door.replace("@skein/auth/", "")}.js`;
  const sodium = ["libsodium-wrappers", "libsodium-wrappers-sumo", "libsodium", "libsodium-sumo"];
  const asserts = `const assert = (holds) => { if (!holds) throw new Error("it does not hold"); };
    assert.deepEqual = (a, b) => assert(JSON.stringify(a) === JSON.stringify(b));
    export default assert;`;
  return {
    ...Object.fromEntries([...doors, `${packed}/protocol/ids`].map((door) => [door, fileOf(door)])),
    ...Object.fromEntries(
      sodium.map((name) => {
        const sumo = name.endsWith("-sumo") ? "-sumo" : "";
        const file = name === "libsodium-wrappers-sumo" ? "libsodium-wrappers" : name;
        return [name, `/node_modules/${name}/dist/modules${sumo}-esm/${file}.mjs`];
      }),
    ),
    "node:assert": `data:text/javascript,${encodeURIComponent(asserts)}`,
  };
}

function doorsOfPackage(): ReadonlyArray<string> {
  const { exports } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  const doors = Object.keys(exports).filter((door) => !door.includes("*"));
  expect(doors.length).toBeGreaterThan(40);
  return doors.map((door) => door.replace(".", "@skein/auth"));
}

test("every door of the package opens in Node and in a worker, and types what it gives", async () => {
  const imports = doorsOfPackage().map((door) => `import ${JSON.stringify(door)};`);
  writeFileSync(join(folder, "doors.js"), imports.join("\n"));
  writeFileSync(
    join(folder, "in-worker.js"),
    `import { Worker } from "node:worker_threads";
     new Worker(new URL("./doors.js", import.meta.url)).once("exit", (code) => process.exit(code));`,
  );
  await run(process.execPath, ["in-worker.js"], { cwd: folder });
  writeFileSync(join(folder, "consumer.ts"), consumer);
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const options = [
    "--noEmit",
    "--strict",
    "--module",
    "nodenext",
    "--lib",
    "esnext",
    "--types",
    "",
  ];
  const told = await run(process.execPath, [compiler, ...options, "consumer.ts"], {
    cwd: folder,
  }).catch((error: unknown) => error);
  expect(told).toMatchObject({
    stdout: expect.stringMatching(/^consumer\.ts\(9,7\).*TS2322[^\n]*\n$/u),
  });
});

/** All of it has its types, and its last line is wrong: a consumer that is given `any` would not hear of that. */
const consumer = `import { openCrypto, type Crypto } from "@skein/auth/crypto/sodium";
import { openLog, type MembershipLog, type Verdict } from "@skein/auth/membership";
import { openEpochKey, openKeyBefore } from "@skein/auth/read-key";
import { openSessions } from "@skein/auth/session";
const crypto: Crypto = await openCrypto();
const log: MembershipLog | undefined = openLog({ crypto, genesis: new Uint8Array(0) });
const verdict: Verdict["kind"] | undefined = log?.add(new Uint8Array(0)).kind;
export const all = [verdict, openEpochKey, openKeyBefore, openSessions];
const size: string = log?.size() ?? 0;
export { size };
`;

test("its command prints a saved log as people read it, and says what is none", async () => {
  const crypto = await openCrypto();
  const world = makeUpAccount(crypto, 5);
  const log = world.open();
  log.add(world.add(log, world.first, world.mint()));
  writeFileSync(join(folder, "log.bin"), formatLogFile(log));
  const command = join(folder, "node_modules", ".bin", "skein-explain");
  const { stdout } = await run(command, ["log.bin"], { cwd: folder });
  expect(stdout).toContain("Members (2)");
  await expect(run(command, ["package.json"], { cwd: folder })).rejects.toMatchObject({
    code: 1,
    stderr: "package.json is no membership log, and no proof.\n",
  });
  await expect(run(command, [], { cwd: folder })).rejects.toMatchObject({ code: 1 });
});
