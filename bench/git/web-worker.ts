/** The worker that works in Chromium: our engine over IndexedDB, isomorphic-git over lightning-fs as it comes. */

// oxlint-disable-next-line import/no-unassigned-import -- a global has to be there before the next module is.
import "./web-buffer.ts";
import LightningFS from "@isomorphic-git/lightning-fs";
import { openIdbFiles, removeIdbFiles } from "@skein/git/idb-files";
import type { Files } from "@skein/git/files";
import type { Given, Told } from "./job.ts";
import { openWork } from "./work.ts";

const fs = new LightningFS("bench-peer");
const opened = new Map<string, Files>();
const stored = new Set<string>();
let folders = 0;

const work = openWork({
  ours: {
    openFiles: async (name) => {
      const files = opened.get(name) ?? (await openIdbFiles(name));
      opened.set(name, files);
      return files;
    },
    removeFiles: async (name) => {
      await opened.get(name)?.close();
      opened.delete(name);
      await removeIdbFiles(name);
    },
    readFile,
    streamFile,
  },
  peer: {
    fs,
    freshFolder: async () => {
      const folder = `/fresh-${folders++}-${performance.timeOrigin}`;
      await fs.promises.mkdir(folder);
      return folder;
    },
    storedFolder,
    readFile,
  },
});

async function readFile(path: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(path)).arrayBuffer());
}

async function* streamFile(path: string): AsyncIterable<Uint8Array> {
  const reader = (await fetch(path)).body?.getReader();
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one part after the other.
    const part = await reader?.read();
    if (part?.value === undefined) return;
    yield part.value;
  }
}

/** What a bare repository needs so that isomorphic-git reads it. */
async function storedFolder({ key, home, pack, idx }: Given): Promise<string> {
  const folder = `/stored-${key}`;
  if (stored.has(folder)) return folder;
  for (const made of [folder, `${folder}/objects`, `${folder}/objects/pack`, `${folder}/refs`])
    // oxlint-disable-next-line no-await-in-loop -- a folder comes before what is in it.
    await fs.promises.mkdir(made).catch(ignoreThatItIsThere);
  for (const name of [pack, idx, "HEAD", "config"])
    // oxlint-disable-next-line no-await-in-loop -- one file at a time.
    await fs.promises.writeFile(`${folder}/${name}`, await readFile(`${home}/${name}`));
  stored.add(folder);
  return folder;
}

function ignoreThatItIsThere(): void {
  // The worker before this one has made it.
}

globalThis.addEventListener("message", ({ data }: MessageEvent<Told>) => {
  void work(data).then((answer) => postMessage(answer));
});
