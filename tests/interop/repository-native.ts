/** The real git beside ours: repositories on disk that both can read, and what git says about them. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Bytes } from "@skein/protocol/bytes";

export interface NativeGit extends Disposable {
  readonly folder: string;
  /** What git prints, without the newline at its end. Throws where git fails. */
  readonly run: (args: ReadonlyArray<string>, input?: string | Uint8Array) => string;
  readonly bytes: (args: ReadonlyArray<string>) => Bytes;
  /** For what may fail: git's answer and its status. */
  readonly try: (args: ReadonlyArray<string>) => { readonly status: number; readonly out: string };
}

/** An empty folder that git runs in, and that is gone at the end. */
export function openNativeGit(): NativeGit {
  const folder = mkdtempSync(join(tmpdir(), "skein-git-"));
  const options = { cwd: folder, env, maxBuffer: 2 ** 30 };
  return {
    folder,
    run: (args, input) =>
      execFileSync("git", args, { ...options, input, stdio: ["pipe", "pipe", "pipe"] })
        .toString()
        .replace(/\n$/u, ""),
    bytes: (args) => new Uint8Array(execFileSync("git", args, options)),
    try: (args) => {
      const { status, stdout } = spawnSync("git", args, options);
      return { status: status ?? -1, out: stdout.toString() };
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Lays the files of a repository of ours on disk, where git takes them for a bare repository. */
export function layOnDisk(contents: ReadonlyMap<string, Uint8Array>, folder: string): void {
  for (const empty of ["objects", "refs"]) mkdirSync(join(folder, empty), { recursive: true });
  for (const [path, bytes] of contents) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}

/** No configuration but git's own: not the machine's, not the person's. */
const env = {
  PATH: process.env["PATH"],
  HOME: "/nowhere",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Alice",
  GIT_AUTHOR_EMAIL: "alice@example.org",
  GIT_AUTHOR_DATE: "1700000000 +0200",
  GIT_COMMITTER_NAME: "Alice",
  GIT_COMMITTER_EMAIL: "alice@example.org",
  GIT_COMMITTER_DATE: "1700000000 +0200",
};
