/** The tests as they are, and one module with a mistake in it; with no name, none. */

import { fileURLToPath } from "node:url";
import process from "node:process";
import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

import { editsOf, mistakes } from "./mistakes.mjs";

const asked = process.env.PLANTED_MISTAKE;
const mistake = mistakes.find(({ name }) => name === asked);
if (mistake === undefined && asked !== "") throw new Error("PLANTED_MISTAKE names none");

export default defineConfig({
  ssr: { resolve: { conditions: ["skein-source", ...defaultServerConditions] } },
  root: fileURLToPath(new URL("../../", import.meta.url)),
  plugins: [
    {
      name: "planted-mistake",
      enforce: "pre",
      transform: (code, id) =>
        mistake !== undefined && id.endsWith(mistake.file)
          ? editsOf(mistake).reduce((text, { from, to }) => text.replace(from, () => to), code)
          : undefined,
    },
  ],
  test: { include: ["packages/*/src/**/*.test.ts", "tests/**/*.test.ts"], testTimeout: 120_000 },
});
