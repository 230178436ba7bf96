/** How deep, how wide and how long the trees of a pack are, with every path counted: a few objects can spell billions of files. */

import { LimitExceededError } from "@skein/protocol/errors";
import { pathBytesMax, treeDepthMax, treePathsMax } from "@skein/protocol/limits";
import { PackRejectedError } from "./pack-rejected.ts";

export interface TreeShape {
  /** Folders in folders, with the tree itself. */
  readonly depth: number;
  /** Files and folders below it, each as often as a path leads to it. */
  readonly paths: number;
  /** The longest path below it. */
  readonly pathBytes: number;
}

export interface TreeShapes {
  /** Begins the tree that is known as `link` to those that refer to it. */
  readonly begin: () => void;
  readonly file: (nameBytes: number) => void;
  readonly folder: (link: number, nameBytes: number) => void;
  /** The folders that are not among the trees, each once. `linkOfTree` says under which link each tree is referred to, or -1. */
  readonly outside: (linkOfTree: (tree: number) => number) => Iterable<number>;
  /** Throws `PackRejectedError` if one of them is more than may be. `shapeOf` knows the shapes of folders outside. */
  readonly judge: (
    linkOfTree: (tree: number) => number,
    shapeOf: (link: number) => TreeShape | undefined,
  ) => void;
}

/** Folders are named by the links to them, since those inside a tree may not have been read yet. */
export function openTreeShapes(): TreeShapes {
  const shapes: Shapes = {
    folders: new Uint32Array(1024),
    names: new Uint8Array(1024),
    folderCount: 0,
    starts: [],
    files: [],
    longest: [],
  };
  return {
    begin: () => {
      shapes.starts.push(shapes.folderCount);
      shapes.files.push(0);
      shapes.longest.push(0);
    },
    file: (nameBytes) => {
      const tree = shapes.files.length - 1;
      shapes.files[tree] = (shapes.files[tree] ?? 0) + 1;
      shapes.longest[tree] = Math.max(shapes.longest[tree] ?? 0, nameBytes);
    },
    folder: (link, nameBytes) => {
      if (shapes.folderCount === shapes.folders.length) makeRoom(shapes);
      shapes.names[shapes.folderCount] = nameBytes;
      shapes.folders[shapes.folderCount++] = link;
    },
    outside: (linkOfTree) => {
      const links = new Set(shapes.folders.subarray(0, shapes.folderCount));
      for (let tree = 0; tree < shapes.starts.length; tree++) links.delete(linkOfTree(tree));
      return links;
    },
    judge: (linkOfTree, shapeOf) => judgeShapes(shapes, linkOfTree, shapeOf),
  };
}

/** Throws `PackRejectedError` at a tree of a shape that nobody takes. */
export function judgeShape({ depth, paths, pathBytes }: TreeShape): void {
  if (depth > treeDepthMax)
    throw new PackRejectedError("tree-depth", `folders deeper than ${treeDepthMax}`);
  if (paths > treePathsMax)
    throw new PackRejectedError("tree-paths", `more than ${treePathsMax} paths in a tree`);
  if (pathBytes > pathBytesMax)
    throw new PackRejectedError("path-bytes", `a path of more than ${pathBytesMax} bytes`);
}

/** A tree's shape while its entries are added up. */
export interface GrowingShape {
  depth: number;
  paths: number;
  pathBytes: number;
}

export function addName(to: GrowingShape, nameBytes: number): void {
  to.paths += 1;
  to.pathBytes = Math.max(to.pathBytes, nameBytes);
}

export function addFolder(
  to: GrowingShape,
  nameBytes: number,
  { depth, paths, pathBytes }: TreeShape,
): void {
  to.depth = Math.max(to.depth, depth + 1);
  to.paths += 1 + paths;
  to.pathBytes = Math.max(to.pathBytes, nameBytes + (pathBytes === 0 ? 0 : 1 + pathBytes));
}

export const emptyShape: TreeShape = { depth: 1, paths: 0, pathBytes: 0 };

interface Shapes {
  /** The links to folders, tree after tree. */
  folders: Uint32Array<ArrayBuffer>;
  /** How long the folders' names are; 255 bytes at the most. */
  names: Uint8Array<ArrayBuffer>;
  folderCount: number;
  /** Where each tree's folders begin. */
  readonly starts: number[];
  readonly files: number[];
  /** The longest name of a file in each tree. */
  readonly longest: number[];
}

function judgeShapes(
  { folders, names, folderCount, starts, files, longest }: Shapes,
  linkOfTree: (tree: number) => number,
  shapeOf: (link: number) => TreeShape | undefined,
): void {
  const treeOfLink = new Map<number, number>();
  starts.forEach((_, tree) => {
    const link = linkOfTree(tree);
    if (link >= 0) treeOfLink.set(link, tree);
  });
  const measured = openColumns(starts.length);
  /** Adds up a tree from where it was left, or answers the folder that must be measured before. */
  const measure = (frame: Frame): number | undefined => {
    const end = starts[frame.tree + 1] ?? folderCount;
    for (; frame.at < end; frame.at++) {
      const link = folders[frame.at] ?? 0;
      const inner = treeOfLink.get(link);
      const shape = inner === undefined ? (shapeOf(link) ?? emptyShape) : measured.read(inner);
      if (shape === undefined) return inner;
      addFolder(frame, names[frame.at] ?? 0, shape);
    }
    measured.write(frame.tree, frame);
    return undefined;
  };
  const open = (tree: number): Frame => ({
    tree,
    at: starts[tree] ?? 0,
    depth: 1,
    paths: files[tree] ?? 0,
    pathBytes: longest[tree] ?? 0,
  });
  for (let tree = 0; tree < starts.length; tree++) {
    if (measured.read(tree) !== undefined) continue;
    const stack = [open(tree)];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const inner = measure(top);
      judgeShape({ ...top, depth: Math.max(top.depth, stack.length) });
      if (inner === undefined) stack.pop();
      else stack.push(open(inner));
    }
  }
}

interface Frame extends GrowingShape {
  readonly tree: number;
  at: number;
}

/** Shapes within the limits, in few bytes each. */
function openColumns(trees: number): {
  readonly read: (tree: number) => TreeShape | undefined;
  readonly write: (tree: number, shape: TreeShape) => void;
} {
  const depths = new Uint16Array(trees);
  const paths = new Uint32Array(trees);
  const lengths = new Uint16Array(trees);
  return {
    read: (tree) => {
      const depth = depths[tree] ?? 0;
      if (depth === 0) return undefined;
      return { depth, paths: paths[tree] ?? 0, pathBytes: lengths[tree] ?? 0 };
    },
    write: (tree, shape) => {
      depths[tree] = shape.depth;
      paths[tree] = shape.paths;
      lengths[tree] = shape.pathBytes;
    },
  };
}

function makeRoom(shapes: Shapes): void {
  const { folders, names } = shapes;
  if (folders.length >= foldersMax)
    throw new LimitExceededError("folders in the trees of one pack", {
      actual: folders.length,
      most: foldersMax,
    });
  shapes.folders = new Uint32Array(folders.length * 2);
  shapes.folders.set(folders);
  shapes.names = new Uint8Array(names.length * 2);
  shapes.names.set(names);
}

/** 80 MiB of them. */
const foldersMax = 16 * 1024 * 1024;
