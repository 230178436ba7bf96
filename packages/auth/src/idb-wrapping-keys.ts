/** The wrapping key in IndexedDB, which stores keys as objects. Of two tabs that begin at once, both use the first one's. */

import type { WrappingKeys } from "./webcrypto-key-store.ts";

export function openIdbWrappingKeys(name: string): WrappingKeys {
  const run = async <T>(
    mode: IDBTransactionMode,
    act: (store: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T> => {
    const database = await open(name);
    try {
      const transaction = database.transaction(storeName, mode, { durability: "strict" });
      const request = act(transaction.objectStore(storeName));
      await finished(transaction);
      return request.result;
    } finally {
      database.close();
    }
  };
  const read = async (): Promise<CryptoKey | undefined> => {
    const found: unknown = await run("readonly", (store) => store.get(keyName));
    return found instanceof CryptoKey ? found : undefined;
  };
  return {
    read,
    keep: async (key) => {
      try {
        await run("readwrite", (store) => store.add(key, keyName));
      } catch (error) {
        // Another tab was quicker: its key is the one.
        if (!(error instanceof DOMException) || error.name !== "ConstraintError") throw error;
      }
      return (await read()) ?? key;
    },
    wipe: async () => {
      await run("readwrite", (store) => store.clear());
    },
  };
}

async function open(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.addEventListener("upgradeneeded", () => {
      request.result.createObjectStore(storeName);
    });
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("not opened")));
  });
}

async function finished(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("abort", () =>
      reject(transaction.error ?? new Error("not stored")),
    );
  });
}

const storeName = "keys";
const keyName = "wrapping";
