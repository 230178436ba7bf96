/**
 * Plants mistakes in the code, one at a time, and checks that tests notice each. No file is touched: the tests load the
 * mistaken code in place of what is on the disk. The same tests run without a mistake, too: a test that fails anyway
 * notices nothing. And of all tests only the one that is about the mistake counts: that others fail shows little.
 *
 * Two are tried at a time.
 *
 *   node scripts/planted-mistakes.mjs          all of them
 *   node scripts/planted-mistakes.mjs nonce    those with "nonce" in their name
 */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

import { editsOf, mistakes } from "./planted/mistakes.mjs";
import { programOf, root, say } from "./tools.mjs";

const [asked] = process.argv.slice(2);
const chosen = mistakes.filter(({ name }) => asked === undefined || name.includes(asked));
const named = [...new Set(chosen.flatMap(({ tests }) => tests))];
const untouched = chosen.length > 0 ? run({ name: "", tests: named }) : undefined;
const unnoticed = [];
const waiting = [...chosen];
await Promise.all([tryNext(), tryNext()]);
if (untouched !== undefined && !(await untouched).isGreen) {
  say("NO the tests fail without a mistake, so they show nothing");
  process.exit(1);
}
if (chosen.length > 0) say("ok the tests pass without a mistake");
say(`${chosen.length - unnoticed.length} of ${chosen.length} planted mistakes were noticed`);
process.exitCode = unnoticed.length === 0 && chosen.length > 0 ? 0 : 1;

async function tryNext() {
  const mistake = waiting.shift();
  if (mistake === undefined) return;
  const code = readFileSync(join(root, mistake.file), "utf8");
  const hasPlaces = editsOf(mistake).every(({ from }) => code.split(from).length === 2);
  const isNoticed = hasPlaces && (await run(mistake)).isRed;
  if (!hasPlaces) say(`?  ${mistake.name}: its places are not in ${mistake.file}, once each`);
  else say(`${isNoticed ? "ok" : "NO"} ${mistake.name}`);
  if (!isNoticed) unnoticed.push(mistake.name);
  await tryNext();
}

/** Runs tests, with a mistake or as they are. Failing to start is neither green nor red. */
function run({ name, tests, title }) {
  const config = join(root, "scripts", "planted", "vitest.config.mjs");
  const args = [programOf("vitest"), "run", "--config", config, "--bail", "1", ...tests];
  if (title !== undefined) args.push("--testNamePattern", title);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, PLANTED_MISTAKE: name, SEEDS: "60" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let told = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (bytes) => {
        told += bytes;
      });
    child.on("error", reject);
    child.on("exit", (code) =>
      resolve({
        isGreen: code === 0 && /Tests .*\d+ passed/u.test(told),
        isRed: code !== 0 && /Tests .*\d+ failed/u.test(told),
      }),
    );
  });
}
