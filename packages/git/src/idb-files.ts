/** Files in IndexedDB: a file's bytes and its directory entry are one transaction. */

import { deleteDB, openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { Bytes } from "@skein/protocol/bytes";
import type { Durability, FileBatch, Files } from "./files.ts";
import { asFault, isFull } from "./idb-fault.ts";

/** Opens the files kept under `name`, making the database if there is none. */
export async function openIdbFiles(name: string): Promise<Files> {
  let opened: Database | undefined;
  const database = await asFault(() =>
    openDB<Schema>(name, schemaVersion, {
      upgrade: (fresh) => {
        fresh.createObjectStore("entries");
        fresh.createObjectStore("contents");
      },
      // Another tab asks for a newer schema or for removal: it must not wait for this one.
      blocking: () => opened?.close(),
    }),
  );
  opened = database;
  return {
    read: (path) => asFault(() => readAll(database, path)),
    readRange: (path, start, end) => asFault(() => readSlices(database, path, { start, end })),
    size: async (path) => (await asFault(() => database.get("entries", path)))?.size,
    list: (folder) => asFault(() => listNames(database, folder)),
    commit: (batch, { durability }) => asFault(() => commit(database, batch, durability)),
    close: async () => {
      database.close();
    },
  };
}

/** Removes everything kept under `name`. */
export async function removeIdbFiles(name: string): Promise<void> {
  await asFault(() => deleteDB(name));
}

/**
 * Directory entries are small and apart from the bytes, so that listing reads no contents. What is longer than a slice
 * lies in several values: the first under its path alone, as all did before there were slices.
 */
interface Schema extends DBSchema {
  readonly entries: {
    readonly key: string;
    readonly value: { readonly size: number; readonly sliced?: true };
  };
  readonly contents: {
    readonly key: string | [path: string, slice: number];
    readonly value: Bytes;
  };
}

type Database = IDBPDatabase<Schema>;

/** One transaction, so that what is read is one state of the file. */
async function readAll(database: Database, path: string): Promise<Bytes | undefined> {
  const reading = database.transaction(["entries", "contents"]);
  const entry = await reading.objectStore("entries").get(path);
  const contents = reading.objectStore("contents");
  if (entry?.sliced !== true) return await contents.get(path);
  return await joinSlices(contents, path, { start: 0, end: entry.size });
}

async function readSlices(
  database: Database,
  path: string,
  range: { readonly start: number; readonly end: number },
): Promise<Bytes | undefined> {
  const reading = database.transaction(["entries", "contents"]);
  const contents = reading.objectStore("contents");
  const first = Math.floor(range.start / sliceBytes);
  // Most who read a part read one slice: it is asked for before it is known how long the file is.
  const [entry, slice] = await Promise.all([
    reading.objectStore("entries").get(path),
    contents.get(keyOfSlice(path, first)),
  ]);
  if (entry === undefined) return undefined;
  const { start } = range;
  const end = Math.min(range.end, entry.size);
  if (start === first * sliceBytes && end - start === slice?.length) return slice;
  if (entry.sliced !== true)
    return (first === 0 ? slice : await contents.get(path))?.slice(start, end);
  return await joinSlices(contents, path, { start, end });
}

async function joinSlices(
  contents: { readonly get: (key: SliceKey) => Promise<Bytes | undefined> },
  path: string,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<Bytes | undefined> {
  const first = Math.floor(start / sliceBytes);
  const last = Math.floor(Math.max(start, end - 1) / sliceBytes);
  const slices = await Promise.all(
    Array.from({ length: last - first + 1 }, (_, at) => contents.get(keyOfSlice(path, first + at))),
  );
  const joined = new Uint8Array(Math.max(0, end - start));
  for (const [at, slice] of slices.entries()) {
    if (slice === undefined) return undefined;
    const from = (first + at) * sliceBytes;
    const part = slice.subarray(Math.max(0, start - from), Math.max(0, end - from));
    joined.set(part, Math.max(0, from - start));
  }
  return joined;
}

type SliceKey = string | [path: string, slice: number];

function keyOfSlice(path: string, slice: number): SliceKey {
  return slice === 0 ? path : [path, slice];
}

/** The keys of all slices but the first. */
function laterSlices(path: string): IDBKeyRange {
  return IDBKeyRange.bound([path, 1], [path, Number.MAX_SAFE_INTEGER]);
}

/** Walks keys only, and jumps over what lies inside each folder. */
async function listNames(database: Database, folder: string): Promise<ReadonlyArray<string>> {
  const prefix = folder === "" ? "" : `${folder}/`;
  const range = IDBKeyRange.bound(prefix, `${prefix}${lastCharacter}`);
  const names: string[] = [];
  let cursor = await database.transaction("entries").store.openKeyCursor(range);
  while (cursor !== null) {
    const rest = cursor.key.slice(prefix.length);
    const end = rest.indexOf("/");
    names.push(end < 0 ? rest : rest.slice(0, end + 1));
    // "0" comes after "/": it leads to the first name that is not inside the folder.
    const next = end < 0 ? undefined : `${prefix}${rest.slice(0, end)}0`;
    // oxlint-disable-next-line no-await-in-loop -- a cursor goes one step at a time.
    cursor = await cursor.continue(next);
  }
  return names;
}

/**
 * Every request is made before anything is waited for: a transaction that is left idle commits what it has. The platform
 * copies what it is given as it is given, with all of the buffer that it lies in: a slice is cut out, once.
 */
async function commit(database: Database, batch: FileBatch, durability: Durability): Promise<void> {
  const transaction = database.transaction(["entries", "contents"], "readwrite", { durability });
  const entries = transaction.objectStore("entries");
  const contents = transaction.objectStore("contents");
  const requests: Promise<unknown>[] = [];
  try {
    for (const path of batch.delete) {
      requests.push(entries.delete(path));
      requests.push(contents.delete(path));
      requests.push(contents.delete(laterSlices(path)));
    }
    for (const [path, bytes] of batch.put) {
      requests.push(contents.delete(laterSlices(path)));
      for (let slice = 0; slice === 0 || slice * sliceBytes < bytes.length; slice++) {
        const part = bytes.slice(slice * sliceBytes, (slice + 1) * sliceBytes);
        requests.push(contents.put(part, keyOfSlice(path, slice)));
      }
      const size = bytes.length;
      requests.push(entries.put(size > sliceBytes ? { size, sliced: true } : { size }, path));
    }
  } catch (error) {
    // A transaction that has already given itself up throws here, and is waited for all the same.
    const abort = asFault(async () => transaction.abort());
    await Promise.allSettled([abort, ...requests, transaction.done]);
    throw error;
  }
  // The first request that fails aborts them all. Only the end of the transaction says that it is kept.
  const results = await Promise.allSettled([...requests, transaction.done]);
  const failures = results.flatMap((result): ReadonlyArray<unknown> =>
    result.status === "rejected" ? [result.reason] : [],
  );
  if (failures.length > 0) throw failures.find((why) => isFull(why)) ?? failures[0];
}

const schemaVersion = 1;
/** What one read brings, at the most, of a file that is read in parts. */
const sliceBytes = 1024 * 1024;
const lastCharacter = "\uffff";
