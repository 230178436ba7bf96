/** The packs of a repository as its storage lists them: those that can be read, and those that are lost. */

/* oxlint-disable eslint/no-await-in-loop -- one pack is opened after the other. */

import type { Files } from "./files.ts";
import { parseIdx, type Idx } from "./idx.ts";
import { indexPack } from "./pack-index.ts";
import { PackRejectedError } from "./pack-rejected.ts";

export interface PackFolder {
  readonly found: ReadonlyArray<{
    readonly name: string;
    readonly idx: Idx;
    readonly bytes: number;
  }>;
  /** Names of packs that were kept and of which nothing can be read. */
  readonly lost: ReadonlyArray<string>;
}

export function packPath(name: string, extension: "pack" | "idx"): string {
  return `${packFolder}/pack-${name}.${extension}`;
}

export async function readPackFolder(files: Files): Promise<PackFolder> {
  const found: Array<PackFolder["found"][number]> = [];
  const lost: string[] = [];
  // A pack without its index was never acknowledged: both are written at once, or the index after it.
  for (const file of await files.list(packFolder)) {
    const name = idxName.exec(file)?.[1];
    if (name === undefined) continue;
    const idx = await readIdx(files, name);
    const bytes = await files.size(packPath(name, "pack"));
    if (idx !== undefined && bytes !== undefined) found.push({ name, idx, bytes });
    else lost.push(name);
  }
  return { found, lost };
}

/** The index as it is kept or, if it is damaged, made anew. `undefined`: the pack is damaged as well. */
async function readIdx(files: Files, name: string): Promise<Idx | undefined> {
  const kept = await files.read(packPath(name, "idx"));
  const idx = kept && parseIdx(kept);
  if (idx !== undefined) return idx;
  const pack = await files.read(packPath(name, "pack"));
  if (pack === undefined) return undefined;
  try {
    const again = await indexPack({
      pack,
      // What is kept holds all of its bases.
      resolveBase: async () => undefined,
      breathe: async () => {},
      signal: neverStopped,
    });
    return parseIdx((await again.whole()).idx);
  } catch (error) {
    if (error instanceof PackRejectedError) return undefined;
    throw error;
  }
}

const neverStopped = { aborted: false, throwIfAborted: () => {} };
export const packFolder = "objects/pack";
export const packName = /^pack-([0-9a-f]{40})\.pack$/u;
const idxName = /^pack-([0-9a-f]{40})\.idx$/u;
