/** How deep and how wide the trees of a pack are, with every path counted: a few objects can spell billions of files. */

import { LimitExceededError } from "@skein/protocol/errors";
import { treeDepthMax, treePathsMax } from "@skein/protocol/limits";

export interface TreeShapes {
  /** Begins the tree that is known as `link` to those that refer to it. */
  readonly begin: () => void;
  readonly files: (many: number) => void;
  readonly folder: (link: number) => void;
  /** Judges them all. `linkOfTree` says under which link each begun tree is referred to, or -1. */
  readonly judge: (linkOfTree: (tree: number) => number) => string | undefined;
}

/** Folders are named by the links to them, since those inside a tree may not have been read yet. */
export function openTreeShapes(): TreeShapes {
  let folders = new Uint32Array(1024);
  let folderCount = 0;
  const starts: number[] = [];
  const files: number[] = [];

  return {
    begin: () => {
      starts.push(folderCount);
      files.push(0);
    },
    files: (many) => {
      files[files.length - 1] = (files.at(-1) ?? 0) + many;
    },
    folder: (link) => {
      if (folderCount === folders.length) folders = twice(folders);
      folders[folderCount++] = link;
    },
    judge: (linkOfTree) => judgeShapes({ folders, folderCount, starts, files }, linkOfTree),
  };
}

interface Shapes {
  /** The links to folders, tree after tree. */
  readonly folders: Uint32Array;
  readonly folderCount: number;
  /** Where each tree's folders begin. */
  readonly starts: ReadonlyArray<number>;
  readonly files: ReadonlyArray<number>;
}

function judgeShapes(
  { folders, folderCount, starts, files }: Shapes,
  linkOfTree: (tree: number) => number,
): string | undefined {
  const treeOfLink = new Map<number, number>();
  starts.forEach((_, tree) => {
    const link = linkOfTree(tree);
    if (link >= 0) treeOfLink.set(link, tree);
  });
  const depths = new Uint16Array(starts.length);
  const paths = new Float64Array(starts.length);
  /** Adds up a tree from where it was left, or answers the folder that must be measured before. */
  const measure = (frame: Frame): number | undefined => {
    const end = starts[frame.tree + 1] ?? folderCount;
    for (; frame.at < end; frame.at++) {
      const inner = treeOfLink.get(folders[frame.at] ?? 0);
      // A tree that is not in this pack was judged when it came.
      const depth = inner === undefined ? 1 : (depths[inner] ?? 0);
      if (inner !== undefined && depth === 0) return inner;
      frame.depth = Math.max(frame.depth, depth);
      frame.paths += 1 + (inner === undefined ? 0 : (paths[inner] ?? 0));
    }
    depths[frame.tree] = frame.depth + 1;
    paths[frame.tree] = frame.paths;
    return undefined;
  };
  const open = (tree: number): Frame => ({
    tree,
    at: starts[tree] ?? 0,
    depth: 0,
    paths: files[tree] ?? 0,
  });
  for (let tree = 0; tree < starts.length; tree++) {
    if ((depths[tree] ?? 0) > 0) continue;
    const stack = [open(tree)];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const inner = measure(top);
      if (inner === undefined) stack.pop();
      else stack.push(open(inner));
      if (stack.length > treeDepthMax || (depths[top.tree] ?? 0) > treeDepthMax)
        return `folders deeper than ${treeDepthMax}`;
      if (top.paths > treePathsMax) return `more than ${treePathsMax} paths in a tree`;
    }
  }
  return undefined;
}

interface Frame {
  readonly tree: number;
  at: number;
  depth: number;
  paths: number;
}

function twice(folders: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  if (folders.length >= foldersMax)
    throw new LimitExceededError("folders in the trees of one pack", {
      actual: folders.length,
      most: foldersMax,
    });
  const more = new Uint32Array(folders.length * 2);
  more.set(folders);
  return more;
}

/** 64 MiB of them. */
const foldersMax = 16 * 1024 * 1024;
