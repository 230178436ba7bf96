/**
 * Builds packages/auth as it is published: modules and their types in `lib`, with those of packages/protocol that they
 * need, so that it depends on nothing of ours. `--if-needed` leaves alone what is newer than its sources.
 */

import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

import { isNewer } from "./newest.mjs";
import { authFolder, fail, programOf, requireNode, requirePackages, run, say } from "./tools.mjs";

const lib = join(authFolder, "lib");
const emitted = join(authFolder, "lib.new");

export async function buildAuth({ ifNeeded }) {
  const sources = ["packages/auth", "packages/protocol", "tsconfig.base.json"];
  if (ifNeeded && (await isNewer(join(lib, "membership.js"), sources))) return;
  say("Building the package of authorisation.");
  await rm(emitted, { recursive: true, force: true });
  const project = join(authFolder, "tsconfig.package.json");
  const args = [programOf("typescript", "tsc"), "-p", project, "--outDir", emitted];
  if ((await run(process.execPath, args)) !== 0) fail("packages/auth could not be built.");
  await rm(lib, { recursive: true, force: true });
  await rename(join(emitted, "auth", "src"), lib);
  await rename(join(emitted, "protocol", "src"), join(lib, "protocol"));
  await rm(emitted, { recursive: true });
  const paths = (await readdir(lib, { recursive: true })).filter((path) => emittedFile.test(path));
  await Promise.all(paths.map((path) => pointInside(join(lib, path))));
}

const emittedFile = /\.(?:js|d\.ts)$/u;
const ours =
  /(?<before>(?:\bfrom|\bimport)\s*\(?\s*["'])(?<name>@skein\/protocol\/|\.\.?\/)(?<path>[^"']+)/gu;

/** Names of modules as they are where they lie now. */
async function pointInside(file) {
  const text = await readFile(file, "utf8");
  const toProtocol = relative(dirname(file), join(lib, "protocol")).split(sep).join("/");
  const start =
    toProtocol === "" ? "./" : toProtocol.startsWith(".") ? `${toProtocol}/` : `./${toProtocol}/`;
  const pointed = text.replaceAll(ours, (_, before, name, path) => {
    const isOurs = name.startsWith("@");
    return `${before}${isOurs ? start : name}${isOurs ? `${path}.js` : path.replace(/\.ts$/u, ".js")}`;
  });
  if (pointed !== text) await writeFile(file, pointed);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  requireNode();
  await requirePackages();
  await buildAuth({ ifNeeded: process.argv.includes("--if-needed") });
}
