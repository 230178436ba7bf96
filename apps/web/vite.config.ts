/** Builds the page, the peer's worker and the service worker into dist. */

import { fileURLToPath } from "node:url";
import { defaultClientConditions, defineConfig } from "vite";
import { VitePWA } from "vite-plugin-pwa";

export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  define: { global: "globalThis" },
  resolve: {
    conditions: ["skein-source", ...defaultClientConditions],
    alias: [
      {
        // The package reaches for `window` and dies in a worker.
        find: /^isomorphic-textencoder$/u,
        replacement: fileURLToPath(new URL("src/text-encoder.ts", import.meta.url)),
      },
      // The prebuilt file needs none of Node's modules.
      { find: /^simple-peer$/u, replacement: "simple-peer/simplepeer.min.js" },
    ],
  },
  worker: { format: "es" },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "baseline-widely-available",
    modulePreload: { polyfill: false },
  },
  optimizeDeps: {
    include: ["preact", "preact/hooks", "preact/jsx-runtime", "@preact/signals", "preact-iso"],
  },
  plugins: [
    VitePWA({
      strategies: "injectManifest",
      srcDir: "src",
      filename: "sw.ts",
      registerType: "prompt",
      injectRegister: false,
      injectManifest: {
        globPatterns: ["**/*.{js,css,html,svg,png,wasm}"],
        globIgnores: ["types/**"],
        maximumFileSizeToCacheInBytes: 4 * 1024 * 1024,
      },
      manifest: {
        id: "/",
        name: "Skein",
        short_name: "Skein",
        description: "Your git repositories, on your own devices.",
        start_url: "/",
        scope: "/",
        display: "standalone",
        background_color: "#faf9f7",
        theme_color: "#faf9f7",
        categories: ["developer", "productivity"],
        icons: [
          { src: "/icon.svg", sizes: "any", type: "image/svg+xml", purpose: "any" },
          { src: "/icon-maskable.svg", sizes: "any", type: "image/svg+xml", purpose: "maskable" },
          { src: "/icon-192.png", sizes: "192x192", type: "image/png" },
          { src: "/icon-512.png", sizes: "512x512", type: "image/png" },
        ],
      },
    }),
  ],
});
