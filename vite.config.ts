/** One configuration for the page and for every test. */

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    projects: [
      { test: { name: "tidy", include: ["tests/tidy.test.ts"] } },
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts"],
        },
      },
      { test: { name: "vectors", include: ["tests/vectors/**/*.test.ts"] } },
      { test: { name: "interop", include: ["tests/interop/**/*.test.ts"] } },
      { test: { name: "fuzz", include: ["tests/fuzz/**/*.test.ts"] } },
      {
        test: {
          name: "simulation",
          include: ["tests/simulation/**/*.test.ts"],
          testTimeout: 600_000,
        },
      },
      {
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
