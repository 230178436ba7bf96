/** Trees whose names or order git refuses are refused where packs are received, and the others are not; and so are refs. */

import { readFileSync } from "node:fs";
import { objectFault } from "@skein/git/object-fault";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blobCode, commitCode, entry, idOf, packOf, treeCode, treeOf } from "./pack-builder.ts";
import { indexByGit, makeGit } from "./pack-git.ts";
import { harmfulRefs } from "./ref-names.ts";
import { openPackThread, type PackThread } from "./pack-thread.ts";

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly fault: string | null;
}

const vectors = JSON.parse(
  readFileSync(new URL("../vectors/git-entry-names.json", import.meta.url), "utf8"),
) as ReadonlyArray<Vector>;

const judge = makeGit();
let thread: PackThread;
beforeAll(async () => {
  thread = await openPackThread();
});
afterAll(async () => {
  judge[Symbol.dispose]();
  await thread.close();
});

/** As it would come from another node. */
async function isTaken(entries: ReadonlyArray<Uint8Array>): Promise<boolean> {
  const received = await thread.receive(packOf(entries));
  expect(["kept", "refused"]).toContain(received.kind);
  return received.kind === "kept";
}

const file = "file\n";
const fileOid = idOf("blob", file);
const emptyTree = idOf("tree", "");

describe("git says the same of", () => {
  // Names beyond 255 bytes are git's to keep and no file system's.
  test.each(vectors.filter(({ fault }) => fault !== "largePathname"))(
    "$name",
    async ({ hex, fault }) => {
      const tree = treeOf(["100644", Buffer.from(hex, "hex"), fileOid]);
      const entries = [entry(blobCode, file), entry(treeCode, tree)];
      expect(indexByGit(judge, packOf(entries)).idx === undefined).toBe(fault !== null);
      expect(await isTaken(entries)).toBe(fault === null);
    },
  );

  const trees: ReadonlyArray<readonly [name: string, tree: Buffer, fault: string | undefined]> = [
    [
      "a name twice",
      treeOf(["100644", "a", fileOid], ["100644", "a", fileOid]),
      "duplicateEntries",
    ],
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
    [
      "a .gitmodules that is a folder",
      treeOf(["40000", ".gitmodules", emptyTree]),
      "gitmodulesBlob",
    ],
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
  test.each(trees)("%s", async (_, tree, fault) => {
    expect(objectFault("tree", tree)).toBe(fault);
    const entries = [entry(blobCode, file), entry(treeCode, ""), entry(treeCode, tree)];
    expect(indexByGit(judge, packOf(entries)).idx === undefined).toBe(fault !== undefined);
    expect(await isTaken(entries)).toBe(fault === undefined);
  });
});

test("names that no file system holds are refused", async () => {
  const tall = vectors.filter(({ fault }) => fault === "largePathname");
  expect(tall.length).toBeGreaterThan(0);
  for (const { hex } of tall) {
    const tree = treeOf(["100644", Buffer.from(hex, "hex"), fileOid]);
    expect(await isTaken([entry(blobCode, file), entry(treeCode, tree)])).toBe(false);
  }
});

describe("a bundle's ref is left out where it could do harm:", () => {
  const person = "Alice <alice@example.org> 1700000000 +0000";
  const commit = `tree ${emptyTree}\nauthor ${person}\ncommitter ${person}\n\nOne\n`;
  const tip = idOf("commit", commit);
  const bundleOf = (name: string): Uint8Array =>
    Buffer.concat([
      Buffer.from(`# v2 git bundle\n${tip} refs/heads/main\n${tip} ${name}\n\n`),
      packOf([entry(treeCode, ""), entry(commitCode, commit)]),
    ]);

  test.each(harmfulRefs)("%j", async (name) => {
    const received = await thread.receive(bundleOf(name), "bundle");
    expect(received).toMatchObject({ kind: "kept", refs: ["refs/heads/main"] });
  });

  test("a bundle with a name of a megabyte is refused", async () => {
    const name = `refs/heads/${"x/".repeat(500_000)}x`;
    expect(await thread.receive(bundleOf(name), "bundle")).toMatchObject({ kind: "refused" });
  });

  test("and taken where it is only odd", async () => {
    for (const name of ["refs/heads/foo./bar", "refs/heads/foo@bar", "refs/heads/fu\u00df"])
      expect(await thread.receive(bundleOf(name), "bundle")).toMatchObject({
        kind: "kept",
        refs: expect.arrayContaining([name]),
      });
  });
});
