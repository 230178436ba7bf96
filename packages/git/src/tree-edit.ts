/** Trees with some of their entries set or taken away. */

import type { Bytes } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { keyOf, nameOf } from "./byte-key.ts";
import type { Slot } from "./merge-trees.ts";
import { formatTree } from "./object.ts";
import { canonicalMode, readEntries } from "./overlay.ts";
import type { Overlay } from "./overlay.ts";

export interface TreeEdit {
  /** At least one name. */
  readonly path: ReadonlyArray<Bytes>;
  /** `undefined` takes away whatever stands there. */
  readonly slot: Slot | undefined;
}

/** `undefined`: nothing is left. Where a folder is wanted and a file stands, the folder takes its place. */
export async function editTree(
  overlay: Overlay,
  tree: ObjectId | undefined,
  edits: ReadonlyArray<TreeEdit>,
): Promise<ObjectId | undefined> {
  if (edits.length === 0) return tree;
  const entries = new Map<string, Slot>();
  for (const { name, kind, oid } of await readEntries(overlay, tree))
    entries.set(keyOf(name), { kind, oid });
  for (const [key, inner] of editHere(entries, edits)) {
    const there = entries.get(key);
    // oxlint-disable-next-line no-await-in-loop -- folder after folder: there are few.
    const oid = await editTree(overlay, there?.kind === "tree" ? there.oid : undefined, inner);
    if (oid !== undefined) entries.set(key, { kind: "tree", oid });
    else if (there?.kind === "tree") entries.delete(key);
  }
  if (entries.size === 0) return undefined;
  const rows = [...entries].map(([key, { kind, oid }]) => ({
    name: nameOf(key),
    mode: canonicalMode(kind),
    oid,
  }));
  return overlay.write("tree", formatTree(rows));
}

/** Sets and deletes what is named right here. Answers what is to happen in folders below. */
function editHere(
  entries: Map<string, Slot>,
  edits: ReadonlyArray<TreeEdit>,
): ReadonlyMap<string, ReadonlyArray<TreeEdit>> {
  const below = new Map<string, TreeEdit[]>();
  for (const { path, slot } of edits) {
    const [first, ...rest] = path;
    if (first === undefined) continue;
    const key = keyOf(first);
    if (rest.length > 0) below.set(key, [...(below.get(key) ?? []), { path: rest, slot }]);
    else if (slot === undefined) entries.delete(key);
    else entries.set(key, slot);
  }
  return below;
}
