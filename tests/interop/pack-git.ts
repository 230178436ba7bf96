/** Real git, for tests that compare with it: repositories made on the spot and what git says of packs. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseObjectId, type ObjectId } from "@skein/protocol/ids";

export interface GitFolder {
  readonly path: string;
  readonly run: (args: ReadonlyArray<string>, input?: string | Uint8Array) => Buffer;
  readonly text: (...args: ReadonlyArray<string>) => string;
  readonly oid: (revision: string) => ObjectId;
  readonly [Symbol.dispose]: () => void;
}

/** An empty bare repository in a folder that goes when it is let go. */
export function makeGit(): GitFolder {
  const path = mkdtempSync(join(tmpdir(), "skein-git-"));
  const run: GitFolder["run"] = (args, input) => {
    const result = spawnSync("git", args, {
      cwd: path,
      maxBuffer: 2 ** 30,
      env: plainEnvironment,
      ...(input === undefined ? {} : { input }),
    });
    if (result.status !== 0)
      throw new Error(`git ${args.join(" ")}: ${result.status} ${result.stderr.toString()}`);
    return result.stdout;
  };
  run(["init", "-q", "--bare", "-b", "main", "."]);
  const text: GitFolder["text"] = (...args) => run(args).toString().trim();
  return {
    path,
    run,
    text,
    oid: (revision) => {
      const oid = parseObjectId(text("rev-parse", revision));
      if (oid === undefined) throw new Error(`${revision} names no object`);
      return oid;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A history with deltas, a merge, tags, moves, odd modes, a symlink and a submodule. The same for the same arguments. */
export function makeHistory(commits: number, files = 12): GitFolder {
  const git = makeGit();
  const parts: string[] = [];
  const blob = (path: string, mode: string, text: string): string =>
    `M ${mode} inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`;
  const lines = (file: number, commit: number): string =>
    Array.from(
      { length: 60 },
      (_, line) =>
        `line ${line} of ${file}${line === commit % 60 ? ` changed in ${commit}` : ""}\n`,
    ).join("");
  for (let commit = 0; commit < commits; commit++) {
    const message = `Change ${commit} — für alle\n`;
    const at = 1_700_000_000 + commit * 60;
    parts.push(
      `commit refs/heads/${commit % 7 === 3 ? "side" : "main"}\nmark :${commit + 1}\n` +
        `author Alice <alice@example.org> ${at} +0130\ncommitter Bob <bob@example.org> ${at} -0800\n` +
        `data ${Buffer.byteLength(message)}\n${message}\n`,
    );
    if (commit % 7 === 3 && commit < 7) parts.push(`from :${commit}\n`);
    if (commit % 7 === 6) parts.push(`merge :${commit - 2}\n`);
    if (commit === 0) {
      parts.push(
        blob("link", "120000", "docs/read me.txt"),
        blob("run.sh", "100755", "#!/bin/sh\n"),
      );
      parts.push("M 160000 0123456789012345678901234567890123456789 module\n");
      for (let file = 0; file < files; file++)
        parts.push(blob(`docs/part-${file % 5}/file ${file}.txt`, "100644", lines(file, -1)));
    }
    const file = (commit * 5) % files;
    parts.push(blob(`docs/part-${file % 5}/file ${file}.txt`, "100644", lines(file, commit)));
    if (commit % 9 === 8) parts.push(blob(`moved/${commit}.txt`, "100644", lines(file, commit)));
  }
  parts.push("tag v1\nfrom :1\ntagger Carol <carol@example.org> 1700000000 +0000\ndata 3\nv1\n\n");
  git.run(["fast-import", "--quiet"], parts.join(""));
  git.run(["repack", "-adfq", "--depth=50", "--window=20"]);
  return git;
}

/** The repository's one pack and its index. */
export function readPack(git: GitFolder): { readonly pack: Uint8Array; readonly idx: Uint8Array } {
  const folder = join(git.path, "objects/pack");
  const name = readdirSync(folder).find((file) => file.endsWith(".pack"));
  if (name === undefined) throw new Error("there is a pack");
  return {
    pack: new Uint8Array(readFileSync(join(folder, name))),
    idx: new Uint8Array(readFileSync(join(folder, name.replace(".pack", ".idx")))),
  };
}

/** Objects as git gives them out. */
export function readObjects(
  git: GitFolder,
  oids: ReadonlyArray<ObjectId>,
): ReadonlyMap<ObjectId, { readonly type: string; readonly bytes: Buffer }> {
  const out = git.run(["cat-file", "--batch"], `${oids.join("\n")}\n`);
  const objects = new Map<ObjectId, { readonly type: string; readonly bytes: Buffer }>();
  let offset = 0;
  for (const oid of oids) {
    const start = out.indexOf(0x0a, offset) + 1;
    const [, type = "", size] = out
      .subarray(offset, start - 1)
      .toString()
      .split(" ");
    objects.set(oid, { type, bytes: out.subarray(start, start + Number(size)) });
    offset = start + Number(size) + 1;
  }
  return objects;
}

/** What `git index-pack --strict` says of a pack in an empty repository: its index, or why not. */
export function indexByGit(
  git: GitFolder,
  pack: Uint8Array,
  options: ReadonlyArray<string> = ["--strict"],
): { readonly idx: Uint8Array | undefined; readonly why: string } {
  const path = join(git.path, "given.pack");
  const idx = join(git.path, "given.idx");
  rmSync(idx, { force: true });
  rmSync(path, { force: true });
  writeFileSync(path, pack);
  const result = spawnSync("git", ["index-pack", ...options, "-o", idx, path], {
    cwd: git.path,
    env: plainEnvironment,
    timeout: 20_000,
  });
  const why = result.stderr.toString();
  return { idx: result.status === 0 ? new Uint8Array(readFileSync(idx)) : undefined, why };
}

/** The bytes with their SHA-1 behind them, as a pack ends. */
export function sealPack(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, createHash("sha1").update(bytes).digest()]);
}

const plainEnvironment = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "pack.threads",
  GIT_CONFIG_VALUE_0: "1",
  LC_ALL: "C",
};
