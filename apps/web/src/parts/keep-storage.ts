/** Asks the browser not to evict what is kept here. Only a page may ask, and only when a person just made something. */

import type { Door } from "../door/tab.ts";

/** Nobody waits for the answer: the storage view shows it. */
export function askToKeep(door: Door): void {
  void keepStorage().then((persisted) => door.ask("keep-storage", { persisted }));
}

export async function keepStorage(): Promise<boolean> {
  // Outside of secure contexts there is no storage manager to ask.
  if (!("storage" in navigator)) return false;
  return navigator.storage.persist().catch(() => false);
}
