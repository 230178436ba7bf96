/** Files in IndexedDB keep the contract, and a batch that cannot be kept leaves nothing behind. */

import { filesContract } from "@skein/testkit/files-contract";
import * as fake from "fake-indexeddb";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { StorageFailedError, StorageFullError } from "./files.ts";
import { openIdbFiles, removeIdbFiles } from "./idb-files.ts";

beforeAll(() => {
  for (const [name, value] of Object.entries(fake))
    if (/^(?:IDB|indexedDB$)/u.test(name)) vi.stubGlobal(name, value);
});

filesContract("idb", openIdbFiles);

describe("a device without room", () => {
  test.each([
    [1, "at once"],
    [2, "at once"],
    [3, "at once"],
    [4, "at once"],
    [1, "later"],
    [4, "later"],
  ] as const)("keeps nothing of a batch whose write number %i fails %s", async (failing, when) => {
    const files = await openIdbFiles(`full-${failing}-${when}`);
    await files.commit({ put: [["a", Uint8Array.of(1)]], delete: [] }, { durability: "strict" });
    failAtWrite(failing, when);
    const batch = {
      put: [
        ["a", Uint8Array.of(2)],
        ["b", Uint8Array.of(3)],
      ] as const,
      delete: [],
    };
    await expect(files.commit(batch, { durability: "strict" })).rejects.toBeInstanceOf(
      StorageFullError,
    );
    vi.restoreAllMocks();
    expect(await files.list("")).toEqual(["a"]);
    expect(await files.read("a")).toEqual(Uint8Array.of(1));
    expect(await files.size("b")).toBeUndefined();
    await files.commit(batch, { durability: "strict" });
    expect(await files.list("")).toEqual(["a", "b"]);
    await files.close();
  });
});

test("what is written is cut out once, slice by slice, and what becomes of it later is nobody's business", async () => {
  const files = await openIdbFiles("copies");
  const around = new Uint8Array(3 * 1024 * 1024).fill(1);
  const bytes = around.subarray(100, 2_500_000);
  let copied = 0;
  const arrays = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
  // oxlint-disable-next-line typescript/unbound-method -- called with the array it was called on.
  const { slice } = arrays;
  vi.spyOn(arrays, "slice").mockImplementation(function (this: Uint8Array, ...range) {
    const part = slice.apply(this, range);
    copied += part.length;
    return part;
  });
  const kept = files.commit({ put: [["a", bytes]], delete: [] }, { durability: "strict" });
  vi.restoreAllMocks();
  around.fill(2);
  await kept;
  expect(copied).toBe(bytes.length);
  expect((await files.read("a"))?.every((byte) => byte === 1)).toBe(true);
  await files.close();
});

test("a commit says how lasting it must be, and reads lock nobody out", async () => {
  const files = await openIdbFiles("modes");
  const seen: unknown[] = [];
  const database = Object.getPrototypeOf(
    await new Promise<object>((resolve) => {
      const request = indexedDB.open("modes");
      request.onsuccess = () => resolve(request.result);
    }),
  ) as { transaction: (...args: ReadonlyArray<unknown>) => unknown };
  const original = database.transaction;
  vi.spyOn(database, "transaction").mockImplementation(function (this: object, ...args) {
    seen.push(args.slice(1));
    return original.apply(this, args);
  });
  await files.commit({ put: [["a", Uint8Array.of(1)]], delete: [] }, { durability: "strict" });
  await files.commit({ put: [], delete: ["a"] }, { durability: "relaxed" });
  expect(seen).toEqual([
    ["readwrite", { durability: "strict" }],
    ["readwrite", { durability: "relaxed" }],
  ]);
  seen.length = 0;
  await files.read("a");
  await files.size("a");
  await files.list("");
  for (const [mode] of seen as ReadonlyArray<ReadonlyArray<unknown>>)
    expect(mode ?? "readonly").toBe("readonly");
  expect(seen.length).toBe(3);
  vi.restoreAllMocks();
  await files.close();
});

test("after it was closed, storage says so instead of waiting", async () => {
  const files = await openIdbFiles("closed");
  await files.close();
  await expect(files.read("a")).rejects.toBeInstanceOf(StorageFailedError);
});

test("files that are removed are gone, even while another tab has them open", async () => {
  const files = await openIdbFiles("removed");
  await files.commit({ put: [["a", Uint8Array.of(1)]], delete: [] }, { durability: "strict" });
  await removeIdbFiles("removed");
  const again = await openIdbFiles("removed");
  expect(await again.list("")).toEqual([]);
  await again.close();
});

/** The platform's own store refuses one write, or takes it and gives the whole transaction up, as browsers do. */
function failAtWrite(failing: number, when: "at once" | "later"): void {
  const { prototype } = fake.IDBObjectStore;
  // oxlint-disable-next-line typescript/unbound-method -- called with the store it was called on.
  const original = prototype.put;
  let writes = 0;
  vi.spyOn(prototype, "put").mockImplementation(function (this: typeof prototype, ...args) {
    writes += 1;
    if (writes === failing && when === "at once")
      throw new DOMException("full", "QuotaExceededError");
    const request = original.apply(this, args);
    const transaction = this.transaction as unknown as { _abort: (name: string) => void };
    if (writes === failing) queueMicrotask(() => transaction._abort("QuotaExceededError"));
    return request;
  });
}
