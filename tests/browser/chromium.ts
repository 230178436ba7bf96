/** Real Chromium, as Debian or the person installed it: never downloaded, no flags that help WebRTC. */

import { existsSync } from "node:fs";
import { chromium, type Browser, type BrowserContext } from "playwright-core";

export const executablePath =
  process.env["CHROMIUM"] ??
  ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
    existsSync(path),
  ) ??
  "/usr/bin/chromium";

/** Nothing that reaches out to the browser maker's hosts; no sandbox, because tests run as root in containers. */
export const quietArgs: ReadonlyArray<string> = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch({
  args = [],
}: { readonly args?: ReadonlyArray<string> } = {}): Promise<Browser> {
  return chromium.launch({ executablePath, args: [...quietArgs, ...args] });
}

/** One browser profile on disk: it outlives the browser. */
export function launchProfile(
  folder: string,
  {
    args = [],
    program = executablePath,
  }: { readonly args?: ReadonlyArray<string>; readonly program?: string } = {},
): Promise<BrowserContext> {
  return chromium.launchPersistentContext(folder, {
    executablePath: program,
    args: [...quietArgs, ...args],
    viewport: { width: 1280, height: 900 },
  });
}
