/** Repositories inside a repository: a commit of another one, and what `.gitmodules` says of it. */

import { parseUtf8 } from "@skein/protocol/bytes";
import type { ObjectId } from "@skein/protocol/ids";
import { readEntries, readObject } from "./overlay.ts";
import type { ObjectReader } from "./overlay.ts";
import { readModules } from "./special-file.ts";
import { findEntry } from "./tree.ts";

/** A commit of another repository. It is shown, and never fetched. */
export interface Submodule {
  readonly commit: ObjectId;
  /** From `.gitmodules`; `undefined` where that says nothing of it. */
  readonly name: string | undefined;
  readonly url: string | undefined;
}

/** `undefined`: no submodule stands there. */
export async function readSubmodule(
  objects: ObjectReader,
  tree: ObjectId,
  path: string,
): Promise<Submodule | undefined> {
  const entry = await findEntry(objects, tree, path);
  if (entry?.kind !== "submodule") return undefined;
  const root = await readEntries(objects, tree);
  const file = root.find(({ name, kind }) => kind === "file" && parseUtf8(name) === ".gitmodules");
  const modules =
    file === undefined ? [] : readModules(await readObject(objects, file.oid, "blob"));
  const found = modules.find((module) => module.path === path);
  return { commit: entry.oid, name: found?.name, url: found?.url };
}
