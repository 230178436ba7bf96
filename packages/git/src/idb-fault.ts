/** What IndexedDB throws, as faults of storage. */

import { StorageFailedError, StorageFullError } from "./files.ts";

/** What the platform throws, in our words. */
export async function asFault<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isFull(error)) throw new StorageFullError("The device has no room left", { cause: error });
    const why = error instanceof Error ? error.message : String(error);
    throw new StorageFailedError(`The device's storage failed: ${why}`, { cause: error });
  }
}

/** A full disk may also show as an abort, with the quota as its cause. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && (error.name === "QuotaExceededError" || isFull(error.cause));
}
