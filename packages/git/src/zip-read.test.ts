import { concat, formatUtf8, parseUtf8 } from "@skein/protocol/bytes";
import type { Bytes } from "@skein/protocol/bytes";
import { instant } from "@skein/protocol/ids";
import * as fc from "fast-check";
import { zipSync } from "fflate";
import { expect, test } from "vitest";
import { openMemoryFiles } from "./memory-files.ts";
import { namesOfPath } from "./imports.ts";
import type { FileToImport, ImportedFiles } from "./imports.ts";
import { openRepository } from "./repository.ts";
import type { Repository } from "./repository.ts";
import { readZip, ZipRejectedError } from "./zip-read.ts";
import { writeZip } from "./zip-write.ts";
import type { ZippedFile } from "./zip-write.ts";

test("what was zipped is read again: names, bytes and what may be run", async () => {
  const zip = await zipOf([
    { path: "a/grün.txt", bytes: formatUtf8("text ".repeat(100)), executable: false },
    { path: "run.sh", bytes: formatUtf8("#!/bin/sh\n"), executable: true },
    { path: "empty", bytes: new Uint8Array(), executable: false },
    { path: "folder/", bytes: new Uint8Array(), executable: false },
  ]);
  expect(
    [...readZip(zip)].map(({ names, bytes, kind }) => [show(names), bytes.length, kind]),
  ).toEqual([
    ["a/grün.txt", 500, "file"],
    ["run.sh", 10, "executable"],
    ["empty", 0, "file"],
  ]);
});

test("the same files zipped at the same moment are the same bytes", async () => {
  const files = [{ path: "a", bytes: formatUtf8("a".repeat(99)), executable: false }];
  expect(await zipOf(files)).toEqual(await zipOf(files));
});

test.each<readonly [string, (zip: Bytes) => Uint8Array]>([
  ["no zip", () => formatUtf8("not a zip at all, but long enough to be one")],
  ["nothing", () => new Uint8Array()],
  ["a zip cut short", (zip) => zip.subarray(0, zip.length - 30)],
  ["a file with another checksum", (zip) => poke(zip, "entry", 16, [1, 2, 3, 4])],
  ["a file with a password", (zip) => poke(zip, "entry", 8, [1, 8])],
  ["an unknown compression", (zip) => poke(zip, "entry", 10, [99, 0])],
  ["a file longer than it says", (zip) => poke(zip, "entry", 24, [10, 0, 0, 0])],
  ["a file shorter than it says", (zip) => poke(zip, "entry", 24, [0, 8, 0, 0])],
  ["a file of four gigabytes", (zip) => poke(zip, "entry", 24, [255, 255, 255, 255])],
  ["a file outside of the zip", (zip) => poke(zip, "entry", 42, [255, 255, 255, 0])],
  ["a directory outside of the zip", (zip) => poke(zip, "end", 16, [255, 255, 255, 0])],
  ["more files than there are", (zip) => poke(zip, "end", 8, [9, 0, 9, 0])],
])("%s is refused", (_, spoil) => {
  const zip = zipSync({ "a.txt": formatUtf8("some text, again and again, ".repeat(40)) });
  expect([...readZip(zip)]).toHaveLength(1);
  expect(() => [...readZip(spoil(zip))]).toThrow(ZipRejectedError);
});

test("inflating ends soon after the first byte too many: what comes later is not even looked at", () => {
  const zip = zipSync({ bomb: [new Uint8Array(16 * 1024 * 1024), { level: 9 }] });
  zip.fill(0xff, 10_000, 14_000);
  expect(() => [...readZip(zip)]).toThrow("damaged");
  expect(() => [...readZip(poke(zip, "entry", 24, [10, 0, 0, 0]))]).toThrow("not as long");
});

test("whatever is done to a zip, it is read or refused", () => {
  const zip = zipSync({ "a/b.txt": formatUtf8("text ".repeat(30)), c: formatUtf8("c") });
  const change = fc.record({
    at: fc.nat({ max: zip.length - 1 }),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 4 }),
      fc.nat({ max: zip.length }),
      (changes, length) => {
        const bytes = zip.slice(0, changes.length === 0 ? length : zip.length);
        for (const { at, byte } of changes) bytes[at] = byte;
        expect(outcomeOf(bytes)).toBeOneOf(["read", "refused"]);
      },
    ),
    { numRuns: Number(process.env["SKEIN_FUZZ"] ?? 3_000) },
  );
});

test("a zip becomes a commit, without its top folder and without what git would not take", async () => {
  const repository = await openRepository({ files: openMemoryFiles() });
  const zip = zipSync({
    "notes-main/README.md": formatUtf8("# Notes\n"),
    "notes-main/src/main.ts": formatUtf8("run();\n"),
    "notes-main/.git/config": formatUtf8("[core]\n"),
    "notes-main/../../etc/passwd": formatUtf8("root"),
    "notes-main/.DS_Store": formatUtf8("?"),
  });
  const made = await repository.importZip(zip, { ...asked, leaveOutTopFolder: true });
  expect(made).toMatchObject({
    files: 2,
    skipped: [
      { path: "notes-main/.git/config", why: "bad-name" },
      { path: "notes-main/../../etc/passwd", why: "bad-name" },
      { path: "notes-main/.DS_Store", why: "system" },
    ],
  });
  expect(await read(repository, made, "README.md")).toBe("# Notes\n");
  expect(await read(repository, made, "src/main.ts")).toBe("run();\n");
});

test("a folder is laid over the files of a branch, or takes their place", async () => {
  const repository = await openRepository({ files: openMemoryFiles() });
  const first = await repository.importFiles([file("a", "a"), file("b/c", "c")], asked);
  const over = [file("b/d", "d")];
  const parent = first.oid;
  const stay = await repository.importFiles(over, { ...asked, parent, others: "stay" });
  expect(await read(repository, stay, "b/c")).toBe("c");
  const go = await repository.importFiles(over, { ...asked, parent, others: "go" });
  expect(await read(repository, go, "b/c")).toBeUndefined();
  expect(await read(repository, go, "b/d")).toBe("d");
});

test("a path that comes twice, or as a file and as a folder, is taken once", async () => {
  const repository = await openRepository({ files: openMemoryFiles() });
  const files = [
    file("a", "1"),
    file("a", "2"),
    file("a/b", "3"),
    file("c/d", "4"),
    file("c", "5"),
  ];
  const made = await repository.importFiles(files, asked);
  expect(made.skipped.map(({ why }) => why)).toEqual([
    "named-twice",
    "file-and-folder",
    "file-and-folder",
  ]);
});

test("a file that Git LFS keeps elsewhere is told as that, and a submodule as what it names", async () => {
  const repository = await openRepository({ files: openMemoryFiles() });
  const sha256 = "4d7a".repeat(16);
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize 12345\n`;
  const made = await repository.importFiles([file("big.psd", pointer), file("a", "a")], asked);
  expect((await repository.readFile(made.oid, "big.psd"))?.lfs).toEqual({ sha256, size: 12_345 });
  expect((await repository.readFile(made.oid, "a"))?.lfs).toBeUndefined();
  expect(await repository.submodule(made.oid, "a")).toBeUndefined();
});

test("one file leaves under a name that any system can hold", async () => {
  const repository = await openRepository({ files: openMemoryFiles() });
  const made = await repository.importFiles([file("d/aux.txt", "a")], asked);
  expect(await repository.exportFile(made.oid, "d/aux.txt")).toEqual({
    name: "%61ux.txt",
    bytes: formatUtf8("a"),
  });
});

const { signal } = new AbortController();
const asked = {
  author: { name: "Alice", email: "alice@example.org" },
  at: instant(1_700_000_000_000),
  offsetMinutes: 0,
  parent: undefined,
  message: "Import",
  others: "go",
  signal,
} as const;

async function zipOf(files: ReadonlyArray<ZippedFile>): Promise<Bytes> {
  const parts: Bytes[] = [];
  async function* listed(): AsyncGenerator<ZippedFile> {
    yield* files;
  }
  for await (const part of writeZip(listed(), asked.at)) parts.push(part);
  return concat(...parts);
}

/** Overwrites bytes of the first entry of the directory, or of its end. */
function poke(
  zip: Uint8Array,
  where: "entry" | "end",
  offset: number,
  bytes: ReadonlyArray<number>,
): Bytes {
  const out = new Uint8Array(zip);
  const signature = where === "entry" ? [0x50, 0x4b, 1, 2] : [0x50, 0x4b, 5, 6];
  const at = out.findIndex((_, index) =>
    signature.every((byte, next) => out[index + next] === byte),
  );
  out.set(bytes, at + offset);
  return out;
}

function outcomeOf(bytes: Uint8Array): string {
  try {
    for (const { names } of readZip(bytes)) if (names.length === 0) return "without a name";
    return "read";
  } catch (error) {
    return error instanceof ZipRejectedError ? "refused" : String(error);
  }
}

function file(path: string, text: string): FileToImport {
  return { names: namesOfPath(path), bytes: formatUtf8(text), kind: "file" };
}

function show(names: ReadonlyArray<Uint8Array>): string {
  return names.map((name) => parseUtf8(name)).join("/");
}

async function read(
  repository: Repository,
  { oid }: ImportedFiles,
  path: string,
): Promise<string | undefined> {
  const found = await repository.readFile(oid, path);
  return found && parseUtf8(found.bytes);
}
