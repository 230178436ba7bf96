/** The shapes of trees that are stored: each is read when it is first asked for, and known from then on. */

/* oxlint-disable eslint/no-await-in-loop -- a tree is measured after those inside it. */

import { concat } from "@skein/protocol/bytes";
import { openIdTable } from "./id-table.ts";
import { kindOfMode, walkTree } from "./object.ts";
import { PackRejectedError } from "./pack-rejected.ts";
import { addFolder, addName, emptyShape, judgeShape, type TreeShape } from "./tree-shape.ts";

export interface StoredShapes {
  /** Makes the shape of the tree with the id at `offset` known, if there is such a tree. */
  readonly measure: (
    id: { readonly bytes: Uint8Array; readonly offset: number },
    turn: ShapeTurn,
  ) => Promise<void>;
  readonly shapeOf: (bytes: Uint8Array, offset: number) => TreeShape | undefined;
}

/** Lets others have their turn. */
export type ShapeTurn = () => Promise<void> | void;

/** Stored objects by row. */
export interface StoredRows {
  /** The row of the object, or -1. It keeps its row until packs are replaced. */
  readonly rowOf: (id: Uint8Array, offset: number) => number;
  /** The type of a row, as packs write it. Both answers are there at once if the bytes are. */
  readonly typeOf: (row: number) => number | Promise<number>;
  /** Lends the bytes of a row's object. */
  readonly make: <Result>(
    row: number,
    use: (bytes: Uint8Array) => Result,
  ) => Result | Promise<Result>;
}

/** Answers shapes for one piece of work: what it has measured stays known to it. */
export function openStoredShapes(rows: StoredRows): () => StoredShapes {
  let latest = openKnown();
  return () => {
    if (latest.size() > knownMax) latest = openKnown();
    const known = latest;
    return {
      measure: async ({ bytes, offset }, turn) => {
        if (known.read(bytes, offset) !== undefined) return;
        const row = rows.rowOf(bytes, offset);
        // Whoever refers to something else as a tree is refused for that.
        if (row < 0 || (await rows.typeOf(row)) !== treeCode) return;
        await measure({ rows, known, turn }, bytes.slice(offset, offset + 20));
      },
      shapeOf: (bytes, offset) => known.read(bytes, offset),
    };
  };
}

interface Measuring {
  readonly rows: StoredRows;
  readonly known: Known;
  readonly turn: ShapeTurn;
}

/** A tree with folders that are not known yet; the next of them is at `at`. */
interface Frame {
  readonly id: Uint8Array;
  readonly folders: Uint8Array;
  at: number;
}

async function measure(measuring: Measuring, first: Uint8Array): Promise<void> {
  const { known } = measuring;
  const stack: Frame[] = [];
  let waitingBytes = 0;
  const enter = async (id: Uint8Array): Promise<void> => {
    const folders = await look(measuring, id, false);
    if (folders.length === 0) return;
    // With the tree itself, and the folders in what is entered.
    judgeShape({ ...emptyShape, depth: stack.length + 1 });
    waitingBytes += folders.length;
    if (waitingBytes > waitingBytesMax)
      throw new PackRejectedError("work", "its trees take too much work");
    stack.push({ id, folders, at: 0 });
  };
  await enter(first);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (top.at < top.folders.length) {
      const inner = top.folders.subarray(top.at, top.at + 20);
      top.at += 20;
      if (known.read(inner, 0) === undefined) await enter(inner);
    } else {
      stack.pop();
      waitingBytes -= top.folders.length;
      await look(measuring, top.id, true);
    }
  }
}

/** Adds a tree up. Answers the folders in it that must be known before; `isLast` if none of them can be. */
async function look(
  { rows, known, turn }: Measuring,
  id: Uint8Array,
  isLast: boolean,
): Promise<Uint8Array> {
  await turn();
  const row = rows.rowOf(id, 0);
  if (row < 0) return nothing;
  return await rows.make(row, (bytes) => {
    const shape = { ...emptyShape };
    const missing: Uint8Array[] = [];
    walkTree(bytes, (mode, start, end) => {
      const isFolder = kindOfMode(mode) === "tree";
      const inner = isFolder ? known.read(bytes, end + 1) : undefined;
      if (!isFolder) addName(shape, end - start);
      else if (inner === undefined && !isLast) missing.push(bytes.slice(end + 1, end + 21));
      else addFolder(shape, end - start, inner ?? emptyShape);
      return true;
    });
    if (missing.length === 0) known.write(id, shape);
    return concat(...missing);
  });
}

interface Known {
  readonly size: () => number;
  readonly read: (bytes: Uint8Array, offset: number) => TreeShape | undefined;
  readonly write: (id: Uint8Array, shape: TreeShape) => void;
}

/** In columns: there may be many. */
function openKnown(): Known {
  let size = 0;
  let ids = new Uint8Array(20 * 64);
  let columns = new Uint32Array(columnCount * 64);
  const table = openIdTable(() => ids);
  return {
    size: () => size,
    read: (bytes, offset) => {
      const index = table.find(bytes, offset);
      if (index < 0) return undefined;
      const [depth = 0, paths = 0, pathBytes = 0] = columns.subarray(index * columnCount);
      return { depth, paths, pathBytes };
    },
    write: (id, { depth, paths, pathBytes }) => {
      if (table.find(id, 0) >= 0) return;
      if (ids.length === size * 20) {
        ids = twice(ids, new Uint8Array(ids.length * 2));
        columns = twice(columns, new Uint32Array(columns.length * 2));
      }
      ids.set(id, size * 20);
      columns.set([depth, Math.min(paths, countMax), pathBytes], size * columnCount);
      table.add(size);
      size += 1;
    },
  };
}

function twice<Column extends { set(from: Column): void }>(column: Column, room: Column): Column {
  room.set(column);
  return room;
}

const treeCode = 2;
const columnCount = 3;
const countMax = 0xffff_ffff;
const nothing = new Uint8Array(0);
/** Trees whose shapes are kept known; about 40 MB. */
const knownMax = 1_000_000;
/** 20 bytes for each folder on the way down that waits: far more than there are in one tree of a real repository. */
const waitingBytesMax = 20 * 1_000_000;
