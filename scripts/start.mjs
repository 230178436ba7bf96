/** Builds what is out of date and serves the app and the relay on one port. `--dev` does the same with hot reload. */

import process from "node:process";
import { pathToFileURL } from "node:url";

import { buildRelay, buildWeb } from "./build.mjs";
import { relayProgram, requireNode, requirePackages } from "./tools.mjs";

requireNode();
await requirePackages();
if (process.argv.includes("--dev")) {
  const { startDevelopment } = await import("./dev.mjs");
  await startDevelopment();
} else {
  await buildRelay({ ifNeeded: true });
  await buildWeb({ ifNeeded: true });
  // The relay reads the same flags and environment, and answers the same signals, as when it is run by itself.
  await import(pathToFileURL(relayProgram).href);
}
