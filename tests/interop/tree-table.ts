/** Trees as Mallory makes them: what their entries are called, in which order they stand, and what git says of each. */

import { readFileSync } from "node:fs";
import { blobCode, entry, idOf, treeCode, treeOf } from "./pack-builder.ts";

export interface NamedTree {
  readonly name: string;
  readonly tree: Buffer;
  /** What `git fsck` calls it. */
  readonly fault: string | undefined;
  /** All that the tree refers to, and the tree. */
  readonly entries: ReadonlyArray<Uint8Array>;
}

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly fault: string | null;
}

const file = "file\n";
const fileOid = idOf("blob", file);
const emptyTree = idOf("tree", "");

const vectors = JSON.parse(
  readFileSync(new URL("../vectors/git-entry-names.json", import.meta.url), "utf8"),
) as ReadonlyArray<Vector>;

const trees: ReadonlyArray<readonly [name: string, tree: Buffer, fault: string | undefined]> = [
  ["a name twice", treeOf(["100644", "a", fileOid], ["100644", "a", fileOid]), "duplicateEntries"],
  [
    "a file and a folder of one name",
    treeOf(["100644", "a", fileOid], ["40000", "a", emptyTree]),
    "duplicateEntries",
  ],
  [
    "a file and a folder of one name, and others between them",
    treeOf(
      ["100644", "a", fileOid],
      ["100644", "a-b", fileOid],
      ["100644", "a.b", fileOid],
      ["40000", "a", emptyTree],
    ),
    "duplicateEntries",
  ],
  [
    "a symlink and a folder of one name",
    treeOf(["120000", "a", fileOid], ["40000", "a", emptyTree]),
    "duplicateEntries",
  ],
  [
    "names out of order",
    treeOf(["100644", "b", fileOid], ["100644", "a", fileOid]),
    "treeNotSorted",
  ],
  [
    "a folder sorted as if it were a file",
    treeOf(["40000", "a", emptyTree], ["100644", "a.b", fileOid]),
    "treeNotSorted",
  ],
  [
    "a folder sorted as git sorts it",
    treeOf(["100644", "a.b", fileOid], ["40000", "a", emptyTree], ["100644", "a0", fileOid]),
    undefined,
  ],
  [
    "files with the front of a name in common",
    treeOf(["100644", "a", fileOid], ["100644", "a-", fileOid], ["40000", "a-b", emptyTree]),
    undefined,
  ],
  ["the null id", treeOf(["100644", "a", "0".repeat(40)]), "nullSha1"],
  ["a mode with a zero in front", treeOf(["0100644", "a", fileOid]), "zeroPaddedFilemode"],
  ["a mode in letters", treeOf(["rwx", "a", fileOid]), "badTree"],
  ["no mode", treeOf(["", "a", fileOid]), "badTree"],
  [
    "an old mode",
    treeOf(["100664", "a", fileOid], ["104755", "b", fileOid], ["100600", "c", fileOid]),
    undefined,
  ],
  ["a submodule that is not here", treeOf(["160000", "a", "1".repeat(40)]), undefined],
  [
    "a .gitmodules that is a symlink",
    treeOf(["120000", ".gitmodules", fileOid]),
    "gitmodulesSymlink",
  ],
  [
    "a .GITMODULES. that is a symlink",
    treeOf(["120000", ".GITMODULES.", fileOid]),
    "gitmodulesSymlink",
  ],
  ["a .gitmodules that is a folder", treeOf(["40000", ".gitmodules", emptyTree]), "gitmodulesBlob"],
  [
    "a .gitattributes. that is a folder",
    treeOf(["40000", ".gitattributes.", emptyTree]),
    "gitattributesBlob",
  ],
  [
    "a .gitmodules that is a submodule",
    treeOf(["160000", ".gitmodules", "1".repeat(40)]),
    undefined,
  ],
  ["a gitmod~1 that is a symlink", treeOf(["120000", "gitmod~1", fileOid]), "gitmodulesSymlink"],
  ["a gi7eba~1 that is a symlink", treeOf(["120000", "gi7eba~1", fileOid]), "gitmodulesSymlink"],
  ["a gi7eb~12 that is a symlink", treeOf(["120000", "gi7eb~12", fileOid]), "gitmodulesSymlink"],
  [
    "a .gitm\u200codules that is a symlink",
    treeOf(["120000", ".gitm\u200codules", fileOid]),
    "gitmodulesSymlink",
  ],
  ["a gitmod~5 that is a symlink", treeOf(["120000", "gitmod~5", fileOid]), undefined],
];

function named(name: string, tree: Buffer, fault: string | undefined): NamedTree {
  const entries = [entry(blobCode, file), entry(treeCode, ""), entry(treeCode, tree)];
  return { name, tree, fault, entries };
}

/** First those with one entry, whose name is one of the vectors. */
export const namedTrees: ReadonlyArray<NamedTree> = [
  ...vectors.map(({ name, hex, fault }) =>
    named(name, treeOf(["100644", Buffer.from(hex, "hex"), fileOid]), fault ?? undefined),
  ),
  ...trees.map(([name, tree, fault]) => named(name, tree, fault)),
];
