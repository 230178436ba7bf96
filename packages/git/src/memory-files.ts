/** Files in memory: deterministic, for tests and for what need not last. */

import type { Bytes } from "@skein/protocol/bytes";
import type { Files } from "./files.ts";

/** Opens files that are kept in `contents`; two openings of the same map see the same files. */
export function openMemoryFiles(contents: Map<string, Bytes> = new Map()): Files {
  return {
    read: async (path) => contents.get(path)?.slice(),
    readRange: async (path, start, end) => contents.get(path)?.slice(start, end),
    size: async (path) => contents.get(path)?.length,
    list: async (folder) => namesInside(folder, contents.keys()),
    commit: async (batch) => {
      const puts = batch.put.map(([path, bytes]) => [path, bytes.slice()] as const);
      for (const path of batch.delete) contents.delete(path);
      for (const [path, bytes] of puts) contents.set(path, bytes);
    },
    close: async () => {},
  };
}

/** The names directly inside `folder`, in order, each once; those of folders end with `/`. */
export function namesInside(folder: string, paths: Iterable<string>): ReadonlyArray<string> {
  const prefix = folder === "" ? "" : `${folder}/`;
  const names = new Set<string>();
  for (const path of paths) {
    if (!path.startsWith(prefix)) continue;
    const end = path.indexOf("/", prefix.length);
    names.add(end < 0 ? path.slice(prefix.length) : path.slice(prefix.length, end + 1));
  }
  return [...names].toSorted((a, b) => (a < b ? -1 : 1));
}
