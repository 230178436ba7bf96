/** The peer of the sync bench: git itself, with its own daemon on the loopback interface. */

/* oxlint-disable eslint/no-await-in-loop -- a port is tried until it answers. */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";

export interface LoopbackGit {
  /** Milliseconds of one `git clone --bare` of a served repository. */
  readonly clone: (name: string) => number;
  /** Milliseconds from `git commit` in a clone to the served branch having moved, for each of `count` commits. */
  readonly commitAndPush: (name: string, count: number) => ReadonlyArray<number>;
  readonly close: () => Promise<void>;
}

/** Serves every bare repository in `folder`, and takes pushes. */
export async function startLoopbackGit(folder: string): Promise<LoopbackGit> {
  const port = await freePort();
  const daemon = spawn(
    "git",
    [
      "daemon",
      "--reuseaddr",
      "--export-all",
      "--enable=receive-pack",
      "--listen=127.0.0.1",
      `--port=${port}`,
      `--base-path=${folder}`,
      folder,
    ],
    { stdio: "ignore" },
  );
  await listening(port);
  const url = (name: string): string => `git://127.0.0.1:${port}/${name}`;
  const clones = join(folder, "clones");
  mkdirSync(clones);
  return {
    clone: (name) => {
      const target = join(clones, name);
      const millis = timed(() => git("clone", "--quiet", "--bare", url(name), target));
      rmSync(target, { recursive: true });
      return millis;
    },
    commitAndPush: (name, count) => {
      const work = join(clones, `${name}-work`);
      git("clone", "--quiet", url(name), work);
      const millis = Array.from({ length: count }, (_, index) => {
        writeFileSync(join(work, "bench.txt"), `${index}\n`);
        return timed(() => {
          git("-C", work, "add", "bench.txt");
          git("-C", work, ...author, "commit", "--quiet", "--message", `Measure ${index}`);
          git("-C", work, "push", "--quiet", "origin", "HEAD");
        });
      });
      rmSync(work, { recursive: true });
      return millis;
    },
    close: async () => {
      const exited = once(daemon, "exit");
      // `git` starts the daemon proper as a child, and takes it along.
      daemon.kill("SIGTERM");
      await exited;
    },
  };
}

export function git(...args: ReadonlyArray<string>): string {
  return execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
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

/** `git daemon` says nothing when it is ready. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      // Not yet there: asked again until the tries are used up.
      await wait(25);
    } finally {
      socket.destroy();
    }
  }
  throw new Error("git daemon did not start; some systems have it in a package of its own");
}

const author = ["-c", "user.name=Bench", "-c", "user.email=bench@example.org"];
