/** Programs of the system that some tests need: where they are, and a plain word where they are not. */

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { once } from "node:events";
import { connect, createServer } from "node:net";

/** The path of a program, or `undefined` where it is not installed. `.ci/run` installs them on Debian. */
export function installed(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
}

export async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A program that runs until it is let go of. */
export interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Everything it has said. */
  readonly said: () => string;
}

/** Starts a program and waits until its port answers. */
export async function start(
  program: string,
  args: ReadonlyArray<string>,
  port: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const env = { ...process.env, ...environment };
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (piece: Buffer) => (said += piece.toString()));
  const running: Running = {
    child,
    said: () => said,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      // Frozen or not. Some have children of their own, which they end when they are asked to.
      child.kill("SIGCONT");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 2_000);
      await ended;
      clearTimeout(timer);
    },
  };
  for (let tries = 0; tries < 200 && child.exitCode === null; tries++)
    if (await answers(port)) return running;
    else await new Promise((resolve) => setTimeout(resolve, 25));
  await running[Symbol.asyncDispose]();
  throw new Error(`${program} does not listen at ${port}: ${said}`);
}

async function answers(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
