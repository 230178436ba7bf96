/**
 * The files of a repository as isomorphic-git is to see them: objects stand alone, as if they had never been packed, and
 * are read one by one through our own reader. So it never looks for a pack, and never holds one.
 */

import { concat, formatUtf8, parseUtf8, type Bytes } from "@skein/protocol/bytes";
import { SkeinError } from "@skein/protocol/errors";
import { parseObjectId, type ObjectId } from "@skein/protocol/ids";
import { deflate, inflate } from "pako";
import type { FileBatch, Files } from "./files.ts";
import { openLightningFs } from "./lightning-fs.ts";
import type { ObjectStore } from "./object-store.ts";
import { hashObject } from "./object-hash.ts";
import { parseObjectType, type GitObject } from "./object.ts";

/** What every call to isomorphic-git is given: one cache for one repository. */
export interface IsomorphicGit {
  readonly fs: ReturnType<typeof openLightningFs>;
  readonly gitdir: string;
  readonly cache: object;
}

/** Something was to be written past the ways that keep a repository whole. */
export class WritePastRefsError extends SkeinError {
  override readonly name = "WritePastRefsError";
  readonly code = "write_past_refs";
  readonly blame = "caller";
  readonly hint = "Move refs by `updateRefs`: then what they were can be undone to.";
}

/** `files` and `objects` are those of one repository. */
export function openIsomorphicGit(
  files: Files,
  objects: Pick<ObjectStore, "read" | "objectsToPack">,
): IsomorphicGit {
  return { fs: openLightningFs(overlayLoose(files, objects)), gitdir: "/", cache: {} };
}

/** Objects are read from where they are, and kept in packs; all other files are read, and none of them is written. */
function overlayLoose(
  files: Files,
  { read, objectsToPack }: Pick<ObjectStore, "read" | "objectsToPack">,
): Files {
  // Whoever asks whether there is one reads it next.
  let last: { readonly path: string; readonly bytes: Bytes | undefined } | undefined;
  const loose = async (path: string, oid: ObjectId): Promise<Bytes | undefined> => {
    if (last?.path === path) return last.bytes;
    const object = await read(oid);
    const bytes = object && formatLoose(object);
    if (bytes !== undefined) last = { path, bytes };
    return bytes;
  };
  return {
    read: async (path) => {
      const oid = oidOfPath(path);
      return oid === undefined ? files.read(path) : (await loose(path, oid))?.slice();
    },
    size: async (path) => {
      const oid = oidOfPath(path);
      return oid === undefined ? files.size(path) : (await loose(path, oid))?.length;
    },
    list: async (folder) => (isObjectFolder(folder) ? [] : files.list(folder)),
    commit: async ({ put, delete: gone }: FileBatch) => {
      const made = put.map(([path, bytes]) => parseLoose(path, bytes));
      const [past] = [
        ...put.map(([path]) => path).filter((_, at) => made[at] === undefined),
        ...gone,
      ];
      if (past !== undefined)
        throw new WritePastRefsError(`${past} is not written by other programs than ours`);
      await objectsToPack(
        made.flatMap((object) => object ?? []),
        { signal: neverStopped },
      );
    },
    close: async () => {},
  };
}

function oidOfPath(path: string): ObjectId | undefined {
  const found = loosePath.exec(path);
  return found === null ? undefined : parseObjectId(`${found[1] ?? ""}${found[2] ?? ""}`);
}

function isObjectFolder(folder: string): boolean {
  return folder === "objects" || folder.startsWith("objects/");
}

/** Not made smaller: it is taken apart again at once. */
function formatLoose({ type, bytes }: GitObject): Bytes {
  const header = formatUtf8(`${type} ${bytes.length}\0`);
  return deflate(concat(header, bytes), { level: 0 });
}

/** `undefined`: these are not the bytes of the object that the path names. */
function parseLoose(path: string, bytes: Uint8Array): GitObject | undefined {
  const oid = oidOfPath(path);
  if (oid === undefined) return undefined;
  const whole = inflate(bytes);
  const end = whole.indexOf(0);
  const type = parseObjectType((parseUtf8(whole.subarray(0, end)) ?? "").split(" ")[0] ?? "");
  if (end < 0 || type === undefined) return undefined;
  const object = { type, bytes: whole.slice(end + 1) };
  return hashObject(object) === oid ? object : undefined;
}

const loosePath = /^objects\/([0-9a-f]{2})\/([0-9a-f]{38})$/u;
const neverStopped = { aborted: false, throwIfAborted: (): void => undefined };
