/** Builds the web app, the relay and the package of authorisation. `--if-needed` leaves alone what is newer than its sources. */

import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import { buildAuth } from "./build-auth.mjs";
import { isNewer } from "./newest.mjs";
import {
  fail,
  programOf,
  relayFolder,
  relayProgram,
  requireNode,
  requirePackages,
  run,
  say,
  webFolder,
} from "./tools.mjs";

const shared = ["packages", "vite.config.ts", "tsconfig.base.json", "pnpm-lock.yaml"];

export async function buildRelay({ ifNeeded }) {
  const sources = [...shared, "apps/relay"];
  if (ifNeeded && (await isNewer(relayProgram, sources))) return;
  say("Building the relay.");
  if ((await viteBuild(relayFolder)) !== 0) fail("The relay could not be built.");
}

export async function buildWeb({ ifNeeded }) {
  if (!existsSync(join(webFolder, "src", "main.tsx"))) {
    say("There is no web app in this clone; the relay is served alone.");
    return;
  }
  const dist = join(webFolder, "dist");
  if (ifNeeded && (await isNewer(join(dist, "index.html"), [...shared, "apps/web"]))) return;
  say("Building the web app.");
  if ((await viteBuild(webFolder)) !== 0) fail("The web app could not be built.");
  await compressAll(dist);
}

function viteBuild(folder) {
  return run(process.execPath, [programOf("vite"), "build", "--logLevel", "warn"], { cwd: folder });
}

/** Lays a `.br` and a `.gz` beside each file that gains from it, so that the relay never compresses while it serves. */
async function compressAll(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const gains = entries.filter((entry) => entry.isFile() && compressible.test(entry.name));
  await Promise.all(gains.map((entry) => compress(join(entry.parentPath, entry.name))));
}

const compressible = /\.(?:html|js|mjs|css|json|webmanifest|svg|wasm|txt)$/u;

async function compress(path) {
  const body = await readFile(path);
  if (body.length < 1_024) return;
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
  await writeFile(`${path}.br`, await promisify(brotliCompress)(body, quality));
  await writeFile(`${path}.gz`, await promisify(gzip)(body, { level: 9 }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  requireNode();
  await requirePackages();
  const ifNeeded = process.argv.includes("--if-needed");
  await buildRelay({ ifNeeded });
  await buildWeb({ ifNeeded });
  await buildAuth({ ifNeeded });
}
