/** The pack engine at work, in a browser's worker or in Node. */

/* oxlint-disable no-await-in-loop -- one thing after the other is what is measured. */

import type { Files } from "@skein/git/files";
import { openObjectStore } from "@skein/git/object-store";
import { openRepository } from "@skein/git/repository";
import { parseObjectId, type ObjectId } from "@skein/protocol/ids";
import type { Given, OurJob } from "./job.ts";

/** Where the engine finds its storage and the pack. */
export interface OurSurroundings {
  /** The same name opens the same files. */
  readonly openFiles: (name: string) => Promise<Files>;
  readonly removeFiles: (name: string) => Promise<void>;
  readonly readFile: (path: string) => Promise<Uint8Array>;
  /** The file in parts, each when it is asked for. */
  readonly streamFile: (path: string) => AsyncIterable<Uint8Array>;
}

/** Ready to be measured. */
export type Prepared = () => Promise<number>;

type Prepare = (around: OurSurroundings, given: Given) => Promise<Prepared>;

const signal = new AbortController().signal;
/** What one message between two nodes brings, at most, and a little more. */
const partBytes = 64 * 1024;

export const ourJobs: Readonly<Record<OurJob, Prepare>> = {
  receive: async (around, given) => {
    const parts = partsOf(await around.readFile(`${given.home}/${given.pack}`));
    const files = await freshFiles(around, given);
    const packBytes = parts.reduce((sum, part) => sum + part.length, 0);
    return async () => {
      const store = await openObjectStore(files);
      const receiver = store.openReceiver({ tips: oids(given.tips), packBytes, signal });
      for (const part of parts) await receiver.write(part);
      await receiver.finish();
      return 0;
    };
  },
  "receive-streamed": async (around, given) => {
    const files = await freshFiles(around, given);
    return async () => {
      const store = await openObjectStore(files);
      const receiver = store.openReceiver({ tips: oids(given.tips), signal });
      for await (const part of around.streamFile(`${given.home}/${given.pack}`))
        await receiver.write(part);
      await receiver.finish();
      return 0;
    };
  },
  enumerate: async (around, given) => {
    const files = await storedFiles(around, given);
    const wants = oids(given.tips);
    return async () => {
      const store = await openObjectStore(files);
      return (await store.listReachable({ wants, haves: [], signal })).length;
    };
  },
  pack: (around, given) => buildPack(around, given, { wants: given.tips, haves: [] }),
  increment: (around, given) =>
    buildPack(around, given, { wants: [given.head], haves: [given.hundredBack] }),
  push: async (around, given) => {
    const store = await openObjectStore(await storedFiles(around, given));
    const asked = { wants: oids([given.head]), haves: oids([given.oneBack]), signal };
    await store.buildPack(asked);
    return async () => (await store.buildPack(asked)).bytes.length;
  },
  "reads-cold": async (around, given) => {
    const files = await storedFiles(around, given);
    return async () => readAll(await openObjectStore(files), given);
  },
  "reads-warm": async (around, given) => {
    const store = await openObjectStore(await storedFiles(around, given));
    await readAll(store, given);
    return () => readAll(store, given);
  },
  log: async (around, given) => {
    const files = await storedFiles(around, given);
    const [head] = oids([given.head]);
    if (head === undefined) throw new Error("there is a commit");
    return async () => {
      const repository = await openRepository({ files });
      return (await repository.history(head, { limit: Infinity })).commits.length;
    };
  },
};

async function buildPack(
  around: OurSurroundings,
  given: Given,
  {
    wants,
    haves,
  }: { readonly wants: ReadonlyArray<string>; readonly haves: ReadonlyArray<string> },
): Promise<Prepared> {
  const files = await storedFiles(around, given);
  return async () => {
    const store = await openObjectStore(files);
    const built = await store.buildPack({ wants: oids(wants), haves: oids(haves), signal });
    return built.bytes.length;
  };
}

async function readAll(
  store: Awaited<ReturnType<typeof openObjectStore>>,
  given: Given,
): Promise<number> {
  let bytes = 0;
  for (const oid of oids(given.someOids)) bytes += (await store.read(oid))?.bytes.length ?? 0;
  return bytes;
}

/** Empty, and never used before. What the last one held is gone, so that the disk does not fill. */
async function freshFiles(around: OurSurroundings, given: Given): Promise<Files> {
  const name = `bench-fresh-${given.key}`;
  await around.removeFiles(name);
  return await around.openFiles(name);
}

/** With the whole repository in it, received once. */
async function storedFiles(around: OurSurroundings, given: Given): Promise<Files> {
  const files = await around.openFiles(`bench-stored-${given.key}`);
  if ((await files.list("objects/pack")).length > 0) return files;
  const bytes = await around.readFile(`${given.home}/${given.pack}`);
  const store = await openObjectStore(files);
  await store.storePack({ bytes, tips: oids(given.tips), signal });
  return files;
}

function partsOf(bytes: Uint8Array): ReadonlyArray<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; offset += partBytes)
    parts.push(bytes.slice(offset, offset + partBytes));
  return parts;
}

function oids(texts: ReadonlyArray<string>): ReadonlyArray<ObjectId> {
  return texts.map((text) => {
    const oid = parseObjectId(text);
    if (oid === undefined) throw new Error(`${text} is no object id`);
    return oid;
  });
}
