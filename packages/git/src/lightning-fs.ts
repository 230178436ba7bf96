/** `@isomorphic-git/lightning-fs` on our own backend over `Files`, for what runs on isomorphic-git. */

import LightningFS from "@isomorphic-git/lightning-fs";
import { formatUtf8, parseUtf8, type Bytes } from "@skein/protocol/bytes";
import type { Files } from "./files.ts";

/**
 * A file system whose every write is durable before it is acknowledged. The library's own backend saves its directory
 * half a second later and loses whole repositories when a tab is killed. There are no symlinks and no modes: what is
 * kept here is git's own folder, not a work tree.
 */
export function openLightningFs(files: Files): LightningFS {
  const options = { backend: openBackend(files), defer: true };
  return new LightningFS("skein", options);
}

interface Options {
  readonly encoding?: string;
}

interface Stat {
  readonly type: "file" | "dir";
  readonly mode: number;
  readonly size: number;
  readonly ino: number;
  readonly mtimeMs: number;
  readonly uid: number;
  readonly gid: number;
}

/** What the library asks of a backend. */
interface Backend {
  readonly saveSuperblock: () => void;
  readonly flush: () => Promise<void>;
  readonly readFile: (path: string, options?: Options) => Promise<Bytes | string>;
  readonly writeFile: (path: string, data: Uint8Array | string) => Promise<void>;
  readonly unlink: (path: string) => Promise<void>;
  readonly rename: (from: string, to: string) => Promise<void>;
  readonly readdir: (path: string) => Promise<ReadonlyArray<string>>;
  readonly mkdir: (path: string) => Promise<void>;
  readonly rmdir: (path: string) => Promise<void>;
  readonly stat: (path: string) => Promise<Stat>;
  readonly lstat: (path: string) => Promise<Stat>;
  readonly chmod: () => Promise<void>;
  readonly readlink: (path: string) => Promise<never>;
  readonly symlink: (target: string, path: string) => Promise<never>;
}

function openBackend(files: Files): Backend {
  // A folder without files is not kept by `Files`; it lives as long as it takes to put one in.
  const made = new Set([""]);
  const isFile = async (path: string): Promise<boolean> => (await files.size(path)) !== undefined;
  const isFolder = async (path: string): Promise<boolean> =>
    made.has(path) || (await files.list(path)).length > 0;
  const stat = async (given: string): Promise<Stat> => {
    const path = inside(given);
    const size = await files.size(path);
    if (size !== undefined) return { ...plainStat, type: "file", mode: 0o100644, size };
    if (await isFolder(path)) return { ...plainStat, type: "dir", mode: 0o040755, size: 0 };
    throw new SystemError("ENOENT", path);
  };
  const readdir = async (given: string): Promise<ReadonlyArray<string>> => {
    const path = inside(given);
    if (await isFile(path)) throw new SystemError("ENOTDIR", path);
    if (!(await isFolder(path))) throw new SystemError("ENOENT", path);
    const kept = (await files.list(path)).map((name) => name.replace(/\/$/u, ""));
    return [...new Set([...kept, ...namesBelow(path, made)])];
  };
  return {
    ...fileCalls(files, isFolder),
    ...unsupported,
    readdir,
    stat,
    lstat: stat,
    mkdir: async (given) => {
      const path = inside(given);
      if ((await isFile(path)) || (await isFolder(path))) throw new SystemError("EEXIST", path);
      made.add(path);
    },
    rmdir: async (given) => {
      const path = inside(given);
      if ((await readdir(given)).length > 0) throw new SystemError("ENOTEMPTY", path);
      made.delete(path);
    },
  };
}

function fileCalls(
  files: Files,
  isFolder: (path: string) => Promise<boolean>,
): Pick<Backend, "readFile" | "writeFile" | "unlink" | "rename"> {
  const mustRead = async (path: string): Promise<Bytes> => {
    const bytes = await files.read(path);
    if (bytes === undefined) throw new SystemError("ENOENT", path);
    return bytes;
  };
  return {
    readFile: async (path, options) => {
      const bytes = await mustRead(inside(path));
      return options?.encoding === "utf8" ? (parseUtf8(bytes) ?? "") : bytes;
    },
    writeFile: async (given, data) => {
      const path = inside(given);
      if (await isFolder(path)) throw new SystemError("EISDIR", path);
      const bytes = typeof data === "string" ? formatUtf8(data) : data;
      await files.commit({ put: [[path, bytes]], delete: [] }, strict);
    },
    unlink: async (given) => {
      const path = inside(given);
      if ((await files.size(path)) === undefined) throw new SystemError("ENOENT", path);
      await files.commit({ put: [], delete: [path] }, strict);
    },
    rename: async (from, to) => {
      const bytes = await mustRead(inside(from));
      await files.commit({ put: [[inside(to), bytes]], delete: [inside(from)] }, strict);
    },
  };
}

/** The names of those folders that lie in `folder`, or of the folders there that they lie in. */
function namesBelow(folder: string, folders: Iterable<string>): ReadonlyArray<string> {
  const prefix = folder === "" ? "" : `${folder}/`;
  return [...folders].flatMap((path) => {
    const [name = ""] = path.startsWith(prefix) ? path.slice(prefix.length).split("/") : [];
    return name === "" ? [] : [name];
  });
}

const unsupported: Pick<Backend, "saveSuperblock" | "flush" | "chmod" | "readlink" | "symlink"> = {
  // Every write was kept when it was acknowledged: there is nothing left to save.
  saveSuperblock: () => {},
  flush: async () => {},
  chmod: async () => {},
  readlink: async (path) => {
    throw new SystemError("EINVAL", path);
  },
  symlink: async (_, path) => {
    throw new SystemError("EPERM", path);
  },
};

/** Paths of `Files` have no leading slash. The library has made them plain before. */
function inside(path: string): string {
  return path.replace(/^\/+/u, "");
}

/** Isomorphic-git tells errors apart by the code that Node gives them. */
class SystemError extends Error {
  override readonly name = "SystemError";
  readonly code: string;

  constructor(code: string, path: string) {
    super(`${code}: ${path}`);
    this.code = code;
  }
}

const plainStat = { ino: 0, mtimeMs: 0, uid: 1, gid: 1 };
const strict = { durability: "strict" } as const;
