/** Files in IndexedDB: a file's bytes and its directory entry are one transaction. */

import { deleteDB, openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { Bytes } from "@skein/protocol/bytes";
import {
  StorageFailedError,
  StorageFullError,
  type Durability,
  type FileBatch,
  type Files,
} from "./files.ts";

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
    read: (path) => asFault(() => database.get("contents", path)),
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

/** Directory entries are small and apart from the bytes, so that listing reads no contents. */
interface Schema extends DBSchema {
  readonly entries: { readonly key: string; readonly value: { readonly size: number } };
  readonly contents: { readonly key: string; readonly value: Bytes };
}

type Database = IDBPDatabase<Schema>;

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

/** Every request is made before anything is waited for: a transaction that is left idle commits what it has. */
async function commit(database: Database, batch: FileBatch, durability: Durability): Promise<void> {
  const puts = batch.put.map(([path, bytes]) => [path, bytes.slice()] as const);
  const transaction = database.transaction(["entries", "contents"], "readwrite", { durability });
  const entries = transaction.objectStore("entries");
  const contents = transaction.objectStore("contents");
  const requests: Promise<unknown>[] = [];
  try {
    for (const path of batch.delete) {
      requests.push(entries.delete(path));
      requests.push(contents.delete(path));
    }
    for (const [path, bytes] of puts) {
      requests.push(contents.put(bytes, path));
      requests.push(entries.put({ size: bytes.length }, path));
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

/** What the platform throws, in our words. */
async function asFault<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isFull(error)) throw new StorageFullError("The device has no room left", { cause: error });
    const why = error instanceof Error ? error.message : String(error);
    throw new StorageFailedError(`The device's storage failed: ${why}`, { cause: error });
  }
}

/** A full disk may also show as an abort, with the quota as its cause. */
function isFull(error: unknown): boolean {
  return error instanceof Error && (error.name === "QuotaExceededError" || isFull(error.cause));
}

const schemaVersion = 1;
const lastCharacter = "\uffff";
