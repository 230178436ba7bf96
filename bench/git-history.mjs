/** Repositories to measure with: a realistic history, the same for the same seed and size. */

import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** A bare repository with one pack of about so many objects. It is made once and kept. */
export function makeRepository(folder, { objects, seed = 7 }) {
  const path = join(folder, `history-${objects}-${seed}.git`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const making = `${path}.${process.pid}`;
  rmSync(making, { recursive: true, force: true });
  git(["init", "-q", "--bare", "-b", "main", making]);
  git(["fast-import", "--quiet"], { cwd: making, input: Buffer.concat(tell(objects, seed)) });
  git(["-c", "repack.writeBitmaps=false", "repack", "-adfq", "--depth=50", "--window=10"], {
    cwd: making,
  });
  renameSync(making, path);
  return path;
}

export function git(args, { cwd, input } = {}) {
  const result = spawnSync("git", ["-c", "pack.threads=1", ...args], {
    cwd,
    input,
    maxBuffer: 2 ** 31 - 1,
  });
  if (result.status !== 0) throw new Error(`git ${args.join(" ")}: ${result.stderr.toString()}`);
  return result.stdout;
}

export function packOf(repository) {
  const folder = join(repository, "objects", "pack");
  const name = readdirSync(folder).find((file) => file.endsWith(".pack"));
  return join(folder, name);
}

/** What fast-import is told: about five objects a commit. */
function tell(objects, seed) {
  const random = openRandom(seed);
  const files = new Map();
  const out = [];
  const commits = Math.max(10, Math.round(objects / 8));
  const folders = Array.from({ length: Math.max(6, Math.round(commits ** 0.5)) }, (_, index) =>
    index % 3 === 0
      ? `src/part${index}`
      : index % 3 === 1
        ? `src/part${index - 1}/inner`
        : `docs/page${index}`,
  );
  for (let index = 0; index < Math.max(20, commits / 12); index++) addFile(files, folders, random);
  for (let commit = 1; commit <= commits; commit++) {
    const at = 1_600_000_000 + commit * 3_000;
    const branch = commit % 11 === 5 ? "side" : "main";
    const message = `${words(random, 4 + random(5))}\n\n${commit % 5 === 0 ? `${words(random, 30)}\n` : ""}`;
    const who = `Author ${random(9)} <author${random(9)}@example.org> ${at} +0${random(10)}00`;
    out.push(
      `commit refs/heads/${branch}\nmark :${commit}\nauthor ${who}\ncommitter ${who}\ndata ${message.length}\n${message}\n`,
    );
    if (commit === 5) out.push("from :4\n");
    if (commit % 11 === 8 && commit > 11) out.push(`merge :${commit - 3}\n`);
    for (const change of commit === 1 ? [...files.keys()] : changed(files, folders, random)) {
      const lines = files.get(change);
      if (lines === undefined) out.push(`D ${change}\n`);
      else {
        const text = `${lines.join("\n")}\n`;
        out.push(`M 100644 inline ${change}\ndata ${text.length}\n${text}\n`);
      }
    }
  }
  out.push(`tag v1\nfrom :${commits}\ntagger A <a@example.org> 1700000000 +0000\ndata 2\nv1\n`);
  return out.map((text) => Buffer.from(text, "latin1"));
}

function addFile(files, folders, random) {
  const name = `${folders[random(folders.length)]}/${word(random)}-${files.size}.${["ts", "md", "css"][random(3)]}`;
  const many = 20 + random(60) * random(5);
  files.set(
    name,
    Array.from(
      { length: many },
      () => `${" ".repeat(2 * random(4))}${words(random, 3 + random(8))}`,
    ),
  );
  return name;
}

function* changed(files, folders, random) {
  const names = [...files.keys()];
  for (let many = random(3); many >= 0; many--) {
    const kind = random(40);
    const name = names[Math.floor(random(names.length) * (random(100) / 100))];
    if (kind === 0) yield addFile(files, folders, random);
    else if (kind === 1 && names.length > 30) {
      files.delete(name);
      yield name;
    } else {
      const lines = files.get(name);
      if (lines === undefined) continue;
      for (let edits = random(4); edits >= 0; edits--)
        lines.splice(random(lines.length), random(2), words(random, 3 + random(8)));
      yield name;
    }
  }
}

function words(random, many) {
  return Array.from({ length: many }, () => word(random)).join(" ");
}

function word(random) {
  const index = Math.floor((random(1_000) * random(1_000)) / 1_000);
  return `${syllables[index % 31]}${syllables[((index * 7) % 37) % 31]}${index % 3 === 0 ? syllables[index % 29] : ""}`;
}

const syllables =
  "ba ce di fo gu ha ki lo mu ne pa qua ri so tu ve wi xo yu za con pre tion ment ing able return const import if value".split(
    " ",
  );

/** Numbers by chance, the same for the same seed (mulberry32). */
function openRandom(seed) {
  let state = seed * 0x9e37_79b9;
  return (below) => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
