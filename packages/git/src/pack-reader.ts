/** Reads objects out of stored packs, at random: the kernel makes them, and what was read last stays at hand. */

import type { Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { openByteCache } from "./byte-cache.ts";
import { sameId } from "./id-table.ts";
import { oidBytes, type GitObject, type ObjectType } from "./object.ts";
import { typeOfPackCode } from "./pack-entry.ts";
import type { PackShelf } from "./pack-shelf.ts";
import { StorageDamagedError } from "./stored-pack.ts";

export interface PackReader {
  readonly read: (oid: ObjectId) => Promise<GitObject | undefined>;
  /** The same, but the bytes are lent: they are to be read before `use` ends. */
  readonly look: <Result>(
    oid: ObjectId,
    use: (object: GitObject) => Result,
  ) => Promise<Result | undefined>;
  readonly type: (oid: ObjectId) => Promise<ObjectType | undefined>;
  readonly size: (oid: ObjectId) => Promise<number | undefined>;
  /** What was read from packs that are gone is forgotten. */
  readonly forget: () => void;
}

export function openPackReader(shelf: () => PackShelf): PackReader {
  const objects = openByteCache<ObjectId, GitObject>(objectCacheBytes);
  const rowOf = (oid: ObjectId): number => shelf().find(oidBytes(oid), 0);
  return {
    read: async (oid) => {
      const known = objects.read(oid);
      if (known !== undefined) return known;
      const object = await lookAt(shelf(), oid, copyOf);
      if (object !== undefined) objects.write(oid, object);
      return object;
    },
    look: async (oid, use) => {
      const known = objects.read(oid);
      return known === undefined ? await lookAt(shelf(), oid, use) : use(known);
    },
    type: async (oid) => {
      const { run, kernel } = shelf();
      const row = rowOf(oid);
      return row < 0 ? undefined : await run(() => kernel.packsType(row), typeOfPackCode);
    },
    size: async (oid) => {
      const { run, kernel } = shelf();
      const row = rowOf(oid);
      return row < 0
        ? undefined
        : await run(
            () => kernel.packsSize(row),
            (size) => size,
          );
    },
    forget: () => objects.clear(),
  };
}

function lookAt<Result>(
  { kernel, run, told, find }: PackShelf,
  oid: ObjectId,
  use: (object: GitObject) => Result,
): Result | undefined | Promise<Result | undefined> {
  const id = oidBytes(oid);
  const row = find(id, 0);
  if (row < 0) return undefined;
  return run(
    () => kernel.packsMake(row),
    (code) => {
      const [at, size] = [told(0), told(1)];
      const named = kernel.heap;
      kernel.nameObject(code, at, size, named, 0);
      const bytes = kernel.bytes();
      const type = typeOfPackCode(code);
      if (type === undefined || !sameId(bytes, named, id, 0))
        throw new StorageDamagedError(`Object ${oid} is damaged`);
      return use({ type, bytes: bytes.subarray(at, at + size) });
    },
  );
}

/** Files are handed on, with their memory; commits and trees are read and let go. */
function copyOf({ type, bytes }: GitObject): GitObject {
  const size = bytes.length;
  const copy = type === "blob" || size > sliceBytesMax ? new Uint8Array(size) : sliceOf(size);
  copy.set(bytes);
  return { type, bytes: copy };
}

/** What is small lies side by side with others: memory of its own for each would cost more than what is in it. */
function sliceOf(size: number): Bytes {
  if (slabFilled + size > slab.length) {
    slab = new Uint8Array(slabBytes);
    slabFilled = 0;
  }
  slabFilled += size;
  return slab.subarray(slabFilled - size, slabFilled);
}

let slab = new Uint8Array(0);
let slabFilled = 0;
const slabBytes = 64 * 1024;
const sliceBytesMax = 2 * 1024;

const objectCacheBytes = 24 * 1024 * 1024;
