/**
 * `pnpm bench <subject> [--json] [--bundle FILE]`: measures one subject beside its peers. Without a subject it lists
 * them. A bundle is for the subject that works on repositories.
 */

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

import { fail, requireNode, root } from "../scripts/tools.mjs";

const subjectsFolder = join(root, "bench", "subjects");

requireNode();
const subjects = readdirSync(subjectsFolder)
  .filter((name) => /^[a-z-]+\.ts$/u.test(name))
  .map((name) => name.replace(".ts", ""));
const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean" }, bundle: { type: "string" } },
});
const [subject] = wanted;

if (subject === undefined) {
  process.stdout.write(`Subjects: ${subjects.join(", ")}\nRun one: npx -y pnpm bench <subject>\n`);
} else if (wanted.length > 1 || !subjects.includes(subject)) {
  fail(`There is no bench "${wanted.join(" ")}". There are: ${subjects.join(", ")}`);
} else {
  await build();
  // Only now: before the packages are installed there is no Vite.
  const { runnerImport } = await import("vite");
  const load = async (path) =>
    (
      await runnerImport(path, {
        root,
        configFile: false,
        logLevel: "error",
        oxc: { target: "es2022" },
        environments: { inline: { resolve: { conditions: ["skein-source"] } } },
      })
    ).module;
  const { measure } = await load(join(subjectsFolder, `${subject}.ts`));
  const { formatJson, formatTable } = await load(join(root, "bench", "rows.ts"));
  const rows = await measure({
    say: (text) => process.stderr.write(`${text}\n`),
    bundle: values.bundle,
  });
  const report = { subject, node: process.versions.node, rows };
  process.stdout.write(`${values.json ? formatJson(report) : formatTable(report)}\n`);
}

/** What is measured is the built product. The build speaks on the error stream: the output holds the report alone. */
async function build() {
  const program = join(root, "scripts", "build.mjs");
  const code = await new Promise((resolve) => {
    const child = spawn(process.execPath, [program, "--if-needed"], { stdio: ["ignore", 2, 2] });
    child.once("exit", resolve);
  });
  if (code !== 0) fail("The product could not be built; the lines above say why.");
}
