/** Objects that are not stored yet, laid over those that are; and reading what must be there. */

import type { Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { ObjectMissingError } from "./object-store.ts";
import type { ObjectStore } from "./object-store.ts";
import { hashObject } from "./object-hash.ts";
import { parseCommit, parseTree } from "./object.ts";
import type { EntryKind, GitObject, ObjectType, TreeEntry } from "./object.ts";

/** Whatever answers reads: a store, or an overlay on one. */
export type ObjectReader = Pick<ObjectStore, "read">;

export interface Overlay extends ObjectReader {
  /** Nothing is stored until `keep`. */
  readonly write: (type: ObjectType, bytes: Bytes) => ObjectId;
  readonly written: () => ReadonlyMap<ObjectId, GitObject>;
}

export function openOverlay(below: ObjectReader): Overlay {
  const above = new Map<ObjectId, GitObject>();
  return {
    read: async (oid) => above.get(oid) ?? (await below.read(oid)),
    written: () => above,
    write: (type, bytes) => {
      const object: GitObject = { type, bytes };
      const oid = hashObject(object);
      above.set(oid, object);
      return oid;
    },
  };
}

/** Stores what a commit reaches in an overlay and the store does not have, durably, as one pack. */
export async function keep(
  overlay: Overlay,
  store: Pick<ObjectStore, "objectsToPack">,
  commit: ObjectId,
): Promise<void> {
  const written = overlay.written();
  const wanted = new Map<ObjectId, GitObject>();
  const queue = [commit];
  for (let oid = queue.pop(); oid !== undefined; oid = queue.pop()) {
    const object = written.get(oid);
    if (object === undefined || wanted.has(oid)) continue;
    wanted.set(oid, object);
    const tree = object.type === "commit" ? parseCommit(object.bytes)?.tree : undefined;
    if (tree !== undefined) queue.push(tree);
    const entries = object.type === "tree" ? (parseTree(object.bytes) ?? []) : [];
    for (const entry of entries) queue.push(entry.oid);
  }
  await store.objectsToPack([...wanted.values()], { signal: neverStopped });
}

/** Throws `ObjectMissingError` where there is no such object of that type. */
export async function readObject(
  objects: ObjectReader,
  oid: ObjectId,
  type: ObjectType,
): Promise<Bytes> {
  const object = await objects.read(oid);
  if (object?.type !== type) throw missing(oid, type);
  return object.bytes;
}

/** The entries of a tree; of no tree, none. */
export async function readEntries(
  objects: ObjectReader,
  oid: ObjectId | undefined,
): Promise<ReadonlyArray<TreeEntry>> {
  if (oid === undefined) return [];
  const entries = parseTree(await readObject(objects, oid, "tree"));
  if (entries === undefined) throw missing(oid, "tree");
  return entries;
}

export function missing(oid: ObjectId, type: ObjectType): ObjectMissingError {
  return new ObjectMissingError(`The ${type} ${oid} is not here`);
}

/** The mode git writes today; old repositories hold others. */
export function canonicalMode(kind: EntryKind): number {
  return modes[kind];
}

const modes: Readonly<Record<EntryKind, number>> = {
  file: 0o100644,
  executable: 0o100755,
  symlink: 0o120000,
  tree: 0o040000,
  submodule: 0o160000,
};

/** Writing a handful of small objects is over before anyone could stop it. */
const neverStopped = { aborted: false, throwIfAborted: (): void => undefined };
