/** The bench of `packages/auth` on its own: `run({ json })` answers with its report and prints it. */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));

export async function run({ json = false } = {}) {
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
  const { measure } = await load(`${root}bench/subjects/auth.ts`);
  const { formatJson, formatTable } = await load(`${root}bench/rows.ts`);
  const rows = await measure({ say: (text) => process.stderr.write(`${text}\n`) });
  const report = { subject: "auth", node: process.versions.node, rows };
  process.stdout.write(`${json ? formatJson(report) : formatTable(report)}\n`);
  return report;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await run({ json: process.argv.includes("--json") });
