/** Trees that come in several packs: how deep, how wide and how long they are is judged as if they had come in one. */

import { openMemoryFiles } from "@skein/git/memory-files";
import { ObjectRejectedError, openObjectStore, type ObjectStore } from "@skein/git/object-store";
import type { Bytes } from "@skein/protocol/bytes";
import { parseObjectId } from "@skein/protocol/ids";
import { pathBytesMax, treeDepthMax, treePathsMax } from "@skein/protocol/limits";
import { describe, expect, test } from "vitest";
import { blobCode, entry, idOf, packOf, treeCode, treeOf } from "./pack-builder.ts";

const signal = new AbortController().signal;
const file = idOf("blob", "");
const none = idOf("tree", "");
const ground: ReadonlyArray<Uint8Array> = [entry(blobCode, ""), entry(treeCode, "")];
const tooDeep = `folders deeper than ${treeDepthMax}`;
const tooWide = `more than ${treePathsMax} paths in a tree`;
const tooLong = `a path of more than ${pathBytesMax} bytes`;

type Entries = ReadonlyArray<readonly [mode: string, name: string, oid: string]>;

/** Trees as they are told, the innermost first. */
interface Growing {
  readonly entries: Uint8Array[];
  top: string;
}

function openGrowing(): Growing {
  return { entries: [...ground], top: none };
}

function grow(tree: Growing, ...entries: Entries): string {
  const bytes = treeOf(...entries.toSorted(([, a], [, b]) => (a < b ? -1 : 1)));
  tree.entries.push(entry(treeCode, bytes));
  tree.top = idOf("tree", bytes);
  return tree.top;
}

/** Folders in folders; the innermost is empty. */
function nestOf(depth: number): Growing {
  const tree = openGrowing();
  for (let at = 1; at < depth; at++) grow(tree, ["40000", "a", tree.top]);
  return tree;
}

/** One path of so many bytes: the last name of it is what `end` says. */
function pathOf(bytes: number, end: (name: string) => Entries): Growing {
  const tree = openGrowing();
  const last = ((bytes - 1) % 100) + 1;
  grow(tree, ...end("z".repeat(last)));
  for (let left = bytes - last; left > 0; left -= 100)
    grow(tree, ["40000", "f".repeat(99), tree.top]);
  return tree;
}

/** So many paths, in folders that are in many folders. */
function wideOf(paths: number): Growing {
  const tree = openGrowing();
  const named = (mode: string, many: number, oid: string): Entries =>
    Array.from(
      { length: many },
      (_, at) => [mode, `${mode}-${String(at).padStart(4, "0")}`, oid] as const,
    );
  const thousand = grow(tree, ...named("100644", 999, file));
  const million = grow(tree, ...named("40000", 1_000, thousand));
  const millions = Math.floor((paths - 1) / 1_000_001);
  const rest = paths - millions * 1_000_001;
  const thousands = Math.floor(rest / 1_000);
  grow(
    tree,
    ...named("40000", millions, million).map(
      ([mode, name, oid]) => [mode, `m${name}`, oid] as const,
    ),
    ...named("40000", thousands, thousand),
    ...named("100644", rest - thousands * 1_000, file),
  );
  return tree;
}

/** In so many packs; why one of them was refused, if one was. */
async function send(
  store: ObjectStore,
  { entries }: Growing,
  packs: number,
): Promise<string | undefined> {
  const each = Math.ceil(entries.length / packs);
  for (let at = 0; at < entries.length; at += each) {
    const receiver = store.openReceiver({ tips: [], signal });
    const why = await receiver
      .write(packOf(entries.slice(at, at + each)))
      .then(receiver.finish)
      .then(
        () => undefined,
        (error: { readonly reason: string }) => error.reason,
      );
    if (why !== undefined) return why;
  }
  return undefined;
}

async function openEmpty(): Promise<ObjectStore> {
  return await openObjectStore(openMemoryFiles(new Map<string, Bytes>()));
}

describe.each([1, 7])("in %i packs", (packs) => {
  test("folders come as deep as they may, and no deeper", async () => {
    expect(await send(await openEmpty(), nestOf(treeDepthMax), packs)).toBeUndefined();
    expect(await send(await openEmpty(), nestOf(treeDepthMax + 1), packs)).toBe(tooDeep);
  });

  test("as many paths come as may, and no more", async () => {
    expect(await send(await openEmpty(), wideOf(treePathsMax), packs)).toBeUndefined();
    expect(await send(await openEmpty(), wideOf(treePathsMax + 1), packs)).toBe(tooWide);
  });

  test.each<readonly [string, (name: string) => Entries]>([
    ["a file's", (name) => [["100644", name, file]]],
    ["a symlink's", (name) => [["120000", name, file]]],
    ["an empty folder's", (name) => [["40000", name, none]]],
    ["a submodule's", (name) => [["160000", name, "1".repeat(40)]]],
    ["an odd file's", (name) => [["100664", `z\\${name.slice(2)}`, file]]],
    [
      "a file's among submodules'",
      (name) => [
        ["160000", "a", "1".repeat(40)],
        ["160000", "b 160000 b", "2".repeat(40)],
        ["100644", name, file],
        ["160000", "zz", "3".repeat(40)],
      ],
    ],
    [
      "a submodule's among files'",
      (name) => [
        ["100644", "a", file],
        ["160000", name, "1".repeat(40)],
        ["40000", "{", none],
      ],
    ],
  ])("%s path is as long as it may be, and no longer", async (_, end) => {
    expect(await send(await openEmpty(), pathOf(pathBytesMax, end), packs)).toBeUndefined();
    expect(await send(await openEmpty(), pathOf(pathBytesMax + 1, end), packs)).toBe(tooLong);
  });
});

test("Mallory's ten folders in ten packs spell as many files as in one, and are refused", async () => {
  const tree = openGrowing();
  grow(
    tree,
    ...Array.from({ length: 10 }, (_, at) => ["160000", `d${at}`, "1".repeat(40)] as const),
  );
  for (let level = 0; level < 9; level++)
    grow(tree, ...Array.from({ length: 10 }, (_, at) => ["40000", `d${at}`, tree.top] as const));
  const store = await openEmpty();
  expect(await send(store, tree, tree.entries.length)).toBe(tooWide);
  // Seven floors would be 11,111,110 paths.
  const kept = await Promise.all(
    tree.entries.map(
      async (_, at) => await send(store, { ...tree, entries: tree.entries.slice(0, at + 1) }, 1),
    ),
  );
  expect(kept.indexOf(tooWide)).toBe(ground.length + 6);
});

test("what was measured is measured again after the repository was opened again, merged and swept", async () => {
  const contents = new Map<string, Bytes>();
  const open = (): Promise<ObjectStore> => openObjectStore(openMemoryFiles(contents));
  const tree = nestOf(treeDepthMax);
  expect(await send(await open(), tree, 20)).toBeUndefined();
  const deeper: Growing = { entries: [], top: tree.top };
  grow(deeper, ["40000", "a", tree.top]);
  expect(await send(await open(), deeper, 1)).toBe(tooDeep);
  const store = await open();
  expect(await send(store, deeper, 1)).toBe(tooDeep);
  expect(await store.mergePacks({ signal })).toBeGreaterThan(1);
  expect(await send(store, deeper, 1)).toBe(tooDeep);
  const keep = parseObjectId(tree.top);
  await store.dropUnreachable({ keep: keep === undefined ? [] : [keep], signal });
  expect(await send(store, deeper, 1)).toBe(tooDeep);
});

test("nor does Alice commit by accident what nobody would take from her", async () => {
  const store = await openEmpty();
  const tree = nestOf(treeDepthMax);
  expect(await send(store, tree, 1)).toBeUndefined();
  const bytes = Uint8Array.from(treeOf(["40000", "a", tree.top]));
  await expect(store.objectsToPack([{ type: "tree", bytes }], { signal })).rejects.toThrow(
    ObjectRejectedError,
  );
});

test("a folder that is not there is refused for that, whatever its shape", async () => {
  const tree: Growing = { entries: [], top: none };
  grow(tree, ["40000", "a", "1".repeat(40)]);
  expect(await send(await openEmpty(), tree, 1)).toBe(`tree ${"1".repeat(40)} is missing`);
  const store = await openEmpty();
  expect(await send(store, openGrowing(), 1)).toBeUndefined();
  const odd: Growing = { entries: [], top: none };
  grow(odd, ["40000", "a", file]);
  expect(await send(store, odd, 1)).toBe(`${file} is a blob, not a tree`);
});
