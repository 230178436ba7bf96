/** One repository to measure with, and how CPU time is taken: ours, and that of native git. */

/* oxlint-disable eslint/no-await-in-loop -- what is measured runs alone. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { git, packOf } from "./git-history.mjs";

export const signal = new AbortController().signal;

/** One repository, and how to measure with it. */
export function openSubject(path, { engine, isomorphic, rounds }) {
  const pack = readFileSync(packOf(path));
  const text = (...args) => git(args, { cwd: path }).toString().trim();
  const oid = (revision) => text("rev-parse", revision);
  const tips = [...new Set(text("for-each-ref", "--format=%(objectname)").split("\n"))];
  const objects = Number(/in-pack: (\d+)/u.exec(text("count-objects", "-v"))[1]);
  let stored;
  const full = async () => {
    if (stored === undefined) {
      const contents = new Map();
      const store = await engine.openObjectStore(engine.openMemoryFiles(contents));
      await store.storePack({ bytes: new Uint8Array(pack), tips, signal });
      stored = { store: contents, tips };
    }
    return stored;
  };
  return {
    path,
    pack,
    tips,
    objects,
    oid,
    engine,
    isomorphic,
    full,
    title: `${objects} objects, ${(pack.length / 2 ** 20).toFixed(1)} MiB`,
    reopen: (contents) => engine.openObjectStore(engine.openMemoryFiles(contents)),
    native: (command, args, options) => nativeCpu(path, { command, args, rounds, ...options }),
    cpu: (work, times = rounds) => ownCpu(work, times),
    someOids: (many) => {
      const all = text("rev-list", "--objects", "--no-object-names", "--all").split("\n");
      let state = 12_345;
      return Array.from({ length: many }, () => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
        return all[state % all.length];
      });
    },
    row: (name, measured) => rowOf(name, measured, { objects, packBytes: pack.length }),
  };
}

/** The best of some rounds, in milliseconds, of all threads of this process. */
async function ownCpu(work, rounds) {
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1_000);
  }
  return best;
}

function nativeCpu(path, { command, args, rounds, input, fresh = false }) {
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    const cwd = fresh ? mkdtempSync(join(tmpdir(), "skein-bench-")) : path;
    if (fresh) git(["init", "-q", "--bare", cwd]);
    const quoted = ["git", "-c", "pack.threads=1", command, ...args]
      .map((word) => `'${word}'`)
      .join(" ");
    const timed = spawnSync("bash", ["-c", `TIMEFORMAT='%U %S'; time ${quoted} >/dev/null`], {
      cwd,
      input,
      maxBuffer: 2 ** 30,
    });
    const [user, system] = timed.stderr.toString().trim().split("\n").at(-1).split(" ").map(Number);
    best = Math.min(best, (user + system) * 1_000);
    if (fresh) rmSync(cwd, { recursive: true });
  }
  return best;
}

function rowOf(name, { ours, peer, against, goal, better = "less" }, sizes) {
  const ratio = better === "less" ? ours / peer : peer / ours;
  const met = better === "less" ? ratio <= goal : ratio >= goal;
  return { name, ours, peer, against, unit: "CPU ms", ratio, goal, better, met, sizes };
}
