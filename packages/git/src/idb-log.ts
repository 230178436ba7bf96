/** Makes the browser begin a new write-ahead log for IndexedDB, and hears from it whether everything was dropped. */

import { deleteDB, openDB } from "idb";
import { asFault } from "./idb-fault.ts";

/**
 * To be waited for before anything else is stored. Chromium keeps IndexedDB in LevelDB, which goes on in the log of its
 * last run even where that ends in the middle of a record, as it may after a kill. Whatever is then appended makes the
 * whole of it unreadable, and at the next start but one everything of this origin is dropped
 * (github.com/google/leveldb/issues/1287). Removing a database makes it begin a new log at once. Elsewhere this costs a
 * moment and does nothing.
 *
 * `lost`: what was stored here was found damaged and dropped by the browser. Only Chromium says so, and only once: it is
 * told before anything is removed. `renewed` resolves once that is over as well, or has failed, which may take as long as
 * another tab is in the way: what is stored can be used all the same.
 *
 * @throws StorageFailedError, StorageFullError: nothing was changed.
 */
export async function renewIdbLog(): Promise<{
  readonly lost: boolean;
  readonly renewed: Promise<void>;
}> {
  let lost = false;
  const fresh = await asFault(() =>
    openDB(passing, 1, {
      upgrade: (...[, , , , event]) => {
        lost = "dataLoss" in event && event.dataLoss === "total";
      },
    }),
  );
  fresh.close();
  return { lost, renewed: asFault(() => deleteDB(passing)).catch(leaveForTheNextStart) };
}

function leaveForTheNextStart(): void {
  // The log is as it was.
}

/** Nothing is ever stored in it. */
const passing = "skein-log";
