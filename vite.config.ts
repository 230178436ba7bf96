/** One configuration for the page and for every test. */

import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Packages that are published name their sources by this condition; all projects use them.
  ssr: { resolve: { conditions: ["skein-source", ...defaultServerConditions] } },
  test: {
    root: import.meta.dirname,
    projects: [
      { extends: true, test: { name: "tidy", include: ["tests/tidy.test.ts"] } },
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts"],
        },
      },
      { extends: true, test: { name: "vectors", include: ["tests/vectors/**/*.test.ts"] } },
      { extends: true, test: { name: "interop", include: ["tests/interop/**/*.test.ts"] } },
      { extends: true, test: { name: "fuzz", include: ["tests/fuzz/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "simulation",
          include: ["tests/simulation/**/*.test.ts"],
          testTimeout: 600_000,
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
