/** Packs that Alice and Bob exchange, checked by real git. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { deflateSync } from "node:zlib";
import { readBundle, writeBundle } from "@skein/git/bundle";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore, type ObjectStore } from "@skein/git/object-store";
import { indexPack } from "@skein/git/pack-index";
import { StorageDamagedError } from "@skein/git/stored-pack";
import type { Bytes } from "@skein/protocol/bytes";
import { parseObjectId, parseRefName, type ObjectId } from "@skein/protocol/ids";
import { afterAll, describe, expect, test } from "vitest";
import {
  blobCode,
  commitCode,
  copy,
  delta,
  entry,
  idOf,
  insert,
  ofsDelta,
  packOf,
  treeCode,
  treeOf,
} from "./pack-builder.ts";
import {
  indexByGit,
  makeGit,
  makeHistory,
  readObjects,
  readPack,
  type GitFolder,
} from "./pack-git.ts";

const history = makeHistory(80);
const judge = makeGit();
const everything = readPack(history);
const gitObjects = readObjects(history, objectsOf(history, "--all"));
const signal = new AbortController().signal;

afterAll(() => {
  history[Symbol.dispose]();
  judge[Symbol.dispose]();
});

describe("a pack that git made", () => {
  test("is indexed byte for byte as git does", async () => {
    const indexed = await indexPack({
      pack: everything.pack,
      signal,
      breathe: async () => {},
      resolveBase: async () => undefined,
    });
    expect(indexed.objects).toBe(objectsOf(history, "--all").length);
    const { idx } = await indexed.whole();
    expect(Buffer.from(idx).equals(everything.idx)).toBe(true);
  });

  test("gives back every object that went in", async () => {
    const { store } = await storeOf(everything.pack);
    for (const [oid, { type, bytes }] of gitObjects) {
      const object = await store.read(oid);
      expect(object?.type).toBe(type);
      expect(bytes.equals(object?.bytes ?? nothing)).toBe(true);
      expect(await store.type(oid)).toBe(type);
      expect(await store.size(oid)).toBe(bytes.length);
    }
  }, 60_000);

  test("whose deltas name their bases, and stand before them, is read all the same", async () => {
    const pack = history.run(
      ["pack-objects", "--stdout", "-q", "--no-reuse-delta", "--window=20", "--depth=50"],
      `${objectsOf(history, "--all").toReversed().join("\n")}\n`,
    );
    const named = new Uint8Array(pack);
    const { contents } = await storeOf(named);
    expect(fsckOf(contents, { "refs/heads/main": history.oid("main") })).toBe("");
  });
});

describe("a pack that Alice builds", () => {
  test("brings the whole repository, and git takes it", async () => {
    const { store } = await storeOf(everything.pack);
    const { bytes, objects } = await store.buildPack({ wants: tips(), haves: [], signal });
    expect(objects).toBe(objectsOf(history, "--all").length);
    expect(bytes.length).toBeLessThan(everything.pack.length * 1.1);
    expect(indexByGit(judge, bytes).why).toBe("");
    const { contents } = await storeOf(bytes);
    expect(fsckOf(contents, { "refs/heads/main": history.oid("main") })).toBe("");
  });

  test.each([1, 2, 10, 40])("brings Bob the last %i commits and little else", async (back) => {
    const { store } = await storeOf(everything.pack);
    const want = history.oid("main");
    const have = history.oid(`main~${back}`);
    const { bytes, objects } = await store.buildPack({ wants: [want], haves: [have], signal });
    const needed = objectsOf(history, want, `^${have}`).length;
    expect(objects).toBeGreaterThanOrEqual(needed);
    expect(objects).toBeLessThanOrEqual(needed * 1.3 + 2);

    const bob = await storeOf(
      history.run(["pack-objects", "--stdout", "-q", "--revs"], `${have}\n`),
    );
    expect(await bob.store.storePack({ bytes, tips: [want], signal })).toEqual({ objects });
    expect(fsckOf(bob.contents, { "refs/heads/main": want })).toBe("");
    for (const oid of objectsOf(history, want)) expect(await bob.store.has(oid)).toBe(true);
  });

  test("is empty when Bob has everything, and Bob keeps no file for it", async () => {
    const { store, contents } = await storeOf(everything.pack);
    const built = await store.buildPack({ wants: tips(), haves: tips(), signal });
    expect(built.objects).toBe(0);
    const before = contents.size;
    await store.storePack({ bytes: built.bytes, tips: tips(), signal });
    expect(contents.size).toBe(before);
  });

  test("holds whole what is kept as a delta on something Bob has not asked for", async () => {
    const [old, other] = ["the old text of a file\n", "the old text of a file, and more\n"];
    const base = entry(blobCode, old);
    const person = "Alice <alice@example.org> 1700000000 +0000";
    const tree = treeOf(["100644", "a", idOf("blob", other)]);
    const commit = `tree ${idOf("tree", tree)}\nauthor ${person}\ncommitter ${person}\n\nOne\n`;
    const { store } = await storeOf(
      packOf([
        base,
        ofsDelta(base.length, delta(old.length, other.length, copy(0, 22), insert(", and more\n"))),
        entry(treeCode, tree),
        entry(commitCode, commit),
      ]),
    );
    const want = oid(idOf("commit", commit));
    const { bytes, objects } = await store.buildPack({ wants: [want], haves: [], signal });
    expect(objects).toBe(3);
    expect(indexByGit(judge, bytes).why).toBe("");
    expect(await (await storeOf(bytes)).store.has(want)).toBe(true);
  });

  test("is built from many small packs as well as from one", async () => {
    const contents = new Map<string, Bytes>();
    const store = await openObjectStore(openMemoryFiles(contents));
    const steps = history.text("rev-list", "--reverse", "--first-parent", "main").split("\n");
    let have: string | undefined;
    for (const want of steps.filter((_, step) => step % 5 === 4 || step === steps.length - 1)) {
      const revisions = have === undefined ? `${want}\n` : `${want}\n^${have}\n`;
      const bytes = history.run(["pack-objects", "--stdout", "--thin", "--revs", "-q"], revisions);
      await store.storePack({ bytes, tips: [oid(want)], signal });
      have = want;
    }
    expect(fsckOf(contents, { "refs/heads/main": history.oid("main") })).toBe("");
    const { bytes } = await store.buildPack({ wants: [history.oid("main")], haves: [], signal });
    const carol = await storeOf(bytes);
    expect(fsckOf(carol.contents, { "refs/heads/main": history.oid("main") })).toBe("");
  });
});

describe("a pack that lacks something", () => {
  test("is refused when its base is not here, and nothing is kept", async () => {
    const thin = history.run(
      ["pack-objects", "--stdout", "--thin", "--revs", "-q"],
      `${history.oid("main")}\n^${history.oid("main~3")}\n`,
    );
    const contents = new Map<string, Bytes>();
    const store = await openObjectStore(openMemoryFiles(contents));
    await expect(
      store.storePack({ bytes: thin, tips: [history.oid("main")], signal }),
    ).rejects.toThrow(/without a base|is missing/u);
    expect(contents.size).toBe(0);
  });

  test.each(["commit", "tree", "blob"])("is refused when a %s is missing", async (type) => {
    const all = objectsOf(history, "main");
    const left = all.findLast(
      (oid) => gitObjects.get(oid)?.type === type && oid !== history.oid("main"),
    );
    const pack = history.run(
      ["pack-objects", "--stdout", "-q"],
      `${all.filter((oid) => oid !== left).join("\n")}\n`,
    );
    await expect(storeOf(pack)).rejects.toThrow(`${type} ${left} is missing`);
  });

  test("is refused when it does not bring the tip that it was sent for", async () => {
    const { store } = await storeOf(everything.pack);
    const stranger = oid("1".repeat(40));
    await expect(
      store.storePack({ bytes: everything.pack, tips: [stranger], signal }),
    ).rejects.toThrow("does not bring");
  });
});

describe("a bundle", () => {
  test("that git made is read, with its refs and its branch", async () => {
    const bundle = readBundle(history.run(["bundle", "create", "-q", "-", "--all", "HEAD"]));
    expect(bundle.refs.get(ref("refs/heads/main"))).toBe(history.oid("main"));
    expect(bundle.refs.get(ref("refs/tags/v1"))).toBe(history.oid("v1"));
    expect(bundle.head).toEqual({ oid: history.oid("main"), branch: "refs/heads/main" });
    const { contents } = await storeOf(bundle.pack);
    expect(fsckOf(contents, Object.fromEntries(bundle.refs))).toBe("");
  });

  test("that is written here is cloned by git", async () => {
    const { store } = await storeOf(everything.pack);
    const { bytes } = await store.buildPack({ wants: tips(), haves: [], signal });
    const refs = new Map([
      [ref("refs/heads/main"), history.oid("main")],
      [ref("refs/heads/side"), history.oid("side")],
      [ref("refs/tags/v1"), history.oid("v1")],
    ]);
    const head = { oid: history.oid("main"), branch: ref("refs/heads/main") };
    using git = makeGit();
    const path = join(git.path, "x.bundle");
    writeFileSync(path, writeBundle({ refs, head, prerequisites: [], pack: bytes }));
    git.run(["bundle", "verify", "-q", path]);
    git.run(["clone", "-q", "--mirror", path, "copy.git"]);
    expect(git.text("-C", "copy.git", "fsck", "--full", "--strict")).toBe("");
    expect(git.text("-C", "copy.git", "rev-parse", "main")).toBe(history.oid("main"));
    expect(readBundle(writeBundle({ refs, head, prerequisites: [], pack: bytes })).refs).toEqual(
      refs,
    );
  });

  test("of version 3 is read when its objects are named by SHA-1, and refused otherwise", () => {
    const bundle = history.run(["bundle", "create", "-q", "--version=3", "-", "--all"]);
    expect(readBundle(bundle).refs.get(ref("refs/heads/main"))).toBe(history.oid("main"));
    const other = Buffer.from(bundle.toString("latin1").replace("=sha1", "=sha256"), "latin1");
    expect(() => readBundle(other)).toThrow("SHA-256 object names");
  });

  test("with prerequisites names them", () => {
    const range = ["main", `^${history.oid("main~2")}`];
    const bundle = readBundle(history.run(["bundle", "create", "-q", "-", ...range]));
    expect(bundle.prerequisites).toContain(history.oid("main~2"));
  });

  test("cut short, or something else altogether, is refused", () => {
    const bundle = history.run(["bundle", "create", "-q", "-", "--all"]);
    expect(() => readBundle(bundle.subarray(0, 60))).toThrow("cut short");
    expect(() => readBundle(everything.pack)).toThrow("not a git bundle");
    expect(() => readBundle(new Uint8Array(0))).toThrow("not a git bundle");
  });
});

describe("objects made here", () => {
  test("are kept as a pack that git accepts", async () => {
    const { store, contents } = await storeOf(everything.pack);
    const bytes = Uint8Array.from(Buffer.from("a new file\n"));
    const tree = Buffer.concat([Buffer.from("100644 new\0"), Buffer.from(blobId(bytes), "hex")]);
    const oids = await store.objectsToPack(
      [
        { type: "blob", bytes },
        { type: "tree", bytes: Uint8Array.from(tree) },
      ],
      { signal },
    );
    expect(oids[0]).toBe(blobId(bytes));
    expect(await store.read(oids[1] ?? oid("0".repeat(40)))).toMatchObject({ type: "tree" });
    expect(fsckOf(contents, { "refs/heads/main": history.oid("main") })).toBe("");
    const before = contents.size;
    await store.objectsToPack([{ type: "blob", bytes }], { signal });
    expect(contents.size).toBe(before);
  });

  test("are refused where git would refuse them, and where they lead nowhere", async () => {
    const { store } = await storeOf(everything.pack);
    const entry = (name: string): Bytes =>
      Uint8Array.from(Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.alloc(20, 7)]));
    await expect(
      store.objectsToPack([{ type: "tree", bytes: entry(".GIT") }], { signal }),
    ).rejects.toThrow("hasDotgit");
    await expect(
      store.objectsToPack([{ type: "tree", bytes: entry("a") }], { signal }),
    ).rejects.toThrow("is missing");
  });
});

describe("storage that rots", () => {
  test("gives out no byte that is not what it was", async () => {
    for (let offset = 12; offset < everything.pack.length; offset += 797) {
      const store = await openObjectStore(openMemoryFiles(await rotten("pack", offset)));
      for (const [oid, { bytes }] of gitObjects) {
        const object = await store.read(oid).catch(() => undefined);
        expect(object === undefined || bytes.equals(object.bytes)).toBe(true);
      }
      const built = await store
        .buildPack({ wants: tips(), haves: [], signal })
        .catch((error: unknown) => error);
      expect(built).toBeInstanceOf(StorageDamagedError);
    }
  }, 60_000);

  test("so that another object stands in the place of one, gives out neither", async () => {
    const plain = (text: string): Uint8Array =>
      packOf([entry(blobCode, text, { stream: deflateSync(text, { level: 0 }) })]);
    const { contents } = await storeOf(plain("what Alice wrote"));
    for (const path of contents.keys())
      if (path.endsWith(".pack")) contents.set(path, Uint8Array.from(plain("what Mallory did")));
    const store = await openObjectStore(openMemoryFiles(contents));
    await expect(store.read(oid(idOf("blob", "what Alice wrote")))).rejects.toBeInstanceOf(
      StorageDamagedError,
    );
  });

  test("in an index is mended from the pack", async () => {
    for (let offset = 3; offset < everything.idx.length; offset += 3_001) {
      const store = await openObjectStore(openMemoryFiles(await rotten("idx", offset)));
      for (const [oid] of gitObjects) expect(await store.read(oid)).toBeDefined();
    }
  }, 60_000);

  test("in both leaves a repository that opens, without what is gone", async () => {
    const contents = await rotten("idx", 2_000);
    for (const [path, bytes] of contents) if (path.endsWith(".pack")) bytes[99] = 1;
    const store = await openObjectStore(openMemoryFiles(contents));
    expect(await store.has(history.oid("main"))).toBe(false);
    await store.storePack({ bytes: everything.pack, tips: tips(), signal });
    expect(await store.has(history.oid("main"))).toBe(true);
  });

  async function rotten(kind: "pack" | "idx", offset: number): Promise<Map<string, Bytes>> {
    const { contents } = await storeOf(everything.pack);
    for (const [path, bytes] of contents)
      if (path.endsWith(kind)) bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
    return contents;
  }
});

test("Alice can change her mind while a pack is read, and nothing is kept", async () => {
  const contents = new Map<string, Bytes>();
  const controller = new AbortController();
  const store = await openObjectStore(openMemoryFiles(contents), {
    breathe: async () => controller.abort(),
  });
  await expect(
    store.storePack({ bytes: everything.pack, tips: [], signal: controller.signal }),
  ).rejects.toThrow(/abort/u);
  expect(contents.size).toBe(0);
});

async function storeOf(
  bytes: Uint8Array,
): Promise<{ readonly store: ObjectStore; readonly contents: Map<string, Bytes> }> {
  const contents = new Map<string, Bytes>();
  const store = await openObjectStore(openMemoryFiles(contents));
  await store.storePack({ bytes, tips: [], signal });
  return { store, contents };
}

/** What `git fsck` says of a repository that has exactly these files and refs. */
function fsckOf(
  contents: ReadonlyMap<string, Bytes>,
  refs: Readonly<Record<string, ObjectId>>,
): string {
  using git = makeGit();
  for (const [path, bytes] of contents) {
    mkdirSync(dirname(join(git.path, path)), { recursive: true });
    writeFileSync(join(git.path, path), bytes);
  }
  for (const [name, oid] of Object.entries(refs)) git.run(["update-ref", name, oid]);
  return git.text("fsck", "--full", "--strict", "--no-dangling");
}

function objectsOf(git: GitFolder, ...revisions: ReadonlyArray<string>): ReadonlyArray<ObjectId> {
  return git
    .text("rev-list", "--objects", "--no-object-names", ...revisions)
    .split("\n")
    .map((line) => oid(line));
}

function tips(): ReadonlyArray<ObjectId> {
  return [history.oid("main"), history.oid("side"), history.oid("v1")];
}

function blobId(bytes: Uint8Array): ObjectId {
  return oid(history.run(["hash-object", "--stdin"], bytes).toString().trim());
}

function oid(text: string): ObjectId {
  const parsed = parseObjectId(text);
  if (parsed === undefined) throw new Error(`${text} is no object id`);
  return parsed;
}

function ref(text: string): ReturnType<typeof parseRefName> & string {
  const parsed = parseRefName(text);
  if (parsed === undefined) throw new Error(`${text} is no ref name`);
  return parsed;
}

const nothing = new Uint8Array(0);
