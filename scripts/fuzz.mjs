/**
 * `pnpm fuzz [--decoder NAME] [--seed N] [--inputs N]`: gives every decoder a million inputs made by chance, from a
 * seed of the day. Ends with a non-zero code at the first that breaks one, and says how to see it again.
 */

import { join } from "node:path";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { parseArgs } from "node:util";

import { fail, requireNode, requirePackages, root } from "./tools.mjs";

const inputsUsual = 1_000_000;

requireNode();
await requirePackages();
const { values } = parseArgs({
  options: {
    decoder: { type: "string" },
    seed: { type: "string" },
    inputs: { type: "string" },
  },
});
// Only now: before the packages are installed there is no Vite.
const { runnerImport } = await import("vite");
const { module } = await runnerImport(join(root, "tests", "fuzz", "command.ts"), {
  root,
  configFile: false,
  logLevel: "error",
  oxc: { target: "es2022" },
});
const day = Math.floor((performance.timeOrigin + performance.now()) / 86_400_000);
try {
  await module.runFuzz({
    decoder: values.decoder,
    seed: Number(values.seed ?? day * inputsUsual),
    inputs: Number(values.inputs ?? inputsUsual),
    say: (text) => process.stderr.write(text),
  });
} catch (error) {
  fail(error instanceof Error ? `${error.message}\n${error.cause?.stack ?? ""}` : String(error));
}
