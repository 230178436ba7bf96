/** A Chromium that can be killed like a machine that loses power: the browser and all its processes, at once and unasked. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chromium, type BrowserContext } from "playwright-core";
import { executablePath, quietArgs } from "./chromium.ts";

export interface KillableChromium {
  readonly context: BrowserContext;
  /** Resolves when no process of it is left. */
  readonly kill: () => Promise<void>;
}

/** Starts a browser of its own on a profile, as the leader of a process group. */
export async function startKillableChromium(profile: string): Promise<KillableChromium> {
  const child = spawn(
    executablePath,
    [
      ...quietArgs,
      "--headless=new",
      "--remote-debugging-port=0",
      "--password-store=basic",
      "--disable-crash-reporter",
      "--window-size=1280,900",
      `--user-data-dir=${profile}`,
      "about:blank",
    ],
    { detached: true, stdio: ["ignore", "ignore", "pipe"] },
  );
  const exited = once(child, "exit");
  const group = child.pid;
  if (group === undefined) throw new Error(`${executablePath} did not start`);

  const kill = async (): Promise<void> => {
    if (isAlive(group)) process.kill(-group, "SIGKILL");
    await exited;
    while (isAlive(group)) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  try {
    const address = await Promise.race([
      debuggingAddress(child.stderr),
      exited.then(() => {
        throw new Error("Chromium ended before it could be driven");
      }),
    ]);
    const browser = await chromium.connectOverCDP(address);
    const [context] = browser.contexts();
    if (context === undefined) throw new Error("Chromium has no profile open");
    return { context, kill };
  } catch (error) {
    await kill();
    throw error;
  }
}

/** Chromium says where it listens on its error stream, which is read on so that it never blocks. */
function debuggingAddress(stderr: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    stderr.on("data", (part: Buffer) => {
      text = (text + part.toString()).slice(-4_096);
      const address = /DevTools listening on (ws:\S+)/u.exec(text)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
}

/** Whether any process of the group is left. */
function isAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    // No such group.
    return false;
  }
}
