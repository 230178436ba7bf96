import { concat, formatUtf8, type Bytes } from "@skein/protocol/bytes";
import { expect, test } from "vitest";
import { hashObject } from "./object-hash.ts";
import { oidBytes, type GitObject } from "./object.ts";
import { openStoredShapes, type StoredRows } from "./stored-shapes.ts";
import type { TreeShape } from "./tree-shape.ts";

interface Shelf {
  readonly rows: StoredRows;
  readonly add: (folders: ReadonlyArray<Uint8Array>, files: number) => Uint8Array;
  /** How often a tree was read. */
  readonly reads: () => number;
}

function openShelf(): Shelf {
  const trees: Bytes[] = [];
  const rows = new Map<string, number>();
  let reads = 0;
  const keyOf = (bytes: Uint8Array, offset: number): string =>
    bytes.subarray(offset, offset + 20).join(".");
  return {
    rows: {
      rowOf: (bytes, offset) => rows.get(keyOf(bytes, offset)) ?? -1,
      typeOf: () => 2,
      make: (row, use) => {
        reads += 1;
        return use(trees[row] ?? new Uint8Array(0));
      },
    },
    add: (folders, files) => {
      const bytes = concat(
        ...folders.flatMap((id, at) => [formatUtf8(`40000 d${at}\0`), Uint8Array.from(id)]),
        ...Array.from({ length: files }, (_, at) =>
          concat(formatUtf8(`100644 f${at}\0`), new Uint8Array(20)),
        ),
      );
      const tree: GitObject = { type: "tree", bytes };
      const id = oidBytes(hashObject(tree));
      rows.set(keyOf(id, 0), trees.push(bytes) - 1);
      return id;
    },
    reads: () => reads,
  };
}

async function measured(
  rows: ReturnType<typeof openStoredShapes>,
  id: Uint8Array,
): Promise<TreeShape | undefined> {
  const shapes = rows();
  await shapes.measure({ bytes: id, offset: 0 }, () => {});
  return shapes.shapeOf(id, 0);
}

test("a tree of hundreds is read once, and a commit later only what is new of it", async () => {
  const shelf = openShelf();
  const shapes = openStoredShapes(shelf.rows);
  const folders = Array.from({ length: 300 }, (_, at) => shelf.add([], at + 1));
  const root = shelf.add(folders, 1);
  expect(await measured(shapes, root)).toEqual({
    depth: 2,
    paths: 300 + (300 * 301) / 2 + 1,
    pathBytes: "d299/f299".length,
  });
  // The root is read before its folders, to find them, and after.
  expect(shelf.reads()).toBe(302);
  const next = shelf.add([...folders.slice(1), shelf.add([root], 3)], 1);
  const { depth } = (await measured(shapes, next)) ?? {};
  expect(depth).toBe(4);
  expect(shelf.reads()).toBe(302 + 2 + 1);
  await measured(shapes, next);
  expect(shelf.reads()).toBe(305);
});

test("folders within folders that are shared are not walked as often as paths lead there", async () => {
  const shelf = openShelf();
  const shapes = openStoredShapes(shelf.rows);
  let top = shelf.add([], 10);
  for (let level = 0; level < 9; level++)
    top = shelf.add(
      Array.from({ length: 10 }, () => top),
      0,
    );
  // Exact as long as it can be told from what is allowed.
  expect((await measured(shapes, top))?.paths).toBeGreaterThanOrEqual(2 ** 32 - 1);
  expect(shelf.reads()).toBe(19);
});

test("what is no tree, or not there, has no shape", async () => {
  const shelf = openShelf();
  const blobs = openStoredShapes({ ...shelf.rows, typeOf: () => 3 });
  expect(await measured(blobs, shelf.add([], 1))).toBeUndefined();
  expect(await measured(openStoredShapes(shelf.rows), new Uint8Array(20))).toBeUndefined();
  expect(shelf.reads()).toBe(0);
});
