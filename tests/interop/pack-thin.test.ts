/** What is sent of files that moved, or that another branch knew, is as little as what git sends. */

import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore } from "@skein/git/object-store";
import { openRepository } from "@skein/git/repository";
import { formatUtf8 } from "@skein/protocol/bytes";
import { instant } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { makeGit, readPack, type GitFolder } from "./pack-git.ts";

const signal = new AbortController().signal;

test("a file that moved, and one that came again on another branch, are sent as what changed", async () => {
  using alice = makeBranches();
  const { pack } = readPack(alice);
  const store = await openObjectStore(openMemoryFiles());
  const [want, have] = [alice.oid("main"), alice.oid("have")];
  await store.storePack({ bytes: pack, tips: [want], signal });
  const { bytes, objects } = await store.buildPack({ wants: [want], haves: [have], signal });
  const asked = `${want}\n^${have}\n`;
  const git = alice.run(["pack-objects", "--stdout", "--revs", "--thin", "-q"], asked);
  expect(objects).toBe(git.readUInt32BE(8));
  expect(bytes.length).toBeLessThan(git.length + 50);
  // Each of the two files has 4,000 bytes that cannot be shrunk much.
  expect(bytes.length).toBeLessThan(2_000);

  using bob = makeGit();
  bob.run(["fetch", "-q", alice.path, `${have}:refs/heads/main`]);
  bob.run(["index-pack", "--stdin", "--fix-thin", "--strict"], bytes);
  bob.run(["update-ref", "refs/heads/main", want]);
  expect(bob.text("fsck", "--full", "--strict")).toBe("");
});

test("a commit that was made here is sent as what changed", async () => {
  using alice = makeBranches();
  const repository = await openRepository({ files: openMemoryFiles() });
  const have = alice.oid("main");
  await repository.objects.storePack({ bytes: readPack(alice).pack, tips: [have], signal });
  const want = await repository.commitDraft({
    parent: have,
    changes: [
      { path: "texts/moved.txt", kind: "write", bytes: formatUtf8(`${noise(1)}changed again\n`) },
    ],
    message: "Change a line",
    author: { name: "Alice", email: "alice@example.org" },
    at: instant(1_800_000_000_000),
    offsetMinutes: 0,
  });
  const { bytes, objects } = await repository.objects.buildPack({
    wants: [want],
    haves: [have],
    signal,
  });
  expect(objects).toBe(4);
  expect(bytes.length).toBeLessThan(600);
  alice.run(["index-pack", "--stdin", "--fix-thin", "--strict"], bytes);
  expect(alice.text("log", "-1", "--format=%s", want)).toBe("Change a line");
});

/** On `side`, which began before `have`, a file comes that `have` holds in another version; on `main` a file moves. */
function makeBranches(): GitFolder {
  const git = makeGit();
  const parts: string[] = [];
  const at = (path: string, text: string): string =>
    `M 100644 inline ${path}\ndata ${text.length}\n${text}\n`;
  const commit = (branch: string, parents: ReadonlyArray<string>, changes: string): void => {
    const seconds = 1_700_000_000 + parts.length * 60;
    const who = `Alice <alice@example.org> ${seconds} +0000`;
    const [first, ...others] = parents;
    parts.push(
      `commit refs/heads/${branch}\nmark :${parts.length + 1}\nauthor ${who}\ncommitter ${who}\ndata 2\nx\n`,
      `${first === undefined ? "" : `from ${first}\n`}${others.map((other) => `merge ${other}\n`).join("")}${changes}`,
    );
  };
  commit("main", [], at("docs/moves.txt", noise(1)) + at("other.txt", "Hello\n"));
  commit("main", [":1"], at("lib/deep/known.txt", noise(2)));
  commit("have", [":3"], at("other.txt", "Hello again\n"));
  commit("side", [":1"], at("other.txt", "Hello from the side\n"));
  commit("side", [":7"], at("lib/deep/known.txt", `${noise(2)}a line more\n`));
  commit("main", [":5"], `D docs/moves.txt\n${at("texts/moved.txt", `${noise(1)}changed\n`)}`);
  commit("main", [":11", ":9"], at("lib/deep/known.txt", `${noise(2)}a line more\n`));
  git.run(["fast-import", "--quiet"], parts.join(""));
  git.run(["repack", "-adfq", "--window=0"]);
  return git;
}

/** Lines of letters by chance, the same for the same seed. */
function noise(seed: number): string {
  let state = seed;
  let text = "";
  while (text.length < 4_000) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += text.length % 64 === 63 ? "\n" : String.fromCharCode(33 + ((state >>> 16) % 90));
  }
  return text;
}
