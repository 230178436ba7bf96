/**
 * Weathers more storms than the tests do by default: simulations from as many seeds as are asked for.
 *
 *   node scripts/storms.mjs sessions [--seeds 100000]     sessions of two to six nodes, without cryptography
 *   node scripts/storms.mjs keys [--seeds 1000]           the same with cryptography
 *   node scripts/storms.mjs membership [--seeds 4000]     stories of stolen laptops, each in four orders and splits
 *   node scripts/storms.mjs ablations [--seeds 2000]      prints what each rule of the sessions is good for
 *   node scripts/storms.mjs nodes [--seeds 2000]          whole nodes, with cryptography and git
 *
 * For sessions and keys, `--seed 17` tells one storm line by line.
 */

import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

import { fail, programOf, requireNode, requirePackages, root, run } from "./tools.mjs";

const kinds = {
  sessions: ["session-machine", 100_000],
  keys: ["session", 1_000],
  membership: ["membership-stories", 4_000],
  ablations: ["session-ablations", 2_000],
  nodes: ["storms", 2_000],
};

const { values, positionals } = parseArgs({
  options: { seeds: { type: "string" }, seed: { type: "string" } },
  allowPositionals: true,
});
const kind = Object.hasOwn(kinds, positionals[0] ?? "") ? kinds[positionals[0]] : undefined;
if (kind === undefined) fail(`Name one of: ${Object.keys(kinds).join(", ")}`);
const [file, usual] = kind;
const seeds = numberOf("seeds", values.seeds ?? usual);
const one = values.seed === undefined ? {} : { SEED: String(numberOf("seed", values.seed)) };
requireNode();
await requirePackages();
const test = join("tests", "simulation", `${file}.test.ts`);
process.exitCode = await run(process.execPath, [programOf("vitest"), "run", test], {
  env: { ...process.env, SEEDS: String(seeds), ...one },
  cwd: root,
});

function numberOf(name, text) {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) fail(`--${name} takes a number from 1 up.`);
  return number;
}
