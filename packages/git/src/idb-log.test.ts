/** What the browser says of its storage is told at once, whatever becomes of the log that is to be renewed. */

import * as fake from "fake-indexeddb";
import { openDB } from "idb";
import { beforeEach, expect, test, vi } from "vitest";
import { StorageFailedError } from "./files.ts";
import { renewIdbLog } from "./idb-log.ts";

const name = "skein-log";

beforeEach(() => {
  for (const [global, value] of Object.entries(fake))
    if (global.startsWith("IDB")) vi.stubGlobal(global, value);
  // Each browser has nothing stored.
  vi.stubGlobal("indexedDB", new fake.IDBFactory());
});

test("the log is renewed where nothing is wrong, and nothing was lost", async () => {
  const { lost, renewed } = await renewIdbLog();
  await renewed;
  expect(lost).toBe(false);
  expect(await indexedDB.databases()).toEqual([]);
});

test.each([
  ["total", true],
  ["none", false],
])("a browser that says it dropped %s of what was stored: lost is %s", async (dataLoss, said) => {
  sayLoss(dataLoss);
  const { lost, renewed } = await renewIdbLog();
  await renewed;
  expect(lost).toBe(said);
});

test("what was lost is told while another tab keeps the log from being renewed", async () => {
  sayLoss("total");
  const renewing = renewIdbLog();
  // It holds what is to be removed, and does not let go when it is asked to.
  const other = await openDB(name, 1);
  const { lost, renewed } = await renewing;
  expect(lost).toBe(true);
  const first = await Promise.race([renewed.then(() => "renewed"), laterTurns()]);
  expect(first).toBe("still waiting");
  other.close();
  await renewed;
});

test("what was lost is told where the log cannot be renewed", async () => {
  sayLoss("total");
  vi.spyOn(indexedDB, "deleteDatabase").mockImplementation(() => {
    throw new DOMException("no", "UnknownError");
  });
  const { lost, renewed } = await renewIdbLog();
  await renewed;
  expect(lost).toBe(true);
});

test("a browser that opens nothing says so, and nothing is known of a loss", async () => {
  vi.spyOn(indexedDB, "open").mockImplementation(() => {
    throw new DOMException("no", "UnknownError");
  });
  await expect(renewIdbLog()).rejects.toBeInstanceOf(StorageFailedError);
});

/** As Chromium does it, once: https://www.w3.org/TR/IndexedDB/ does not know of it. */
function sayLoss(dataLoss: string): void {
  const open = indexedDB.open.bind(indexedDB);
  vi.spyOn(indexedDB, "open").mockImplementationOnce((...asked) => {
    const request = open(...asked);
    request.addEventListener("upgradeneeded", (event) => Object.assign(event, { dataLoss }));
    return request;
  });
}

/** Everything that is under way in the imitated browser goes on a few times. */
async function laterTurns(): Promise<string> {
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  return "still waiting";
}
