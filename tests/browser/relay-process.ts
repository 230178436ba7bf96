/** A real relay, as a process of its own, that serves the built app. It can be killed and started again on the same port. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../apps/relay/dist/relay.mjs", import.meta.url));

export interface RelayProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: () => number;
  /** Everything it has printed. */
  readonly said: () => string;
  /** As when the machine loses power. */
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
}

export async function startRelayProcess({
  args = [],
  node = [],
}: {
  /** Settings of the relay. */
  readonly args?: ReadonlyArray<string>;
  /** And of the Node.js that runs it. */
  readonly node?: ReadonlyArray<string>;
} = {}): Promise<RelayProcess> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  let said = "";

  const start = async (): Promise<void> => {
    child = spawn(process.execPath, [...node, program, "--port", String(port), ...args], {
      env: {},
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr?.on("data", (text: Buffer) => (said += text.toString()));
    const exited = once(child, "exit");
    const ready = new Promise<void>((resolve) => {
      child?.stdout?.on("data", (text: Buffer) => {
        said += text.toString();
        if (text.includes(String(port))) resolve();
      });
    });
    await Promise.race([
      ready,
      exited.then(([code]) => {
        throw new Error(`the relay ended with ${code}: ${said}`);
      }),
    ]);
  };

  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };

  await start();
  return {
    url: `http://localhost:${port}`,
    pid: () => child?.pid ?? 0,
    said: () => said,
    kill,
    start,
    [Symbol.asyncDispose]: kill,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}
