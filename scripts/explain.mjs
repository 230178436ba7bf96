/**
 * Prints a membership log, or a proof of a fork, as people read it.
 *
 *   node scripts/explain.mjs <file>
 *
 * The file is a recovery kit, a proof, or entries one after the other, each behind its length in four bytes.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { runnerImport } from "vite";

import { fail, root } from "./tools.mjs";

const [path] = process.argv.slice(2);
if (path === undefined) fail("Name the file of a membership log: node scripts/explain.mjs <file>");
const { module } = await runnerImport(join(root, "packages/auth/src/explain.ts"), {
  root,
  configFile: false,
  logLevel: "error",
  oxc: { target: "es2022" },
});
const told = await module.explainFile(readFileSync(path));
if (told === undefined) fail(`${path} is no membership log, and no proof.`);
process.stdout.write(`${told.join("\n")}\n`);
