/** The relay as a program: settings in, a relay, signals out. */

import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";

import { greet } from "./greeting.ts";
import { startRelay, type Relay } from "./relay.ts";
import { helpText, readSettings, type Settings } from "./settings.ts";

await main();

async function main(): Promise<void> {
  const read = readSettings(process.argv.slice(2), process.env);
  if (read.kind === "help") {
    process.stdout.write(helpText);
    return;
  }
  if (read.kind === "wrong") {
    process.stderr.write(`${read.why}\n\n${helpText}`);
    process.exitCode = 2;
    return;
  }
  await run(read.settings);
}

async function run(settings: Settings): Promise<void> {
  const app = settings.app ?? join(import.meta.dirname, "..", "..", "web", "dist");
  let relay: Relay;
  try {
    relay = await startRelay(settings.servesApp ? { ...settings, app } : withoutApp(settings));
  } catch (error) {
    process.stderr.write(`${explain(error, settings)}\n`);
    process.exitCode = 1;
    return;
  }
  stopOnSignals(relay);
  const isAppBuilt = existsSync(join(app, "index.html"));
  const { port } = relay;
  process.stdout.write(greet({ ...settings, port, isAppBuilt, lanAddresses: lanAddresses() }));
}

function withoutApp({ app: _app, ...settings }: Settings): Omit<Settings, "app"> {
  return settings;
}

/** The first signal says goodbye to everyone; the second does not wait. */
function stopOnSignals(relay: Relay): void {
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) process.exit(1);
    isStopping = true;
    void relay.close().then(() => process.exit(0));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}

function explain(error: unknown, { host, port }: Settings): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE")
    return `Port ${port} is in use. Stop what uses it (perhaps another Skein), or choose another port: PORT=${port + 1} npx -y pnpm start`;
  if (code === "EACCES")
    return `Port ${port} may not be opened by this account. Choose one from 1024 up: PORT=7534`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return `This machine has no address "${host}". HOST is localhost, 0.0.0.0, or one of its own addresses.`;
  return `The relay could not start: ${error instanceof Error ? error.message : String(error)}`;
}

function lanAddresses(): ReadonlyArray<string> {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === "IPv4")
    .map(({ address }) => address);
}
