/** One port with hot reload: Vite serves the app and passes /relay on to a relay that starts anew whenever it is rebuilt. */

import { spawn } from "node:child_process";
import { createServer as createSocketServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { build, createServer, runnerImport } from "vite";

import { fail, relayFolder, relayProgram, say, webFolder } from "./tools.mjs";

export async function startDevelopment() {
  const port = Number(process.env.PORT ?? 7534);
  const host = process.env.HOST ?? "localhost";
  const relayPort = await findFreePort();
  const watcher = await watchRelay(relayPort);
  const target = `http://127.0.0.1:${relayPort}`;
  const vite = await createServer({
    root: webFolder,
    server: {
      port,
      host,
      strictPort: true,
      proxy: {
        "^/relay$": { target, ws: true },
        "^/healthz$": { target },
        "^/git(?:/|$)": { target },
      },
    },
  });
  await vite.listen().catch((error) => {
    watcher.stop();
    fail(
      /in use/u.test(error.message)
        ? `Port ${port} is in use. Stop what uses it (perhaps another Skein), or choose another port: PORT=${port + 1} npx -y pnpm dev`
        : error.message,
    );
  });
  const { module: greeting } = await runnerImport(join(relayFolder, "src", "greeting.ts"));
  say(
    greeting.greet({ host, port, servesApp: true, isAppBuilt: true, lanAddresses: lanAddresses() }),
  );
  say("It reloads itself when a source changes.");
  stopOnSignals(async () => {
    watcher.stop();
    await vite.close();
  });
}

/** Rebuilds the relay when a source changes, and starts the new one in place of the old. */
async function watchRelay(relayPort) {
  let relay;
  const watcher = await build({
    root: relayFolder,
    configFile: join(relayFolder, "vite.config.ts"),
    logLevel: "warn",
    build: { watch: {} },
  });
  const restart = () => {
    relay = spawn(process.execPath, [relayProgram, "--no-app"], {
      env: { ...process.env, HOST: "127.0.0.1", PORT: String(relayPort) },
      stdio: ["ignore", "ignore", "inherit"],
    });
  };
  await new Promise((resolve) => {
    watcher.on("event", (event) => {
      if (event.code === "END") {
        relay?.kill();
        void waitForEnd(relay).then(restart).then(resolve);
      } else if (event.code === "ERROR") say(`The relay was not rebuilt: ${event.error.message}`);
    });
  });
  return {
    stop: () => {
      relay?.kill();
      void watcher.close();
    },
  };
}

function waitForEnd(child) {
  if (child === undefined || child.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", resolve));
}

function lanAddresses() {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === "IPv4")
    .map(({ address }) => address);
}

function findFreePort() {
  return new Promise((resolve, reject) => {
    const probe = createSocketServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function stopOnSignals(stop) {
  let isStopping = false;
  const onSignal = () => {
    if (isStopping) process.exit(1);
    isStopping = true;
    void stop().then(() => process.exit(0));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
}
