/** Writes each package's `exports`: one door for every module that another part imports, and no other. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const root = join(import.meta.dirname, "..");
const isCheck = process.argv.includes("--check");
const sources = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root })
  .toString()
  .split("\n")
  .filter((path) => /\.(?:ts|tsx|mjs)$/u.test(path) && existsSync(join(root, path)));

const doors = new Map();
for (const path of sources) {
  const home = /^(?:packages|apps)\/([^/]+)\//u.exec(path)?.[1];
  const text = readFileSync(join(root, path), "utf8");
  for (const [, part, door] of text.matchAll(/["']@skein\/([a-z]+)\/([a-z0-9/-]+)["']/gu))
    if (part !== home) doors.set(part, (doors.get(part) ?? new Set()).add(door));
}

let wrong = 0;
for (const [part, named] of doors) {
  const folder = existsSync(join(root, "packages", part)) ? `packages/${part}` : `apps/${part}`;
  const path = join(root, folder, "package.json");
  const before = readFileSync(path, "utf8");
  const manifest = JSON.parse(before);
  const isPublished = manifest.files !== undefined;
  const published = isPublished ? { "./protocol/*": emitted("protocol/*") } : {};
  manifest.exports = Object.fromEntries([
    ...[...named]
      .toSorted((a, b) => (a < b ? -1 : 1))
      .map((door) => [`./${door}`, isPublished ? eitherWay(door) : `./src/${door}.ts`]),
    ...Object.entries(published),
  ]);
  const after = `${JSON.stringify(manifest, undefined, 2)}\n`;
  if (after === before) continue;
  wrong++;
  if (!isCheck) writeFileSync(path, after);
  process.stdout.write(
    `${folder}: its doors ${isCheck ? "are not what others import; run node scripts/doors.mjs" : "are written"}\n`,
  );
}
/**
 * Here its sources, for whoever asks by this condition; elsewhere what was built from them. Types fall back to the sources
 * where nothing was built yet: some tools that look for types know no conditions.
 */
function eitherWay(door) {
  const source = `./src/${door}.ts`;
  const { types, ...built } = emitted(door);
  return { "skein-source": source, types: [types, source], ...built };
}

function emitted(door) {
  return { types: `./lib/${door}.d.ts`, default: `./lib/${door}.js` };
}

process.exitCode = isCheck && wrong > 0 ? 1 : 0;
