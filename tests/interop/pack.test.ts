/** Packs, checked by real git. */

import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore, type ObjectStore } from "@skein/git/object-store";
import { indexPack, type IndexedPack } from "@skein/git/pack-index";
import { parseObjectId, type ObjectId } from "@skein/protocol/ids";
import { afterAll, describe, expect, test } from "vitest";
import { indexByGit, makeGit, makeHistory, readPack } from "./pack-git.ts";

const signal = new AbortController().signal;
using history = makeHistory(80);
using judge = makeGit();
const everything = readPack(history);

describe("a pack that git made", () => {
  test("is indexed byte for byte as git does", async () => {
    const { idx, objects } = await index(everything.pack);
    expect(objects).toBeGreaterThan(300);
    expect(Buffer.from(idx).equals(everything.idx)).toBe(true);
  });
});

async function index(pack: Uint8Array): Promise<IndexedPack> {
  return await indexPack({
    pack,
    signal,
    breathe: async () => {},
    resolveBase: async () => undefined,
  });
}
