/** A history that is the same at every run: text files that many commits change a little, as in a real project. */

import { execFileSync } from "node:child_process";
import { git } from "./loopback-git.ts";

/** Makes a bare repository at `path`. */
export function generateHistory(
  path: string,
  { files, commits }: { readonly files: number; readonly commits: number },
): void {
  git("init", "--quiet", "--bare", "--initial-branch=main", path);
  const chance = openChance(1);
  const texts = Array.from({ length: files }, () => lines(chance, 200));
  const parts: string[] = [];
  for (let commit = 0; commit < commits; commit++) {
    const at = 1_700_000_000 + commit * 600;
    const message = `Change ${commit}`;
    parts.push(
      "commit refs/heads/main\n",
      `committer Bench <bench@example.org> ${at} +0000\n`,
      `data ${message.length}\n${message}\n`,
    );
    // The first commit brings every file; each later one changes a few.
    const changed =
      commit === 0
        ? texts.keys()
        : Array.from({ length: 3 }, () => Math.floor(chance() * files)).values();
    for (const file of changed) {
      const text = texts[file] ?? [];
      text.splice(Math.floor(chance() * text.length), 2, ...lines(chance, 4));
      const body = text.join("\n");
      parts.push(
        `M 100644 inline src/part-${file % 12}/file-${file}.txt\ndata ${body.length}\n${body}\n`,
      );
    }
  }
  execFileSync("git", ["-C", path, "fast-import", "--quiet"], {
    input: parts.join(""),
    stdio: ["pipe", "ignore", "inherit"],
    maxBuffer: 1 << 30,
  });
  git("-C", path, "repack", "-adfq");
}

function lines(chance: () => number, count: number): string[] {
  return Array.from({ length: count }, () =>
    Array.from({ length: 8 }, () => Math.floor(chance() * 2 ** 20).toString(36)).join(" "),
  );
}

/** Mulberry32: from 0 to 1, the same for the same seed. */
export function openChance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
