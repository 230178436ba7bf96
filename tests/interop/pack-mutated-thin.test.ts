/** Thin packs on what is stored, and the tips they are to bring, changed by Mallory: what is accepted here is accepted by git. */

import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { openMemoryFiles } from "@skein/git/memory-files";
import { openObjectStore } from "@skein/git/object-store";
import { PackRejectedError } from "@skein/git/pack-rejected";
import { equal, type Bytes } from "@skein/protocol/bytes";
import { parseObjectId, type ObjectId } from "@skein/protocol/ids";
import { afterAll, expect, test } from "vitest";
import { blobCode, copy, delta, insert, packOf } from "./pack-builder.ts";
import { indexByGit, makeGit } from "./pack-git.ts";
import {
  entriesOf,
  entryOf,
  mutate,
  mutations,
  nothing,
  openRandom,
  patience,
  pick,
  type Part,
  type Random,
} from "./pack-mutation.ts";

const history = makeGit();
tell(8, 3);
/** It has what is stored, as whoever receives a thin pack has. */
const judge = makeGit();
afterAll(() => {
  history[Symbol.dispose]();
  judge[Symbol.dispose]();
});

const signal = new AbortController().signal;
/** Each takes git two looks. */
const packs = Math.ceil(mutations / 2);
const [tip, before] = [history.oid("main"), history.oid("main~3")];
const storedFile = history.oid(`${before}:file-0`);
const storedBytes = Number(history.text("cat-file", "-s", storedFile));
const nowhere = parseObjectId("e".repeat(40));
if (nowhere === undefined) throw new Error("it is an id");
const options = ["--stdout", "-q", "--revs", "--window=20", "--no-reuse-delta"];
const base = history.run(["pack-objects", ...options], `${before}\n`);
const thin = history.run(["pack-objects", "--thin", ...options], `${tip}\n^${before}\n`);
const ids = history.text("rev-list", "--objects", "--no-object-names", "main").split("\n");

interface Sent {
  readonly pack: Uint8Array;
  readonly tips: ReadonlyArray<ObjectId>;
}

interface Accepted extends Sent {
  readonly seed: number;
  /** What was written: pack and index, or nothing of a pack without objects. */
  readonly kept: ReadonlyMap<string, Bytes>;
}

test(
  "entries, their bases and the tips, changed by chance",
  async () => {
    judge.run(["index-pack", "--stdin"], base);
    const accepted = await acceptedOf((random) => ({
      pack: packOf(changed(entriesOf(thin), random).map(entryOf)),
      tips: pick(random, [[tip], [tip], [tip, before], [before], [], [nowhere]]),
    }));
    // Without any of them, this test would prove nothing.
    expect(accepted.length).toBeGreaterThan(packs / 10);
    const bringing = accepted.filter(({ tips }) => tips.includes(tip));
    expect(bringing.length).toBeGreaterThan(packs / 40);
    expect(accepted.filter(({ tips }) => tips.includes(nowhere))).toEqual([]);
    const completed = accepted.filter((one) => countOf(packIn(one)) > countOf(one.pack));
    expect(completed.length).toBeGreaterThan(packs / 20);
    for (const one of accepted) expectByGit(one);
    process.stdout.write(
      `${packs} changed thin packs: ${accepted.length} accepted, here and by git; ${bringing.length} of them bring the tip, ${completed.length} were made whole\n`,
    );
  },
  patience,
);

/** Files of a hundred lines, of which each commit changes two in one file. */
function tell(commits: number, files: number): void {
  const text = (file: number, until: number): string =>
    Array.from({ length: 100 }, (_, line) => {
      const changed = line % files === file && line <= until;
      return `line ${line} of file ${file}${changed ? " is another one now" : ""}\n`;
    }).join("");
  const stream: string[] = [];
  for (let commit = 0; commit < commits; commit++) {
    stream.push(
      `commit refs/heads/main\ncommitter Alice <alice@example.org> ${1_700_000_000 + commit} +0000\n`,
      `data 4\nStep\n`,
    );
    for (let file = 0; file < files; file++) {
      const body = text(file, commit);
      stream.push(`M 100644 inline file-${file}\ndata ${body.length}\n${body}\n`);
    }
  }
  history.run(["fast-import", "--quiet"], stream.join(""));
}

/** Some changes do no harm: another order, a file that nobody refers to, an object left out that is stored. */
function changed(entries: Part[], random: Random): ReadonlyArray<Part> {
  for (let change = random(3); change >= 0; change--) {
    const at = random(entries.length);
    const entry = entries[at] ?? { code: blobCode, prefix: nothing, data: nothing };
    const what = random(8);
    if (what === 0) entries.splice(at, 1);
    else if (what === 1) entries.reverse();
    else if (what === 2) entries.splice(random(entries.length), 0, entry);
    else if (what === 3) entries[at] = { ...entry, data: mutate(entry.data, random) };
    else if (what === 4 && entry.prefix.length > 0)
      entries[at] = {
        ...entry,
        prefix: Buffer.from(pick<string>(random, [...ids, "e".repeat(40)]), "hex"),
      };
    else if (what === 5) entries.push(...entries.splice(at, 1));
    else if (what === 6) entries.push(...entries.splice(0, random(entries.length)));
    else entries.push(random(2) === 0 ? fileOf(random(9_999)) : deltaOf(random(9_999)));
  }
  return entries;
}

function fileOf(number: number): Part {
  return { code: blobCode, prefix: nothing, data: Buffer.from(`file ${number}`) };
}

/** On a file that is stored: several may be on it. */
function deltaOf(number: number): Part {
  const more = String(number);
  const data = delta(storedBytes, 10 + more.length, copy(0, 10), insert(more));
  return { code: refDeltaCode, prefix: Buffer.from(storedFile, "hex"), data };
}

const refDeltaCode = 7;

async function acceptedOf(make: (random: Random) => Sent): Promise<ReadonlyArray<Accepted>> {
  const stored = new Map<string, Bytes>();
  const first = await openObjectStore(openMemoryFiles(stored));
  await first.storePack({ bytes: base, tips: [before], signal });
  const accepted: Accepted[] = [];
  for (let seed = 1; seed <= packs; seed++) {
    const sent = make(openRandom(seed));
    const contents = new Map(stored);
    const store = await openObjectStore(openMemoryFiles(contents));
    const why = await store.storePack({ bytes: sent.pack, tips: sent.tips, signal }).then(
      () => undefined,
      (error: unknown) => error,
    );
    const kept = new Map([...contents].filter(([path]) => !stored.has(path)));
    if (why === undefined) accepted.push({ ...sent, seed, kept });
    else if (!(why instanceof PackRejectedError)) throw new Error(`seed ${seed}`, { cause: why });
    else expect(kept.size, `seed ${seed}`).toBe(0);
  }
  return accepted;
}

/** Git takes what was sent, beside what it has; and finds in what was kept what our index says. */
function expectByGit({ seed, pack, kept }: Accepted): void {
  const path = join(judge.path, "thin.pack");
  for (const extension of ["pack", "idx", "rev"])
    rmSync(join(judge.path, `thin.${extension}`), { force: true });
  const args = ["index-pack", "--strict", "--fix-thin", "--stdin", path];
  const { status, stderr } = spawnSync("git", args, { cwd: judge.path, input: pack });
  expect(status, `seed ${seed}: git says ${stderr.toString()}`).toBe(0);
  for (const [name, bytes] of kept) {
    if (!name.endsWith(".pack")) continue;
    const { idx, why } = indexByGit(judge, bytes);
    expect(idx, `seed ${seed}: git says ${why}`).toBeDefined();
    const ours = kept.get(name.replace(/pack$/u, "idx"));
    expect(equal(ours ?? nothing, idx ?? nothing), `seed ${seed}`).toBe(true);
  }
}

function packIn({ kept }: Accepted): Uint8Array {
  return [...kept].find(([path]) => path.endsWith(".pack"))?.[1] ?? packOf([]);
}

function countOf(pack: Uint8Array): number {
  return new DataView(pack.buffer, pack.byteOffset).getUint32(8);
}
