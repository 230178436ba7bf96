/** What the scripts share: where things are, running a program, and saying in time that Node is too old. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");
export const webFolder = join(root, "apps", "web");
export const relayFolder = join(root, "apps", "relay");
export const authFolder = join(root, "packages", "auth");
export const relayProgram = join(relayFolder, "dist", "relay.mjs");

/** Ends the process with a sentence when this Node cannot run Skein. */
export function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(
    `Skein needs Node 20.19 or newer, and this is ${process.versions.node}. Get it from https://nodejs.org`,
  );
}

/** Installs what the lockfile names, when that has not been done. `pnpm` does it by itself; `node` and `npm start` do not. */
export async function requirePackages() {
  if (existsSync(join(root, "node_modules", "vite", "package.json"))) return;
  say("Installing packages.");
  const npx = process.platform === "win32" ? "npx.cmd" : "npx";
  const code = await run(npx, ["-y", "pnpm", "install", "--frozen-lockfile"]);
  if (code !== 0) fail("The packages could not be installed. The lines above say why.");
}

/** The script behind a package's command, so that it runs without a shell on every system. */
export function programOf(name, command = name) {
  const from = createRequire(join(root, "package.json"));
  const folder = join(root, "node_modules", name);
  const { bin } = from(join(folder, "package.json"));
  return join(folder, typeof bin === "string" ? bin : bin[command]);
}

/** Runs a program with our own input and output, and answers its exit code. */
export function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: "inherit",
      cwd: root,
      shell: program.endsWith(".cmd"),
      ...options,
    });
    child.once("error", (error) => {
      process.stderr.write(`${program}: ${error.message}\n`);
      resolve(1);
    });
    child.once("exit", (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
  });
}

export function say(text) {
  process.stdout.write(`${text}\n`);
}

export function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}
