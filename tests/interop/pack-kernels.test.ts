/** Stored packs as both kernels see them: the compiled one makes and walks what the plain one does, and what git has. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findHadCommits, openCommitLog, type LogAsked } from "@skein/git/commit-log";
import { parseIdx } from "@skein/git/idx";
import { openKernel, prepareKernel } from "@skein/git/kernel-compiled";
import { logWords, walkWords, type Kernel } from "@skein/git/kernel";
import { openPlainKernel } from "@skein/git/kernel-plain";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openClosures } from "@skein/git/closure";
import { openObjectSet, type ObjectSet } from "@skein/git/object-set";
import { readWord } from "@skein/git/kernel-words";
import { openPackShelf, type PackShelf } from "@skein/git/pack-shelf";
import { oidAt, oidBytes } from "@skein/git/object";
import { StorageDamagedError } from "@skein/git/stored-pack";
import type { ObjectId } from "@skein/protocol/ids";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeGit, makeHistory, readObjects, readPack, type GitFolder } from "./pack-git.ts";

const history = makeHistory(50);
const { pack, idx } = readPack(history);
const oids = history
  .text("rev-list", "--objects", "--no-object-names", "--all")
  .split("\n")
  .map((line) => history.oid(line));
const objects = readObjects(history, oids);
beforeAll(() => prepareKernel());
afterAll(() => history[Symbol.dispose]());

describe.each([
  ["compiled", openKernel],
  ["plain", openPlainKernel],
] as const)("the %s kernel", (_, open) => {
  test("makes every object, and tells its type and its size", async () => {
    const { kernel, run, find, told } = shelfOf(pack, open);
    for (const [oid, { type, bytes }] of objects) {
      const row = find(oidBytes(oid), 0);
      const made = await run(
        () => kernel.packsMake(row),
        (code) => ({ code, bytes: kernel.bytes().slice(told(0), told(0) + told(1)) }),
      );
      expect(typeNames[made.code]).toBe(type);
      expect(bytes.equals(made.bytes)).toBe(true);
      const code = await run(() => kernel.packsType(row), Number);
      expect(typeNames[code]).toBe(type);
      expect(await run(() => kernel.packsSize(row), Number)).toBe(bytes.length);
    }
    expect(find(new Uint8Array(20), 0)).toBe(-1);
  });

  test("walks to what git lists, and no further than what was had", async () => {
    for (const back of [0, 1, 5, 20]) {
      const shelf = shelfOf(pack, open);
      const closures = openClosures(() => shelf);
      const have = history.oid(`main~${back}`);
      const had = await closures.of(have, () => {});
      expect(listed(shelf, had)).toEqual(fromGit(have));
      const wants = [history.oid("main"), history.oid("side"), history.oid("v1")];
      const { missing } = await closures.between({ wants, haves: [have] }, () => {});
      const all = openObjectSet();
      all.addAll(had);
      all.addAll(missing);
      expect(listed(shelf, all)).toEqual(fromGit(...wants));
      const reached = new Set(fromGit(have));
      expect(listed(shelf, missing).filter((oid) => reached.has(oid))).toEqual([]);
      // It is told from where the new begins as well, then with some that were there long before.
      const cold = shelfOf(pack, open);
      const near = await openClosures(() => cold).between({ wants, haves: [have] }, () => {});
      all.addAll(near.missing);
      expect(listed(cold, all)).toEqual(fromGit(...wants));
      expect(listed(cold, near.missing).length).toBeLessThan(listed(cold, missing).length + 3);
      expect(listed(cold, near.had).filter((oid) => !reached.has(oid))).toEqual([]);
    }
  }, 60_000);

  test("tells commits in the order of git log, whatever their dates say", async () => {
    using tangled = makeTangle(120);
    const packed = readPack(tangled);
    for (const options of [[], ["--first-parent"]]) {
      const shelf = shelfOf(packed.pack, open, packed.idx);
      const start = tangled.oid("main");
      const asked = { start, firstParent: options.length > 0 };
      const expected = tangled.text("log", "--format=%H", ...options, "main").split("\n");
      expect(await logOf(shelf, asked)).toEqual(expected);
      expect(await logOf(shelf, { ...asked, start: shelf.idOf(0) })).toContain(shelf.idOf(0));
    }
  });

  test("tells of a commit whose bytes were changed that it is damaged, or nothing of it", async () => {
    const expected = history.text("log", "--format=%H", "main").split("\n");
    const start = history.oid("main");
    const commits = expected.map((oid) => objects.get(history.oid(oid))?.bytes.toString("latin1"));
    let wrong = 0;
    for (let at = 12; at < pack.length / 3; at += 197) {
      const damaged = pack.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x11;
      const told: string[] = [];
      try {
        await logOf(shelfOf(damaged, open), { start, firstParent: false }, (bytes) =>
          told.push(Buffer.from(bytes).toString("latin1")),
        );
      } catch (error) {
        expect(error).toBeInstanceOf(StorageDamagedError);
        wrong += 1;
      }
      // A date that lies may change the order, until the commit it stands in is come to.
      for (const commit of told) expect(commits).toContain(commit);
    }
    expect(wrong).toBeGreaterThan(3);
  }, 60_000);

  test("takes nothing for had that is not, and sends all that is needed, whatever dates say", async () => {
    using tangled = makeTangle(90);
    const packed = readPack(tangled);
    const list = (...revisions: ReadonlyArray<string>): ReadonlyArray<string> =>
      tangled
        .text("rev-list", ...revisions)
        .split("\n")
        .filter(Boolean);
    for (let at = 5; at < 90; at += 7) {
      const [want, have] = [tangled.oid("main"), tangled.oid(`b${((at * 31) % 89) + 1}`)];
      const shelf = shelfOf(packed.pack, open, packed.idx);
      const had = await findHadCommits(shelf, { wants: [want], haves: [have] }, () => {});
      const reached = new Set(list("--objects", "--no-object-names", have));
      const inSet = (set: ObjectSet): ReadonlyArray<string> =>
        Array.from({ length: shelf.rows() }, (_, row) => row)
          .filter(set.has)
          .map(shelf.idOf);
      expect(inSet(had).filter((oid) => !reached.has(oid))).toEqual([]);
      expect(had.has(shelf.find(oidBytes(have), 0))).toBe(true);
      const between = await openClosures(() => shelf).between(
        { wants: [want], haves: [have] },
        () => {},
      );
      const sent = new Set(inSet(between.missing));
      const needed = list("--objects", "--no-object-names", want, `^${have}`);
      expect(needed.filter((oid) => !sent.has(oid))).toEqual([]);
    }
  }, 60_000);

  test("says which parent is not here", async () => {
    using tangled = makeTangle(20);
    const start = tangled.oid("main");
    const parent = tangled.oid("main^");
    const packed = packObjects(tangled, `${start}\n^${parent}\n`);
    const shelf = shelfOf(packed.pack, open, packed.idx);
    const log = openCommitLog(shelf, { start, firstParent: true });
    expect(await log.next((oid) => oid)).toEqual({ missing: parent });
    const unknown = openCommitLog(shelf, { start: parent, firstParent: true });
    expect(await unknown.next((oid) => oid)).toEqual({ missing: parent });
  });

  test("makes nothing of bytes that were changed but what it says, and never for ever", async () => {
    for (let at = 12; at < pack.length - 20; at += 331) {
      const damaged = pack.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x11;
      const { kernel, run, rows } = shelfOf(damaged, open);
      let wrong = 0;
      for (let row = 0; row < rows(); row += 7) {
        try {
          await run(() => kernel.packsMake(row), Number);
        } catch (error) {
          expect(error).toBeInstanceOf(StorageDamagedError);
          wrong += 1;
        }
      }
      outcomes.set(at, [...(outcomes.get(at) ?? []), wrong]);
    }
  }, 60_000);
});

test("both kernels find the same bytes damaged", () => {
  expect(outcomes.size).toBeGreaterThan(10);
  for (const [one, other] of outcomes.values()) expect(one).toBe(other);
  expect([...outcomes.values()].some(([one = 0]) => one > 0)).toBe(true);
});

test("what is new beside a branch that goes back to the very beginning costs no more than that", async () => {
  using long = makeHistory(1_500);
  const { pack: bytes, idx: index } = readPack(long);
  const kernel = openKernel();
  let gone = 0;
  const counting = {
    ...kernel,
    paintOn: (log: number, budget: number): number => {
      const status = kernel.paintOn(log, budget);
      gone = readWord(kernel, log + logWords.came);
      return status;
    },
  };
  const shelf = shelfOf(bytes, () => counting, index);
  const [want, have] = [long.oid("main"), long.oid("main~20")];
  const had = await findHadCommits(shelf, { wants: [want], haves: [have] }, () => {});
  const fresh = long.text("rev-list", want, `^${have}`).split("\n");
  for (const oid of fresh) expect(had.has(shelf.find(oidBytes(long.oid(oid)), 0))).toBe(false);
  expect(fresh.length).toBeGreaterThan(20);
  expect(gone).toBeLessThan(2 * fresh.length + 20);
}, 60_000);

test.each([300, 2_000])(
  "what the last of %i commits brings is told at the cost of that commit",
  async (commits) => {
    using long = makeHistory(commits);
    const { pack: bytes, idx: index } = readPack(long);
    let gone = 0;
    const kernel = openKernel();
    const counting = {
      ...kernel,
      walkOn: (walk: number, budget: number): number => {
        const status = kernel.walkOn(walk, budget);
        gone += readWord(kernel, walk + walkWords.walked);
        return status;
      },
    };
    const shelf = shelfOf(bytes, () => counting, index);
    const closures = openClosures(() => shelf);
    const [want, have] = [long.oid("main"), long.oid("main^")];
    const { missing } = await closures.between({ wants: [want], haves: [have] }, () => {});
    const sent = Array.from({ length: shelf.rows() }, (_, row) => row).filter(missing.has);
    const needed = long.text("rev-list", "--objects", "--no-object-names", want, `^${have}`);
    expect(sent.map(shelf.idOf).toSorted()).toEqual(needed.split("\n").toSorted());
    expect(gone).toBeLessThan(40);
  },
  60_000,
);

/** What a log tells, from the first commit to the last. */
async function logOf(
  shelf: PackShelf,
  asked: LogAsked,
  see: (bytes: Uint8Array) => void = () => {},
): Promise<ReadonlyArray<string>> {
  const log = openCommitLog(shelf, asked);
  const told: string[] = [];
  for (;;) {
    const next = await log.next((oid, bytes) => {
      see(bytes);
      return oid;
    });
    if (next === "over") return told;
    if (typeof next === "object") throw new Error(`${next.missing} is missing`);
    told.push(next);
  }
}

/** Commits with one to four parents each, and dates that are often equal and often lie. The same for the same size. */
function makeTangle(commits: number): GitFolder {
  const git = makeGit();
  const parts: string[] = [];
  for (let commit = 1; commit <= commits; commit++) {
    const at = 1_700_000_000 + ((commit * 7_919) % 13) * 60 + commit;
    const who = `Alice <alice@example.org> ${commit % 17 === 0 ? 5 : at - (at % 100)} +0000`;
    const text = `Commit ${commit}\n`;
    parts.push(
      `commit refs/heads/${commit === commits ? "main" : `b${commit}`}\nmark :${commit}\n`,
    );
    parts.push(`author ${who}\ncommitter ${who}\ndata ${text.length}\n${text}`);
    const parents = new Set([1, 2, 5, 11].slice(0, 1 + (commit % 4)).map((back) => commit - back));
    const [first, ...others] = [...parents].filter((parent) => parent > 0);
    if (first !== undefined) parts.push(`from :${first}\n`);
    for (const other of others) parts.push(`merge :${other}\n`);
    parts.push(`M 100644 inline file\ndata ${text.length}\n${text}\n`);
  }
  git.run(["fast-import", "--quiet"], parts.join(""));
  git.run(["repack", "-adfq"]);
  return git;
}

/** A pack of what git is asked for, with its index. */
function packObjects(
  git: GitFolder,
  revisions: string,
): { readonly pack: Uint8Array; readonly idx: Uint8Array } {
  const name = git.run(["pack-objects", "--revs", "-q", "part"], revisions).toString().trim();
  const read = (extension: string): Uint8Array =>
    new Uint8Array(readFileSync(join(git.path, `part-${name}.${extension}`)));
  return { pack: read("pack"), idx: read("idx") };
}

const outcomes = new Map<number, number[]>();
const typeNames = ["", "commit", "tree", "blob", "tag"];

function shelfOf(bytes: Uint8Array, open: () => Kernel, index = idx): PackShelf {
  const path = "objects/pack/pack-x.pack";
  const parsed = parseIdx(index);
  if (parsed === undefined) throw new Error("git wrote the index");
  const files = openMemoryFiles(new Map([[path, Uint8Array.from(bytes)]]));
  const shelf = openPackShelf(files, { kernel: open() });
  const byOffset = (): Uint32Array => new Uint32Array(0);
  shelf.add({ name: "x", path, bytes: bytes.length, base: 0, idx: parsed, byOffset });
  return shelf;
}

function listed(
  shelf: PackShelf,
  set: { readonly has: (row: number) => boolean },
): ReadonlyArray<string> {
  const parsed = parseIdx(idx);
  const names: string[] = [];
  for (let row = 0; row < shelf.rows(); row++)
    if (set.has(row) && parsed !== undefined) names.push(oidAt(parsed.oids, row * 20));
  return names.toSorted();
}

function fromGit(...tips: ReadonlyArray<ObjectId>): ReadonlyArray<string> {
  return history
    .text("rev-list", "--objects", "--no-object-names", ...tips)
    .split("\n")
    .toSorted();
}
