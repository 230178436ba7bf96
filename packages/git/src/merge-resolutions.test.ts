import { formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import { instant } from "@skein/protocol/ids";
import type { ObjectId } from "@skein/protocol/ids";
import { expect, test } from "vitest";
import { openMemoryFiles } from "./memory-files.ts";
import type { Resolution } from "./merge-resolutions.ts";
import { openRepository } from "./repository.ts";
import type { Repository } from "./repository.ts";

test("a text in conflict comes as hunks: what merges, and base, ours and theirs of what does not", async () => {
  const { repository, tips } = await meet(
    { "a.txt": "one\ntwo\nthree\nfour\n" },
    { "a.txt": "one\n2\nthree\nfour\nfive\n" },
    { "a.txt": "one\nII\nthree\nfour\n" },
  );
  const told = await repository.conflicts(tips);
  expect([told.ours.authorName, told.theirs.authorName]).toEqual(["Alice", "Bob"]);
  expect(told.conflicts).toMatchObject([
    {
      path: "a.txt",
      reason: "text",
      hunks: [
        { kind: "merged", text: "one\n" },
        { kind: "conflict", base: "two\n", ours: "2\n", theirs: "II\n" },
        { kind: "merged", text: "three\nfour\nfive\n" },
      ],
    },
  ]);
});

test("ours is ours and theirs is theirs, whichever id is smaller", async () => {
  const { repository, tips } = await meet({ a: "0\n" }, { a: "1\n" }, { a: "2\n" });
  const swapped = { ours: tips.theirs, theirs: tips.ours };
  const one = (await repository.conflicts(tips)).conflicts[0];
  const other = (await repository.conflicts(swapped)).conflicts[0];
  expect(one?.hunks).toEqual([{ kind: "conflict", base: "0\n", ours: "1\n", theirs: "2\n" }]);
  expect(other?.hunks).toEqual([{ kind: "conflict", base: "0\n", ours: "2\n", theirs: "1\n" }]);
});

test.each<readonly [Resolution, string | undefined]>([
  [{ path: "a", take: "ours" }, "x\n1\ny\n"],
  [{ path: "a", take: "theirs" }, "x\n2\ny\n"],
  [{ path: "a", take: "base" }, "x\n0\ny\n"],
  [{ path: "a", take: "hunks", hunks: ["both"] }, "x\n1\n2\ny\n"],
  [{ path: "a", take: "hunks", hunks: ["theirs"] }, "x\n2\ny\n"],
  [{ path: "a", take: "hunks", hunks: [{ text: "3\n" }] }, "x\n3\ny\n"],
  [{ path: "a", take: "edited", bytes: formatUtf8("all new\n") }, "all new\n"],
])("of a text in conflict %j makes %j", async (resolution, expected) => {
  const { repository, tips } = await meet(
    { a: "x\n0\ny\n", b: "b\n" },
    { a: "x\n1\ny\n" },
    { a: "x\n2\ny\n", c: "c\n" },
  );
  const oid = await settle(repository, tips, [resolution]);
  expect(await read(repository, oid, "a")).toBe(expected);
  expect(await read(repository, oid, "c")).toBe("c\n");
  expect((await repository.readCommit(oid)).parents).toEqual([tips.ours, tips.theirs]);
  expect((await repository.readCommit(oid)).authorName).toBe("Carol");
});

test("the last line of a text may lack its newline when both are kept", async () => {
  const { repository, tips } = await meet({ a: "0" }, { a: "1" }, { a: "2" });
  const oid = await settle(repository, tips, [{ path: "a", take: "hunks", hunks: ["both"] }]);
  expect(await read(repository, oid, "a")).toBe("1\n2");
});

test("a file deleted here and changed there is kept or deleted as a person says", async () => {
  const { repository, tips } = await meet({ a: "0\n", b: "b" }, { a: undefined }, { a: "2\n" });
  const [conflict] = (await repository.conflicts(tips)).conflicts;
  expect(conflict).toMatchObject({ reason: "deleted-in-ours", ours: undefined, hunks: undefined });
  const gone = await settle(repository, tips, [{ path: "a", take: "ours" }]);
  expect(await read(repository, gone, "a")).toBeUndefined();
  const kept = await settle(repository, tips, [{ path: "a", take: "theirs" }]);
  expect(await read(repository, kept, "a")).toBe("2\n");
});

test("two files added apart are cut into what they share and what they do not, or both are kept", async () => {
  const { repository, tips } = await meet(
    { z: "z" },
    { n: "same\nours\nend\n" },
    { n: "same\ntheirs\nend\n" },
  );
  const [conflict] = (await repository.conflicts(tips)).conflicts;
  expect(conflict?.reason).toBe("added-apart");
  expect(conflict?.hunks).toEqual([
    { kind: "merged", text: "same\n" },
    { kind: "conflict", base: "", ours: "ours\n", theirs: "theirs\n" },
    { kind: "merged", text: "end\n" },
  ]);
  const both = [{ path: "n", take: "both", theirsAt: "d/n" }] as const;
  const oid = await settle(repository, tips, both);
  expect(await read(repository, oid, "n")).toBe("same\nours\nend\n");
  expect(await read(repository, oid, "d/n")).toBe("same\ntheirs\nend\n");
});

test("a file and a folder of one name: either, or the file elsewhere", async () => {
  const { repository, tips } = await meet({ z: "z" }, { n: "file" }, { "n/m": "inside" });
  expect((await repository.conflicts(tips)).conflicts).toMatchObject([
    { reason: "file-and-folder", ours: { kind: "file" }, theirs: { kind: "folder" } },
  ]);
  const file = await settle(repository, tips, [{ path: "n", take: "ours" }]);
  expect(await read(repository, file, "n")).toBe("file");
  const folder = await settle(repository, tips, [{ path: "n", take: "theirs" }]);
  expect(await read(repository, folder, "n/m")).toBe("inside");
  const both = await settle(repository, tips, [{ path: "n", take: "both", theirsAt: "n2" }]);
  expect(await read(repository, both, "n")).toBe("file");
  expect(await read(repository, both, "n2/m")).toBe("inside");
});

test("what is settled inside a folder counts where the folder stays, and not where a file takes its place", async () => {
  const { repository, tips } = await meet(
    { "n/m": "0\n", z: "z" },
    { "n/m": undefined, n: "file" },
    { "n/m": "2\n" },
  );
  const inner: Resolution = { path: "n/m", take: "edited", bytes: formatUtf8("3\n") };
  const folder = await settle(repository, tips, [inner, { path: "n", take: "theirs" }]);
  expect(await read(repository, folder, "n/m")).toBe("3\n");
  const file = await settle(repository, tips, [inner, { path: "n", take: "ours" }]);
  expect(await read(repository, file, "n")).toBe("file");
});

test("a file that seems moved apart is asked about by its new path", async () => {
  const { repository, tips } = await meet(
    { a: "one\ntwo\nthree\n", z: "z" },
    { a: undefined, moved: "one\ntwo\nthree\n" },
    { a: undefined },
  );
  expect((await repository.conflicts(tips)).conflicts).toMatchObject([
    { path: "moved", reason: "moved", theirs: undefined },
  ]);
  const gone = await settle(repository, tips, [{ path: "moved", take: "theirs" }]);
  expect(await read(repository, gone, "moved")).toBeUndefined();
  const kept = await settle(repository, tips, [{ path: "moved", take: "ours" }]);
  expect(await read(repository, kept, "moved")).toBe("one\ntwo\nthree\n");
});

test("a text that is not UTF-8 is taken as a whole", async () => {
  const repository = await openRepository({ files: openMemoryFiles() });
  const write = (bytes: number[], parent: ObjectId | undefined): Promise<ObjectId> =>
    repository.commitDraft({
      ...signed("Alice"),
      parent,
      changes: [{ path: "a", kind: "write", bytes: Uint8Array.from(bytes) }],
      message: "m",
    });
  const base = await write([0xe4, 0x0a], undefined);
  const tips = { ours: await write([0xe5, 0x0a], base), theirs: await write([0xe6, 0x0a], base) };
  expect((await repository.conflicts(tips)).conflicts).toMatchObject([
    { reason: "bytes", hunks: undefined },
  ]);
});

test("a pointer of Git LFS is taken as a whole", async () => {
  const pointer = (digit: string): string =>
    `version https://git-lfs.github.com/spec/v1\noid sha256:${digit.repeat(64)}\nsize 9\n`;
  const { repository, tips } = await meet(
    { "a.psd": pointer("0") },
    { "a.psd": pointer("1") },
    { "a.psd": pointer("2") },
  );
  const [conflict] = (await repository.conflicts(tips)).conflicts;
  expect(conflict).toMatchObject({ path: "a.psd", reason: "bytes", hunks: undefined });
});

test("a path left out is told, and nothing is stored", async () => {
  const { repository, tips } = await meet(
    { a: "0\n", b: "0\n" },
    { a: "1\n", b: "1\n" },
    { a: "2\n", b: "2\n" },
  );
  const resolutions: ReadonlyArray<Resolution> = [{ path: "b", take: "ours" }];
  const result = await repository.mergeWithResolutions({
    ...signed("Carol"),
    ...tips,
    resolutions,
  });
  expect(result).toEqual({ kind: "conflict", paths: ["a"] });
});

test.each<readonly [ReadonlyArray<Resolution>, string]>([
  [[{ path: "z", take: "ours" }], "no-such-conflict"],
  [
    [
      { path: "a", take: "ours" },
      { path: "a", take: "theirs" },
    ],
    "named-twice",
  ],
  [[{ path: "a", take: "hunks", hunks: [] }], "other-hunks"],
  [[{ path: "a", take: "hunks", hunks: ["ours", "ours"] }], "other-hunks"],
  [[{ path: "a", take: "both", theirsAt: "z" }], "path-taken"],
  [[{ path: "a", take: "both", theirsAt: "z/below" }], "path-taken"],
])("%j is refused as %s", async (resolutions, fault) => {
  const { repository, tips } = await meet({ a: "0\n", z: "z" }, { a: "1\n" }, { a: "2\n" });
  const merge = repository.mergeWithResolutions({ ...signed("Carol"), ...tips, resolutions });
  await expect(merge).rejects.toMatchObject({ code: "resolution_refused", fault });
});

test("both are not kept under a name that git would read", async () => {
  const { repository, tips } = await meet({ a: "0\n" }, { a: "1\n" }, { a: "2\n" });
  const resolutions: ReadonlyArray<Resolution> = [{ path: "a", take: "both", theirsAt: ".git/a" }];
  await expect(
    repository.mergeWithResolutions({ ...signed("Carol"), ...tips, resolutions }),
  ).rejects.toMatchObject({ fault: "bad-name" });
});

test("tips that merge by themselves have no conflicts, and a merge without choices is the one all nodes make", async () => {
  const { repository, tips } = await meet({ z: "z" }, { a: "1\n" }, { b: "2\n" });
  expect((await repository.conflicts(tips)).conflicts).toEqual([]);
  const made = await repository.mergeWithResolutions({
    ...signed("Carol"),
    ...tips,
    resolutions: [],
  });
  expect(made).toEqual(await repository.merge(tips));
});

type Wish = Readonly<Record<string, string | undefined>>;
type Tips = { readonly ours: ObjectId; readonly theirs: ObjectId };

let seconds = 1_700_000_000;

function signed(name: string) {
  const author = { name, email: `${name.toLowerCase()}@example.org` };
  return { author, at: instant(seconds++ * 1_000), offsetMinutes: 0 };
}

async function meet(
  start: Wish,
  ours: Wish,
  theirs: Wish,
): Promise<{ readonly repository: Repository; readonly tips: Tips }> {
  const repository = await openRepository({ files: openMemoryFiles() });
  const base = await commit(repository, undefined, start, "Rita");
  const tips = {
    ours: await commit(repository, base, ours, "Alice"),
    theirs: await commit(repository, base, theirs, "Bob"),
  };
  return { repository, tips };
}

async function commit(
  repository: Repository,
  parent: ObjectId | undefined,
  files: Wish,
  name: string,
): Promise<ObjectId> {
  return repository.commitDraft({
    ...signed(name),
    parent,
    message: "Write files",
    changes: Object.entries(files).map(([path, text]) =>
      text === undefined
        ? { path, kind: "delete" }
        : { path, kind: "write", bytes: formatUtf8(text) },
    ),
  });
}

async function settle(
  repository: Repository,
  tips: Tips,
  resolutions: ReadonlyArray<Resolution>,
): Promise<ObjectId> {
  const result = await repository.mergeWithResolutions({
    ...signed("Carol"),
    ...tips,
    resolutions,
  });
  if (result.kind !== "merged") throw new Error(result.kind);
  return result.oid;
}

async function read(
  repository: Repository,
  oid: ObjectId,
  path: string,
): Promise<string | undefined> {
  const file = await repository.readFile(oid, path);
  return file && parseUtf8(file.bytes);
}
