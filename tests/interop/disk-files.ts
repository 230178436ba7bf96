/** Files in a folder on disk, so that what is kept takes no memory. Not for what has to outlive a crash. */

import { mkdirSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Files } from "@skein/git/files";

export function openDiskFiles(folder: string): Files {
  const orNothing = async <Found>(found: Promise<Found>): Promise<Found | undefined> => {
    try {
      return await found;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  };
  mkdirSync(folder, { recursive: true });
  return {
    read: async (path) => {
      const bytes = await orNothing(readFile(join(folder, path)));
      return bytes && new Uint8Array(bytes);
    },
    readRange: async (path, start, end) => {
      const file = await orNothing(open(join(folder, path)));
      if (file === undefined) return undefined;
      const bytes = new Uint8Array(end - start);
      const { bytesRead } = await file.read(bytes, 0, end - start, start);
      await file.close();
      return bytes.subarray(0, bytesRead);
    },
    size: async (path) => (await orNothing(stat(join(folder, path))))?.size,
    list: async (path) => {
      const found = (await orNothing(readdir(join(folder, path), { withFileTypes: true }))) ?? [];
      return found
        .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
        .toSorted((a, b) => (a < b ? -1 : 1));
    },
    commit: async (batch) => {
      for (const path of batch.delete) await rm(join(folder, path), { force: true });
      for (const [path, bytes] of batch.put) {
        const target = join(folder, path);
        await mkdir(dirname(target), { recursive: true });
        await writeFile(`${target}.new`, bytes);
        await rename(`${target}.new`, target);
      }
    },
    close: async () => {},
  };
}
