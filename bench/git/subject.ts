/** One repository to measure with: what places are told of it, and what native git takes for the same work. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { openChance } from "../generated-history.ts";
import { git, packOf } from "./history.ts";
import type { Given } from "./job.ts";

export interface Subject {
  readonly path: string;
  readonly key: string;
  readonly sizes: { readonly objects: number; readonly commits: number; readonly bytes: number };
  /** `home` is where the place finds the repository's files. */
  readonly givenAt: (home: string) => Given;
  /** Milliseconds on a processor. */
  readonly nativeMillis: (asked: Native) => number;
  /** Bytes that native git writes. */
  readonly nativeBytes: (asked: Native) => number;
}

export interface Native {
  readonly command: string;
  readonly args: ReadonlyArray<string>;
  readonly input?: string | Uint8Array;
  /** In an empty repository of its own. */
  readonly fresh?: boolean;
}

export function openSubject(path: string): Subject {
  const text = (...args: string[]): string => git(args, { cwd: path }).toString().trim();
  const pack = packOf(path);
  const head = text("rev-parse", "HEAD");
  const allOids = text("rev-list", "--objects", "--no-object-names", "--all").split("\n");
  const chance = openChance(12_345);
  const commits = Number(text("rev-list", "--count", "--all"));
  const back = (count: number): string =>
    text(
      "rev-parse",
      `${head}~${Math.min(count, Number(text("rev-list", "--count", "--first-parent", head)) - 1)}`,
    );
  const key = `${allOids.length}`;
  return {
    path,
    key,
    sizes: { objects: allOids.length, commits, bytes: statSync(pack).size },
    givenAt: (home) => ({
      key,
      home,
      pack: relative(path, pack),
      idx: relative(path, pack).replace(/\.pack$/u, ".idx"),
      tips: [...new Set(text("for-each-ref", "--format=%(objectname)").split("\n"))],
      head,
      hundredBack: back(100),
      oneBack: back(1),
      allOids,
      someOids: Array.from(
        { length: 1_000 },
        () => allOids[Math.floor(chance() * allOids.length)] ?? head,
      ),
    }),
    nativeMillis: (asked) => nativeCpu(path, asked),
    nativeBytes: ({ command, args, input }) =>
      git([command, ...args], { cwd: path, ...(input !== undefined && { input }) }).length,
  };
}

/** User and system time of git and of what it starts, as the shell counts it. Short ones are run several times. */
function nativeCpu(path: string, { command, args, input, fresh = false }: Native): number {
  const first = nativeOnce(path, { command, args, fresh, ...(input !== undefined && { input }) });
  if (first > 50) return first;
  const again = Array.from({ length: 4 }, () =>
    nativeOnce(path, { command, args, fresh, ...(input !== undefined && { input }) }),
  );
  return [first, ...again].reduce((sum, millis) => sum + millis, 0) / (again.length + 1);
}

function nativeOnce(path: string, { command, args, input, fresh = false }: Native): number {
  const cwd = fresh ? mkdtempSync(join(tmpdir(), "skein-bench-")) : path;
  if (fresh) git(["init", "-q", "--bare", cwd]);
  const quoted = ["git", "-c", "pack.threads=1", command, ...args]
    .map((word) => `'${word}'`)
    .join(" ");
  const script = `TIMEFORMAT='%3U %3S'; time ${quoted} >/dev/null`;
  const timed = spawnSync("bash", ["-c", script], {
    cwd,
    maxBuffer: 2 ** 30,
    ...(input !== undefined && { input }),
  });
  if (timed.status !== 0) throw new Error(`git ${command}: ${timed.stderr.toString()}`);
  if (fresh) rmSync(cwd, { recursive: true });
  const [user = 0, system = 0] = (timed.stderr.toString().trim().split("\n").at(-1) ?? "")
    .split(" ")
    .map(Number);
  return (user + system) * 1_000;
}

export function readPack(path: string): Uint8Array {
  return readFileSync(packOf(path));
}
