/**
 * Weathers more storms than the tests do by default: simulations from as many seeds as are asked for.
 *
 *   node scripts/storms.mjs sessions [--seeds 100000]     sessions of two to six nodes, without cryptography
 *   node scripts/storms.mjs membership [--seeds 4000]     stories of stolen laptops, each in four orders and splits
 *   node scripts/storms.mjs ablations [--seeds 2000]      prints what each rule of the sessions is good for
 *   node scripts/storms.mjs nodes [--seeds 2000]          whole nodes, with cryptography and git
 */

import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

import { fail, programOf, requireNode, requirePackages, root, run } from "./tools.mjs";

const kinds = {
  sessions: ["session-machine", 100_000],
  membership: ["membership-stories", 4_000],
  ablations: ["session-ablations", 2_000],
  nodes: ["storms", 2_000],
};

const { values, positionals } = parseArgs({
  options: { seeds: { type: "string" } },
  allowPositionals: true,
});
const kind = Object.hasOwn(kinds, positionals[0] ?? "") ? kinds[positionals[0]] : undefined;
if (kind === undefined) fail(`Name one of: ${Object.keys(kinds).join(", ")}`);
const [file, usual] = kind;
const seeds = Number(values.seeds ?? usual);
if (!Number.isSafeInteger(seeds) || seeds < 1) fail("--seeds takes a number from 1 up.");
requireNode();
await requirePackages();
const test = join("tests", "simulation", `${file}.test.ts`);
process.exitCode = await run(process.execPath, [programOf("vitest"), "run", test], {
  env: { ...process.env, SEEDS: String(seeds) },
  cwd: root,
});
