/**
 * `pnpm long [NAME…]`: the long forms of tests that every run has in short, one after the other. This is what a scheduler
 * starts at night. Ends with a non-zero code if any failed, and says how long each took and how to run it alone.
 */

import { join } from "node:path";
import process from "node:process";

import { fail, programOf, requireNode, requirePackages, root, run, say } from "./tools.mjs";

requireNode();
await requirePackages();

const vitest = (file, env) => ({
  args: [programOf("vitest"), "run", file],
  env: { ...process.env, ...env },
  alone: `${Object.entries(env)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ")} npx -y pnpm exec vitest run ${file}`,
});
const runs = new Map([
  ["fuzz", { args: [join(root, "scripts", "fuzz.mjs")], alone: "npx -y pnpm fuzz" }],
  ["packs", vitest("tests/interop/pack-mutated", { MUTATIONS: "30000" })],
  ["merges", vitest("tests/interop/repository-merge", { SKEIN_HISTORIES: "4000" })],
  ["kills", vitest("tests/browser/kill.test.ts", { KILLS: "200" })],
]);

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !runs.has(name));
if (unknown !== undefined)
  fail(`There is no long run called ${unknown}. There are: ${[...runs.keys()].join(", ")}`);

const results = [];
for (const [name, { args, env, alone }] of runs) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const start = performance.now();
  // oxlint-disable-next-line no-await-in-loop -- one after the other: each of them takes the whole machine.
  const code = await run(process.execPath, args, env === undefined ? {} : { env });
  const minutes = ((performance.now() - start) / 60_000).toFixed(1);
  results.push({ name, alone, code, minutes });
}
for (const { name, alone, code, minutes } of results)
  say(`${name}: ${code === 0 ? "passed" : "FAILED"} after ${minutes} minutes: ${alone}`);
process.exitCode = results.some(({ code }) => code !== 0) ? 1 : 0;
