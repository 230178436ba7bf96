/** Stored packs as both kernels see them: the compiled one makes and walks what the plain one does, and what git has. */

import { parseIdx } from "@skein/git/idx";
import { openKernel, prepareKernel } from "@skein/git/kernel-compiled";
import { walkWords, type Kernel } from "@skein/git/kernel";
import { openPlainKernel } from "@skein/git/kernel-plain";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openClosures, openObjectSet } from "@skein/git/closure";
import { readWord } from "@skein/git/kernel-words";
import { openPackShelf, type PackShelf } from "@skein/git/pack-shelf";
import { oidAt, oidBytes } from "@skein/git/object";
import { StorageDamagedError } from "@skein/git/stored-pack";
import type { ObjectId } from "@skein/protocol/ids";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeHistory, readObjects, readPack } from "./pack-git.ts";

const history = makeHistory(50);
const { pack, idx } = readPack(history);
const oids = history
  .text("rev-list", "--objects", "--no-object-names", "--all")
  .split("\n")
  .map((line) => history.oid(line));
const objects = readObjects(history, oids);
beforeAll(() => prepareKernel());
afterAll(() => history[Symbol.dispose]());

describe.each([
  ["compiled", openKernel],
  ["plain", openPlainKernel],
] as const)("the %s kernel", (_, open) => {
  test("makes every object, and tells its type and its size", async () => {
    const { kernel, run, find, told } = shelfOf(pack, open);
    for (const [oid, { type, bytes }] of objects) {
      const row = find(oidBytes(oid), 0);
      const made = await run(
        () => kernel.packsMake(row),
        (code) => ({ code, bytes: kernel.bytes().slice(told(0), told(0) + told(1)) }),
      );
      expect(typeNames[made.code]).toBe(type);
      expect(bytes.equals(made.bytes)).toBe(true);
      const code = await run(() => kernel.packsType(row), Number);
      expect(typeNames[code]).toBe(type);
      expect(await run(() => kernel.packsSize(row), Number)).toBe(bytes.length);
    }
    expect(find(new Uint8Array(20), 0)).toBe(-1);
  });

  test("walks to what git lists, and no further than what was had", async () => {
    for (const back of [0, 1, 5, 20]) {
      const shelf = shelfOf(pack, open);
      const closures = openClosures(() => shelf);
      const have = history.oid(`main~${back}`);
      const had = await closures.of(have, () => {});
      expect(listed(shelf, had)).toEqual(fromGit(have));
      const wants = [history.oid("main"), history.oid("side"), history.oid("v1")];
      const { missing } = await closures.between({ wants, haves: [have] }, () => {});
      const all = openObjectSet();
      all.addAll(had);
      all.addAll(missing);
      expect(listed(shelf, all)).toEqual(fromGit(...wants));
      const reached = new Set(fromGit(have));
      expect(listed(shelf, missing).filter((oid) => reached.has(oid))).toEqual([]);
      // It is told from where the new begins as well, then with some that were there long before.
      const cold = shelfOf(pack, open);
      const near = await openClosures(() => cold).between({ wants, haves: [have] }, () => {});
      all.addAll(near.missing);
      expect(listed(cold, all)).toEqual(fromGit(...wants));
      expect(listed(cold, near.missing).length).toBeLessThan(listed(cold, missing).length + 3);
      expect(listed(cold, near.had).filter((oid) => !reached.has(oid))).toEqual([]);
    }
  }, 60_000);

  test("makes nothing of bytes that were changed but what it says, and never for ever", async () => {
    for (let at = 12; at < pack.length - 20; at += 331) {
      const damaged = pack.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x11;
      const { kernel, run, rows } = shelfOf(damaged, open);
      let wrong = 0;
      for (let row = 0; row < rows(); row += 7) {
        try {
          await run(() => kernel.packsMake(row), Number);
        } catch (error) {
          expect(error).toBeInstanceOf(StorageDamagedError);
          wrong += 1;
        }
      }
      outcomes.set(at, [...(outcomes.get(at) ?? []), wrong]);
    }
  }, 60_000);
});

test("both kernels find the same bytes damaged", () => {
  expect(outcomes.size).toBeGreaterThan(10);
  for (const [one, other] of outcomes.values()) expect(one).toBe(other);
  expect([...outcomes.values()].some(([one = 0]) => one > 0)).toBe(true);
});

test.each([300, 2_000])(
  "what the last of %i commits brings is told at the cost of that commit",
  async (commits) => {
    using long = makeHistory(commits);
    const { pack: bytes, idx: index } = readPack(long);
    let gone = 0;
    const kernel = openKernel();
    const counting = {
      ...kernel,
      walkOn: (walk: number, budget: number): number => {
        const status = kernel.walkOn(walk, budget);
        gone += readWord(kernel, walk + walkWords.walked);
        return status;
      },
    };
    const shelf = shelfOf(bytes, () => counting, index);
    const closures = openClosures(() => shelf);
    const [want, have] = [long.oid("main"), long.oid("main^")];
    const { missing } = await closures.between({ wants: [want], haves: [have] }, () => {});
    const sent = Array.from({ length: shelf.rows() }, (_, row) => row).filter(missing.has);
    const needed = long.text("rev-list", "--objects", "--no-object-names", want, `^${have}`);
    expect(sent.map(shelf.idOf).toSorted()).toEqual(needed.split("\n").toSorted());
    expect(gone).toBeLessThan(40);
  },
  60_000,
);

const outcomes = new Map<number, number[]>();
const typeNames = ["", "commit", "tree", "blob", "tag"];

function shelfOf(bytes: Uint8Array, open: () => Kernel, index = idx): PackShelf {
  const path = "objects/pack/pack-x.pack";
  const parsed = parseIdx(index);
  if (parsed === undefined) throw new Error("git wrote the index");
  const shelf = openPackShelf(openMemoryFiles(new Map([[path, Uint8Array.from(bytes)]])), open());
  const byOffset = (): Uint32Array => new Uint32Array(0);
  shelf.add({ name: "x", path, bytes: bytes.length, base: 0, idx: parsed, byOffset });
  return shelf;
}

function listed(
  shelf: PackShelf,
  set: { readonly has: (row: number) => boolean },
): ReadonlyArray<string> {
  const parsed = parseIdx(idx);
  const names: string[] = [];
  for (let row = 0; row < shelf.rows(); row++)
    if (set.has(row) && parsed !== undefined) names.push(oidAt(parsed.oids, row * 20));
  return names.toSorted();
}

function fromGit(...tips: ReadonlyArray<ObjectId>): ReadonlyArray<string> {
  return history
    .text("rev-list", "--objects", "--no-object-names", ...tips)
    .split("\n")
    .toSorted();
}
