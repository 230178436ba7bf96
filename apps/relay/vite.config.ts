/** Bundles the relay into one file that runs without node_modules. */

import { join } from "node:path";

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
  // `ws` asks for a native add-on; ours is plain and lies in the same file.
  resolve: { alias: { bufferutil: join(import.meta.dirname, "src", "fast-mask.ts") } },
  ssr: { noExternal: true, target: "node" },
});
