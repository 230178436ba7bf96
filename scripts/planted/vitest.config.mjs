/** The tests as they are, and one module with a mistake in it. */

import { fileURLToPath } from "node:url";
import process from "node:process";
import { defineConfig } from "vitest/config";

import { mistakes } from "./mistakes.mjs";

const mistake = mistakes.find(({ name }) => name === process.env.PLANTED_MISTAKE);
if (mistake === undefined) throw new Error("PLANTED_MISTAKE names none");

export default defineConfig({
  root: fileURLToPath(new URL("../../", import.meta.url)),
  plugins: [
    {
      name: "planted-mistake",
      enforce: "pre",
      transform: (code, id) =>
        id.endsWith(mistake.file) ? code.replace(mistake.from, () => mistake.to) : undefined,
    },
  ],
  test: { include: ["packages/*/src/**/*.test.ts", "tests/**/*.test.ts"], testTimeout: 120_000 },
});
