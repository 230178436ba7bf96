/** Repositories to measure with: a history as projects have it, the same for the same seed and size. */

import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openChance } from "../generated-history.ts";

type Random = (below: number) => number;
type Files = Map<string, Text>;

interface Text {
  readonly lines: string[];
  readonly isBinary: boolean;
}

/** What changes when the histories do: a folder of an older kind is not taken for a new one. */
const kind = 3;

/** A bare repository with one pack of about so many objects. It is made once and kept. */
export function makeRepository(folder: string, objects: number, seed = 7): string {
  const path = join(folder, `history-${kind}-${objects}-${seed}.git`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const making = `${path}.making`;
  rmSync(making, { recursive: true, force: true });
  git(["init", "-q", "--bare", "-b", "main", making]);
  git(["fast-import", "--quiet"], {
    cwd: making,
    input: Buffer.from(tell(objects, seed).join(""), "latin1"),
  });
  repack(making);
  renameSync(making, path);
  return path;
}

/** The repository in a bundle, as one pack; before it, what it was when it had a quarter and half of its commits. */
export function cloneBundle(folder: string, bundle: string): ReadonlyArray<string> {
  const path = join(folder, "bundle.git");
  rmSync(path, { recursive: true, force: true });
  git(["clone", "-q", "--mirror", bundle, path]);
  repack(path);
  const commits = git(["rev-list", "--date-order", "--reverse", "HEAD"], { cwd: path });
  const oids = commits.toString().trim().split("\n");
  const earlier = [4, 2].flatMap((part) => {
    const tip = oids[Math.floor(oids.length / part) - 1];
    return tip === undefined ? [] : [cloneAt(join(folder, `bundle-${part}.git`), path, tip)];
  });
  return [...new Set(earlier), path];
}

/** All that one commit reaches, as one pack. */
function cloneAt(path: string, from: string, tip: string): string {
  rmSync(path, { recursive: true, force: true });
  git(["init", "-q", "--bare", "-b", "main", path]);
  git(["-C", from, "config", "uploadpack.allowAnySHA1InWant", "true"]);
  git(["fetch", "-q", from, `${tip}:refs/heads/main`], { cwd: path });
  repack(path);
  return path;
}

function repack(path: string): void {
  const options = ["-c", "repack.writeBitmaps=false"];
  git([...options, "repack", "-adfq", "--depth=50", "--window=10"], { cwd: path });
}

export function git(
  args: ReadonlyArray<string>,
  { cwd, input }: { readonly cwd?: string; readonly input?: string | Uint8Array } = {},
): Buffer {
  const result = spawnSync("git", ["-c", "pack.threads=1", ...args], {
    maxBuffer: 2 ** 31 - 1,
    ...(cwd !== undefined && { cwd }),
    ...(input !== undefined && { input }),
  });
  if (result.status !== 0) throw new Error(`git ${args.join(" ")}: ${result.stderr.toString()}`);
  return result.stdout;
}

export function packOf(repository: string): string {
  const folder = join(repository, "objects", "pack");
  const name = readdirSync(folder).find((file) => file.endsWith(".pack"));
  if (name === undefined) throw new Error(`${repository} has no pack`);
  return join(folder, name);
}

/** What fast-import is told: many authors, a side branch that is merged again and again, tags, files that come, grow, move and go. */
function tell(objects: number, seed: number): ReadonlyArray<string> {
  const chance = openChance(seed);
  const random: Random = (below) => Math.floor(chance() * below);
  const commits = Math.max(10, Math.round(objects / objectsPerCommit));
  const authors = Array.from({ length: 8 + Math.round(commits ** 0.5) }, () => name(random));
  const folders = foldersFor(commits, random);
  const files: Files = new Map();
  for (let file = Math.max(20, commits / 12); file > 0; file--) addFile(files, folders, random);
  const out: string[] = [];
  for (let commit = 1; commit <= commits; commit++) {
    out.push(...headOf(commit, authors, random));
    const changed = commit === 1 ? [...files.keys()] : change(files, folders, random);
    for (const path of new Set(changed)) out.push(fileAt(files, path));
    if (commit % tagEvery === 0 || commit === commits) out.push(tagAt(commit));
  }
  return out;
}

function headOf(commit: number, authors: ReadonlyArray<string>, random: Random): string[] {
  const at = 1_500_000_000 + commit * 3_000 + random(1_500);
  const body = commit % 5 === 0 ? `\n${words(random, 30)}\n` : "";
  const message = `${words(random, 4 + random(5))}\n${body}`;
  const zone = `+0${random(10)}00`;
  // A few write most of it.
  const who = authors[Math.floor(random(authors.length) * (random(100) / 100))] ?? "A";
  const address = `${who.replace(" ", ".").toLowerCase()}@example.org`;
  const isSide = commit % 11 === 5;
  return [
    `commit refs/heads/${isSide ? "side" : "main"}\nmark :${commit}\n`,
    `author ${who} <${address}> ${at} ${zone}\ncommitter ${who} <${address}> ${at} ${zone}\n`,
    `data ${message.length}\n${message}\n`,
    ...(commit === 5 ? ["from :4\n"] : []),
    ...(commit % 11 === 8 && commit > 11 ? [`merge :${commit - 3}\n`] : []),
  ];
}

function tagAt(commit: number): string {
  const text = `Release ${commit}\n`;
  return (
    `tag v${commit}\nfrom :${commit}\ntagger Releaser <release@example.org> ${1_500_000_000 + commit * 3_000} +0000\n` +
    `data ${text.length}\n${text}\n`
  );
}

function foldersFor(commits: number, random: Random): ReadonlyArray<string> {
  const folders = ["", "docs", "test"];
  for (let many = Math.round(commits ** 0.5); many > 0; many--) {
    const above = folders[random(folders.length)] ?? "";
    if (above.split("/").length < 5) folders.push(`${above}${above && "/"}${word(random)}`);
  }
  return folders;
}

function fileAt(files: Files, path: string): string {
  const file = files.get(path);
  if (file === undefined) return `D ${path}\n`;
  const text = file.lines.join("\n");
  return `M 100644 inline ${path}\ndata ${text.length}\n${text}\n`;
}

/** Most files are short and some are long; one in forty is a picture. */
function addFile(files: Files, folders: ReadonlyArray<string>, random: Random): string {
  const isBinary = random(40) === 0;
  const ending = isBinary ? "png" : (["ts", "md", "css", "json"][random(4)] ?? "ts");
  const path = [folders[random(folders.length)], `${word(random)}-${files.size}.${ending}`]
    .filter((part) => part !== "")
    .join("/");
  const many = 10 + random(60) + (random(8) === 0 ? random(600) : 0);
  const lines = isBinary ? [noise(random)] : Array.from({ length: many }, () => line(random));
  files.set(path, { lines, isBinary });
  return path;
}

/** The paths that one commit touches. */
function change(files: Files, folders: ReadonlyArray<string>, random: Random): string[] {
  const names = [...files.keys()];
  const touched: string[] = [];
  for (let many = random(3); many >= 0; many--) {
    const path = names[Math.floor(random(names.length) * (random(100) / 100))] ?? "";
    const what = random(60);
    if (what < 3) touched.push(addFile(files, folders, random));
    else if (what === 3 && names.length > 30) touched.push(...remove(files, path));
    else if (what === 4) touched.push(...move(files, path, folders[random(folders.length)] ?? ""));
    else touched.push(...edit(files, path, random));
  }
  return touched;
}

function remove(files: Files, path: string): ReadonlyArray<string> {
  return files.delete(path) ? [path] : [];
}

function move(files: Files, path: string, folder: string): ReadonlyArray<string> {
  const file = files.get(path);
  const to = `${folder}${folder && "/"}moved-${path.split("/").at(-1)}`;
  if (file === undefined || files.has(to) || to.length > 200) return [];
  files.delete(path);
  files.set(to, file);
  return [path, to];
}

/** A few places of a text; more lines come than go. */
function edit(files: Files, path: string, random: Random): ReadonlyArray<string> {
  const file = files.get(path);
  if (file === undefined) return [];
  if (file.isBinary) file.lines[0] = noise(random);
  else
    for (let places = random(4); places >= 0; places--) {
      const fresh = Array.from({ length: random(4) }, () => line(random));
      file.lines.splice(random(file.lines.length), random(3), ...fresh);
    }
  return [path];
}

function line(random: Random): string {
  const kind = random(6);
  if (kind === 0) return "";
  const indent = " ".repeat(2 * random(4));
  if (kind === 1)
    return `${indent}const ${word(random)} = ${random(10_000)}; // ${words(random, 3)}`;
  return `${indent}${words(random, 3 + random(8))}`;
}

function noise(random: Random): string {
  return Array.from({ length: 500 + random(4_000) }, () => String.fromCharCode(random(256))).join(
    "",
  );
}

function name(random: Random): string {
  const part = (): string => {
    const text = word(random);
    return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  };
  return `${part()} ${part()}`;
}

function words(random: Random, many: number): string {
  return Array.from({ length: many }, () => word(random)).join(" ");
}

/** Few words are used often, and many seldom. */
function word(random: Random): string {
  const index = Math.floor((random(4_000) * random(4_000)) / 4_000);
  const at = (place: number): string => syllables[place % syllables.length] ?? "";
  return `${at(index)}${at(index * 7 + (index >> 5))}${index % 3 === 0 ? at(index >> 3) : ""}`;
}

const syllables =
  "ba ce di fo gu ha ki lo mu ne pa qua ri so tu ve wi xo yu za con pre tion ment ing able return const import if value".split(
    " ",
  );

/** Measured: what a commit adds on average. */
const objectsPerCommit = 9;
const tagEvery = 150;
