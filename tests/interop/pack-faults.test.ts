/** Storage that fails at any moment: the repository opens again, and what was acknowledged is there. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readBundle } from "@skein/git/bundle";
import { StorageFullError, type Files } from "@skein/git/files";
import { openMemoryFiles } from "@skein/git/memory-files";
import { formatTree } from "@skein/git/object";
import { openObjectStore, type ObjectStore } from "@skein/git/object-store";
import type { Bytes } from "@skein/protocol/bytes";
import { parseObjectId, type ObjectId } from "@skein/protocol/ids";
import { failAtCommit } from "@skein/testkit/failing-files";
import { afterAll, describe, expect, test } from "vitest";
import { makeGit, makeHistory } from "./pack-git.ts";

const history = makeHistory(12, 4);
afterAll(() => history[Symbol.dispose]());
const signal = new AbortController().signal;

const bundle = history.run(["bundle", "create", "-q", "-", "--all"]);
const wholePack = readBundle(bundle).pack;
const full = new StorageFullError("The device has no room left");
const steps = history.text("rev-list", "--reverse", "--first-parent", "main").split("\n");

/** Each answers what it was told is kept, as it goes. */
const workflows: ReadonlyArray<
  readonly [
    name: string,
    run: (store: ObjectStore, acked: (oid: ObjectId) => void) => Promise<void>,
  ]
> = [
  [
    "packs received one after the other",
    async (store, acked) => {
      let have = "";
      for (const want of steps) {
        const bytes = history.run(
          ["pack-objects", "--stdout", "--thin", "--revs", "-q"],
          `${want}\n${have}`,
        );
        await store.storePack({ bytes, tips: [oid(want)], signal });
        acked(oid(want));
        have = `^${want}\n`;
      }
    },
  ],
  [
    "commits made here",
    async (store, acked) => {
      for (let at = 0; at < 6; at++) {
        const blob = { type: "blob", bytes: Uint8Array.from(Buffer.from(`text ${at}`)) } as const;
        const [file] = await store.objectsToPack([blob], { signal });
        if (file === undefined) throw new Error("a blob has an id");
        acked(file);
        const name = Uint8Array.from(Buffer.from("a.txt"));
        const bytes = formatTree([{ mode: 0o100644, name, oid: file }]);
        const [tree] = await store.objectsToPack([{ type: "tree", bytes }], { signal });
        if (tree !== undefined) acked(tree);
      }
    },
  ],
  [
    "a bundle imported",
    async (store, acked) => {
      await store.storePack({ bytes: wholePack, tips: [history.oid("main")], signal });
      acked(history.oid("main"));
    },
  ],
];

describe.each(workflows)("%s", (_, run) => {
  test.each(["before", "after"] as const)(
    "survive storage that fails %s any commit",
    async (moment) => {
      for (let failing = 1; ; failing++) {
        const contents = new Map<string, Bytes>();
        const acked: ObjectId[] = [];
        const why = await attempt(
          failAtCommit(openMemoryFiles(contents), { failing, moment, error: full }),
          async (files) => run(await openObjectStore(files), (oid) => acked.push(oid)),
        );
        const store = await openObjectStore(openMemoryFiles(contents));
        for (const oid of acked) expect(await store.read(oid), `commit ${failing}`).toBeDefined();
        expect(fsckOf(contents), `commit ${failing}`).toBe("");
        // What was interrupted can be done again.
        await run(store, () => {});
        if (why === undefined) return;
        expect(why).toBeInstanceOf(StorageFullError);
      }
    },
    60_000,
  );
});

async function attempt(files: Files, work: (files: Files) => Promise<void>): Promise<unknown> {
  return await work(files).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Everything that is kept is whole: git finds no object missing, whatever refs would say. */
function fsckOf(contents: ReadonlyMap<string, Bytes>): string {
  using git = makeGit();
  for (const [path, bytes] of contents) writeFileSync(join(git.path, path), bytes);
  return git.text("fsck", "--full", "--strict", "--no-dangling");
}

function oid(text: string): ObjectId {
  const parsed = parseObjectId(text);
  if (parsed === undefined) throw new Error(`${text} is no object id`);
  return parsed;
}
