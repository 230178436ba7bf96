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
  /** Begins the next tree. */
  readonly begin: () => void;
  /** Files in the tree, and how long the longest name of them is. */
  readonly files: (many: number, nameBytes: number) => void;
  /** A folder in the tree, known as `link`. */
  readonly folder: (link: number, nameBytes: number) => void;
  /** The folders that are not among the trees, each once. */
  readonly outside: (known: KnownTrees) => ReadonlyArray<number>;
  /** Throws `PackRejectedError` if one of them is more than may be. `shapeOf` knows the shapes of folders outside. */
  readonly judge: (known: KnownTrees, shapeOf: (link: number) => TreeShape | undefined) => void;
}

/** Under which link each tree is referred to, or -1; and how many links there are. */
export interface KnownTrees {
  readonly linkOfTree: Int32Array;
  readonly links: number;
}

/** Folders are named by the links to them, since those inside a tree may not have been read yet. */
export function openTreeShapes(): TreeShapes {
  const shapes: Shapes = {
    folders: new Uint32Array(1024),
    names: new Uint8Array(1024),
    folderCount: 0,
    starts: new Uint32Array(256),
    files: new Uint32Array(256),
    longest: new Uint8Array(256),
    treeCount: 0,
  };
  return {
    begin: () => {
      if (shapes.treeCount === shapes.starts.length) makeRoomForTrees(shapes);
      shapes.starts[shapes.treeCount++] = shapes.folderCount;
    },
    files: (many, nameBytes) => {
      const tree = shapes.treeCount - 1;
      shapes.files[tree] = (shapes.files[tree] ?? 0) + many;
      shapes.longest[tree] = Math.max(shapes.longest[tree] ?? 0, nameBytes);
    },
    folder: (link, nameBytes) => {
      if (shapes.folderCount === shapes.folders.length) makeRoomForFolders(shapes);
      shapes.names[shapes.folderCount] = nameBytes;
      shapes.folders[shapes.folderCount++] = link;
    },
    outside: (known) => foldersOutside(shapes, known),
    judge: (known, shapeOf) => judgeShapes(shapes, known, shapeOf),
  };
}

/** Throws `PackRejectedError` at a tree of a shape that nobody takes. */
export function judgeShape({ depth, paths, pathBytes }: TreeShape): void {
  judgeNumbers(depth, paths, pathBytes);
}

function judgeNumbers(depth: number, paths: number, pathBytes: number): void {
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
  starts: Uint32Array<ArrayBuffer>;
  files: Uint32Array<ArrayBuffer>;
  /** The longest name of a file in each tree. */
  longest: Uint8Array<ArrayBuffer>;
  treeCount: number;
}

/** Which tree each link leads to, counted from 1. */
function treesOfLinks({ linkOfTree, links }: KnownTrees): Int32Array {
  const trees = new Int32Array(links);
  for (let tree = 0; tree < linkOfTree.length; tree++) {
    const link = linkOfTree[tree] ?? -1;
    if (link >= 0) trees[link] = tree + 1;
  }
  return trees;
}

function foldersOutside({ folders, folderCount }: Shapes, known: KnownTrees): number[] {
  const treeOfLink = treesOfLinks(known);
  const outside: number[] = [];
  for (let at = 0; at < folderCount; at++) {
    const link = folders[at] ?? 0;
    if (treeOfLink[link] !== 0) continue;
    treeOfLink[link] = told;
    outside.push(link);
  }
  return outside;
}

function judgeShapes(
  shapes: Shapes,
  known: KnownTrees,
  shapeOf: (link: number) => TreeShape | undefined,
): void {
  const { treeCount } = shapes;
  const measuring: Measuring = {
    shapes,
    treeOfLink: treesOfLinks(known),
    shapeOf,
    depths: new Uint16Array(treeCount),
    paths: new Uint32Array(treeCount),
    lengths: new Uint16Array(treeCount),
  };
  for (let tree = 0; tree < treeCount; tree++) {
    if (measuring.depths[tree] !== 0) continue;
    const stack = [openFrame(shapes, tree)];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const inner = measure(measuring, top);
      judgeNumbers(Math.max(top.depth, stack.length), top.paths, top.pathBytes);
      if (inner < 0) stack.pop();
      else stack.push(openFrame(shapes, inner));
    }
  }
}

/** The shapes that are known, in columns; the depth of a tree that is not measured yet is 0. */
interface Measuring {
  readonly shapes: Shapes;
  readonly treeOfLink: Int32Array;
  readonly shapeOf: (link: number) => TreeShape | undefined;
  readonly depths: Uint16Array;
  readonly paths: Uint32Array;
  readonly lengths: Uint16Array;
}

interface Frame extends GrowingShape {
  readonly tree: number;
  at: number;
}

function openFrame({ starts, files, longest }: Shapes, tree: number): Frame {
  return {
    tree,
    at: starts[tree] ?? 0,
    depth: 1,
    paths: files[tree] ?? 0,
    pathBytes: longest[tree] ?? 0,
  };
}

/** Adds up a tree from where it was left. Answers the folder that must be measured before, or -1. */
function measure(measuring: Measuring, frame: Frame): number {
  const { treeOfLink, shapeOf } = measuring;
  const { folders, names, folderCount, starts, treeCount } = measuring.shapes;
  const { tree } = frame;
  const end = tree + 1 < treeCount ? (starts[tree + 1] ?? 0) : folderCount;
  for (; frame.at < end; frame.at++) {
    const link = folders[frame.at] ?? 0;
    const inner = (treeOfLink[link] ?? 0) - 1;
    const shape = inner < 0 ? (shapeOf(link) ?? emptyShape) : measuredAt(measuring, inner);
    if (shape === undefined) return inner;
    addFolder(frame, names[frame.at] ?? 0, shape);
  }
  measuring.depths[tree] = frame.depth;
  measuring.paths[tree] = frame.paths;
  measuring.lengths[tree] = frame.pathBytes;
  return -1;
}

function measuredAt({ depths, paths, lengths }: Measuring, tree: number): TreeShape | undefined {
  const depth = depths[tree] ?? 0;
  if (depth === 0) return undefined;
  return { depth, paths: paths[tree] ?? 0, pathBytes: lengths[tree] ?? 0 };
}

function makeRoomForFolders(shapes: Shapes): void {
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

function makeRoomForTrees(shapes: Shapes): void {
  const { starts, files, longest } = shapes;
  shapes.starts = new Uint32Array(starts.length * 2);
  shapes.starts.set(starts);
  shapes.files = new Uint32Array(files.length * 2);
  shapes.files.set(files);
  shapes.longest = new Uint8Array(longest.length * 2);
  shapes.longest.set(longest);
}

/** 80 MiB of them. */
const foldersMax = 16 * 1024 * 1024;
const told = -1;
