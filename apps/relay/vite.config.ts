/** Bundles the relay into one file that runs without node_modules. */

import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  build: {
    ssr: "src/main.ts",
    target: "node20",
    outDir: "dist",
    emptyOutDir: false,
    rolldownOptions: { output: { entryFileNames: "relay.mjs", format: "es" } },
  },
  ssr: { noExternal: true, target: "node" },
});
