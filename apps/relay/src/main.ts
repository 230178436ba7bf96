/** The relay as a program: settings in, a relay, signals out. */

import { existsSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";

import { printConfig, sampleConfig } from "./config-text.ts";
import { examine, printFindings } from "./doctor.ts";
import { fileLimits, findFewFiles, sayFewFiles, shareFiles } from "./file-limits.ts";
import { findTrustNotice, greet } from "./greeting.ts";
import { silentJournal, type Journal } from "./journal.ts";
import { findSmallHeap, saySmallHeap } from "./heap-limit.ts";
import type { Limits } from "./limits.ts";
import { openNatsEngine } from "./nats-engine.ts";
import { openPinoJournal } from "./pino-journal.ts";
import { startRelay, type Relay } from "./relay.ts";
import { findBareName, helpText, readSettings, type Read, type Settings } from "./settings.ts";
import { turnserverConfig } from "./turn.ts";

await main();

async function main(): Promise<void> {
  const read = readSettings({
    args: process.argv.slice(2),
    environment: process.env,
    readFile: readText,
  });
  if (read.kind === "help") process.stdout.write(helpText(read.isLong));
  else if (read.kind === "wrong") fail(`${read.why}\n\n${helpText(false)}`, 2);
  else await obey(read);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

async function obey(read: Extract<Read, { readonly kind: "settings" }>): Promise<void> {
  const { command, settings, values } = read;
  switch (command) {
    case "serve":
      return serve(settings);
    case "config print":
      process.stdout.write(printConfig(values, remarksOn(settings)));
      return;
    case "config sample":
      process.stdout.write(sampleConfig());
      return;
    case "turnserver":
      return printTurnserver(settings);
    case "doctor": {
      const findings = await examine(settings);
      process.stdout.write(printFindings(findings));
      if (findings.some(({ verdict }) => verdict === "bad")) process.exitCode = 1;
    }
  }
}

function printTurnserver({ publicName, turnSecret: secret }: Settings): void {
  if (secret === undefined)
    return fail(
      "Name the secret that coturn and the relay share: --turn-secret or SKEIN_TURN_SECRET.\nA good one: openssl rand -hex 32",
      2,
    );
  const [named = ""] = publicName.split(":");
  const name = named === "" ? "localhost" : named;
  process.stdout.write(turnserverConfig({ name, secret }));
}

async function serve(settings: Settings): Promise<void> {
  const bare = findBareName(settings);
  if (bare !== undefined) return fail(bare, 2);
  const journal = openJournal(settings);
  // A log that cannot be written must not end the relay.
  process.stdout.on("error", () => undefined);
  process.stderr.on("error", () => undefined);
  const app = settings.app ?? join(import.meta.dirname, "..", "..", "web", "dist");
  let relay: Relay;
  try {
    relay = await startRelay({
      ...bounded(settings),
      ...parts(settings, journal),
      ...(settings.servesApp ? { app } : {}),
    });
  } catch (error) {
    return fail(explain(error, settings), 1);
  }
  stopOnSignals(relay, journal);
  const isAppBuilt = existsSync(join(app, "index.html"));
  const { port } = relay;
  const warnings = warnOf(settings.limits, journal);
  journal.write({ event: "started", port, app: settings.servesApp && isAppBuilt });
  const says = findTrustNotice(settings);
  if (says !== undefined && settings.log === "json") journal.write({ event: "trust", says });
  if (settings.log !== "off") return;
  const situation = { ...settings, port, isAppBuilt, lanAddresses: lanAddresses(), warnings };
  process.stdout.write(greet(situation));
}

/** What the system gives less of than was wanted: for the log, and as sentences. */
function warnOf({ connectionsMax, memoryBytesMax }: Limits, journal: Journal): string[] {
  const few = findFewFiles(connectionsMax, fileLimits());
  const small = findSmallHeap(memoryBytesMax);
  if (few !== undefined) journal.warn({ event: "few-files", ...few });
  if (small !== undefined) journal.warn({ event: "small-heap", ...small });
  return [
    ...(few === undefined ? [] : [sayFewFiles(few)]),
    ...(small === undefined ? [] : [saySmallHeap(small)]),
  ];
}

/** What holds instead of a value, and why. */
function remarksOn({ limits }: Settings): ReadonlyMap<string, string> {
  const few = findFewFiles(limits.connectionsMax, fileLimits());
  return new Map(
    few === undefined
      ? []
      : [["connections-max", `${few.connections} hold, as here ${few.files} files may be open`]],
  );
}

function parts(settings: Settings, journal: Journal) {
  const { nats, limits } = settings;
  const engine = nats === undefined ? undefined : openNatsEngine({ ...nats, limits });
  return { journal, engine };
}

function openJournal({ log, isTransparent }: Settings): Journal {
  if (log === "json") return openPinoJournal();
  return isTransparent ? plainJournal : silentJournal;
}

/** No more connections than the system has files for: four in five. */
function bounded({ app: _app, ...settings }: Settings): Omit<Settings, "app"> & {
  readonly socketsMax: number;
} {
  const room = shareFiles(fileLimits()?.soft ?? Number.POSITIVE_INFINITY);
  const connectionsMax = Math.min(settings.limits.connectionsMax, room.connectionsMax);
  return {
    ...settings,
    limits: { ...settings.limits, connectionsMax },
    socketsMax: room.socketsMax,
  };
}

/** `--transparency` without a log: the same lines, said plainly. */
const plainJournal: Journal = {
  write: (entry) => void process.stdout.write(`${JSON.stringify(entry)}\n`),
  warn: (entry) => void process.stdout.write(`${JSON.stringify(entry)}\n`),
};

/** The first signal says goodbye to everyone; the second does not wait. */
function stopOnSignals(relay: Relay, journal: Journal): void {
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) process.exit(1);
    isStopping = true;
    journal.write({ event: "stopping", connections: relay.station.health().connections });
    void relay.close().then(() => {
      journal.write({ event: "stopped" });
      process.exit(0);
    });
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  process.on("SIGHUP", () => relay.renew());
}

function fail(text: string, code: number): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = code;
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
