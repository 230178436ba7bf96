/** The process that works in Node: our engine over memory, isomorphic-git over the disk. */

import * as fs from "node:fs";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { openMemoryFiles } from "@skein/git/memory-files";
import type { Bytes } from "@skein/protocol/bytes";
import type { Told } from "./job.ts";
import { openWork } from "./work.ts";

const kept = new Map<string, Map<string, Bytes>>();

const work = openWork({
  ours: {
    openFiles: async (name) => {
      const contents = kept.get(name) ?? new Map<string, Bytes>();
      kept.set(name, contents);
      return openMemoryFiles(contents);
    },
    removeFiles: async (name) => {
      kept.delete(name);
    },
    readFile: async (path) => new Uint8Array(await readFile(path)),
    streamFile: (path) => fs.createReadStream(path),
  },
  peer: {
    fs,
    freshFolder: () => mkdtemp(join(tmpdir(), "skein-bench-")),
    storedFolder: async ({ home }) => home,
    readFile: (path) => readFile(path),
  },
});

process.on("message", (told: Told) => {
  void work(told).then((answer) => process.send?.(answer));
});
