/** Trees whose names or order git refuses are refused where packs are received, and the others are not; and so are refs. */

import { objectFault } from "@skein/git/object-fault";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commitCode, entry, idOf, packOf, treeCode } from "./pack-builder.ts";
import { indexByGit, makeGit } from "./pack-git.ts";
import { harmfulRefs } from "./ref-names.ts";
import { expectBounded, openPackThread, type PackThread } from "./pack-thread.ts";
import { namedTrees } from "./tree-table.ts";

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
  expectBounded(received);
  return received.kind === "kept";
}

const emptyTree = idOf("tree", "");

describe("git says the same of", () => {
  // Names beyond 255 bytes are git's to keep and no file system's.
  test.each(namedTrees.filter(({ fault }) => fault !== "largePathname"))(
    "$name",
    async ({ tree, fault, entries }) => {
      expect(objectFault("tree", tree)).toBe(fault);
      expect(indexByGit(judge, packOf(entries)).idx === undefined).toBe(fault !== undefined);
      expect(await isTaken(entries)).toBe(fault === undefined);
    },
  );
});

test("names that no file system holds are refused", async () => {
  const tall = namedTrees.filter(({ fault }) => fault === "largePathname");
  expect(tall.length).toBeGreaterThan(0);
  for (const { entries } of tall) expect(await isTaken(entries)).toBe(false);
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
    expectBounded(received);
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
