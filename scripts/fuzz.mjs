/**
 * `pnpm fuzz [--decoder NAME] [--seed N] [--inputs N]`: gives every decoder a million inputs made by chance, from a
 * seed of the day. Ends with a non-zero code at the first that breaks one, and says how to see it again.
 */

import { join } from "node:path";
import process from "node:process";

import { requireNode, requirePackages, root, run } from "./tools.mjs";

requireNode();
await requirePackages();
// Only now: before the packages are installed there is no Vite.
const { build, defaultServerConditions } = await import("vite");
const folder = join(root, "tests", ".output");
await build({
  root,
  configFile: false,
  logLevel: "error",
  ssr: {
    noExternal: true,
    resolve: { conditions: ["skein-source", ...defaultServerConditions] },
  },
  build: {
    ssr: join(root, "tests", "fuzz", "command.ts"),
    outDir: folder,
    emptyOutDir: false,
    target: "es2022",
    rolldownOptions: { output: { entryFileNames: "fuzz.mjs" } },
  },
});
process.exitCode = await run(process.execPath, [
  join(folder, "fuzz.mjs"),
  ...process.argv.slice(2),
]);
